/**
 * Every request is answered within Kafka Connect's 90 s, if only by saying that it took longer. Fastify's own timeout ends with the arrival
 * of the body, so it does not hold for what takes long here.
 */
import type { FastifyInstance } from 'fastify'
import { ConnectError } from '../../connect/types.ts'
import type { System } from '../../core/system/index.ts'
import { HANDLER_TIMEOUT_MS } from '../limits.ts'

const sentence = `Request timed out after ${HANDLER_TIMEOUT_MS / 1000} s. What it asked for may still happen: look again, or see the worker's log.`

export function answerTimeout(app: FastifyInstance, system: System): void {
  app.addHook('onRoute', (route) => {
    const { handler } = route
    route.handler = async function (request, reply) {
      const late = Promise.withResolvers<never>()
      const timer = system.clock.after(HANDLER_TIMEOUT_MS, () => late.reject(new ConnectError(500, sentence)))
      try {
        return await Promise.race([handler.call(this, request, reply), late.promise])
      } finally {
        timer.cancel()
      }
    }
  })
}
