/**
 * Every request gets a response within 90 s, as in Kafka Connect: an error if the handler takes longer, with what the worker is in the
 * middle of. Fastify's own timeout covers only the arrival of the request.
 */
import type { FastifyInstance } from 'fastify'
import { ConnectError } from '../../connect/types.ts'
import type { System } from '../../core/system/index.ts'
import { HANDLER_TIMEOUT_MS } from '../limits.ts'

const mayComplete = "The operation may still complete: check its result, or see the worker's log."

/** `stage` says what the worker is in the middle of; null where that is not known. */
export function handlerTimeout(app: FastifyInstance, system: System, stage: () => string | null): void {
  app.addHook('onRoute', (route) => {
    const { handler } = route
    route.handler = async function (request, reply) {
      const late = Promise.withResolvers<never>()
      const timer = system.clock.after(HANDLER_TIMEOUT_MS, () => {
        const reason = stage()
        late.reject(new ConnectError(500, `Request timed out. ${reason === null ? '' : `${reason}. `}${mayComplete}`))
      })
      try {
        return await Promise.race([handler.call(this, request, reply), late.promise])
      } finally {
        timer.cancel()
      }
    }
  })
}
