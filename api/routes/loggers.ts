/**
 * /admin/loggers: reads and changes the levels of this process's loggers. Names and levels are Kafka Connect's: `root`, and one for each
 * part of the process. A name that has not logged yet keeps its level for later, as in Kafka Connect.
 */
import { ConnectError } from '../../connect/types.ts'
import { kafkaLevelNames, kafkaLevels, type LogLevel, logLevels, ROOT_LOGGER } from '../../core/system/logger.ts'
import { defineResource } from '../resource.ts'
import { errorResponse, noBody } from '../schemas.ts'

interface Named {
  Params: { logger: string }
}

const tags = ['Loggers']
/** At most this many loggers have a level of their own. */
const MAX_LOGGERS = 1000

const loggerParams = {
  type: 'object',
  properties: { logger: { type: 'string', description: 'The name of the logger; `root` for all' } },
  required: ['logger'],
} as const
const level = {
  description: 'The level, and the time of its last change over REST in milliseconds (null if it was never changed)',
  type: 'object',
  properties: { level: { type: 'string' }, last_modified: { type: ['integer', 'null'] } },
} as const

/** That of the root is known in any case. */
const nameOf = (name: string) => (name.toLowerCase() === ROOT_LOGGER ? ROOT_LOGGER : name)

export default defineResource({
  tag: 'Loggers',
  order: 7,
  doc: 'The log levels of this process',
  register(app, { system, worker }) {
    const loggers = logLevels(system.logger)
    const levelOf = (name: string, level: LogLevel) => ({ level: kafkaLevelNames[level], last_modified: loggers?.changedAt(name) ?? null })

    app.get(
      '/admin/loggers',
      {
        schema: {
          tags,
          summary: 'List the loggers and their levels',
          response: { 200: { description: 'The levels by logger name', type: 'object', additionalProperties: level } },
        },
      },
      async () => Object.fromEntries([...(loggers?.list() ?? [])].map(([name, current]) => [name, levelOf(name, current)])),
    )

    app.get<Named>(
      '/admin/loggers/:logger',
      { schema: { tags, summary: 'Get the level of a logger', params: loggerParams, response: { 200: level, 404: errorResponse } } },
      async ({ params }) => {
        const current = loggers?.list().get(nameOf(params.logger))
        if (current === undefined) throw new ConnectError(404, `Logger ${params.logger} not found.`)
        return levelOf(nameOf(params.logger), current)
      },
    )

    app.put<Named & { Body: { level?: string | null }; Querystring: { scope?: string } }>(
      '/admin/loggers/:logger',
      {
        schema: {
          tags,
          summary: 'Change the level of a logger',
          params: loggerParams,
          querystring: {
            type: 'object',
            properties: {
              scope: { type: 'string', enum: ['worker', 'cluster'], default: 'worker', description: 'This worker, or all workers' },
            },
          },
          body: {
            type: 'object',
            properties: { level: { type: ['string', 'null'], description: 'OFF, ERROR, WARN, INFO, DEBUG or TRACE' } },
            examples: [{ level: 'DEBUG' }],
          },
          response: {
            200: { description: 'The loggers whose level changed', type: 'array', items: { type: 'string' } },
            204: noBody('Changed on all workers'),
            400: errorResponse,
            404: errorResponse,
          },
        },
      },
      async ({ params, body, query }, reply) => {
        if (body.level === undefined || body.level === null) {
          throw new ConnectError(400, "Desired 'level' parameter was not specified in request.")
        }
        const newLevel = Object.hasOwn(kafkaLevels, body.level.toUpperCase()) ? kafkaLevels[body.level.toUpperCase()]! : undefined
        if (newLevel === undefined) throw new ConnectError(404, `invalid log level '${body.level}'.`)
        const known = loggers?.list()
        if (known && !known.has(params.logger) && known.size >= MAX_LOGGERS) {
          throw new ConnectError(400, `There are ${MAX_LOGGERS} loggers with a level already. Set the level of ${ROOT_LOGGER} instead.`)
        }
        if (query.scope?.toLowerCase() === 'cluster' && worker) {
          await worker.setClusterLoggerLevel(nameOf(params.logger), kafkaLevelNames[newLevel])
          return reply.code(204).send()
        }
        const changed = loggers?.setNamespace(nameOf(params.logger), newLevel, system.clock.now()) ?? []
        return reply.send(changed)
      },
    )
  },
})
