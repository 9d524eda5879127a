/**
 * /admin/loggers: the levels of this process's loggers, read and changed while it runs. Names and levels are Kafka Connect's: `root`, and
 * one for each part; setting a name that logs nothing yet is remembered, as Kafka Connect does it for tools that set Java's class names.
 */
import { ConnectError } from '../../connect/types.ts'
import { type LogLevel, logLevels, ROOT_LOGGER } from '../../core/system/logger.ts'
import { defineResource } from '../resource.ts'
import { errorAnswer, nothing } from '../schemas.ts'

interface Named {
  Params: { logger: string }
}

const tags = ['Loggers']
/** Ours has no FATAL and no TRACE: the nearest counts. */
const levels: Readonly<Record<string, LogLevel>> = {
  OFF: 'silent',
  FATAL: 'error',
  ERROR: 'error',
  WARN: 'warn',
  INFO: 'info',
  DEBUG: 'debug',
  TRACE: 'debug',
}
const shownLevel: Readonly<Record<LogLevel, string>> = { silent: 'OFF', error: 'ERROR', warn: 'WARN', info: 'INFO', debug: 'DEBUG' }
/** Names that logged nothing yet are remembered up to this many. */
const NAMES_LIMIT = 1000

const loggerParams = {
  type: 'object',
  properties: { logger: { type: 'string', description: 'Its name; `root` for all' } },
  required: ['logger'],
} as const
const level = {
  description: 'The level, and when it was last changed over REST (null: never)',
  type: 'object',
  properties: { level: { type: 'string' }, last_modified: { type: ['integer', 'null'] } },
} as const

export default defineResource({
  tag: 'Loggers',
  place: 7,
  doc: "The levels of this process's loggers",
  register(app, { system }) {
    const loggers = logLevels(system.logger)
    const changedAt = new Map<string, number>()
    const shown = (name: string, at: LogLevel) => ({ level: shownLevel[at], last_modified: changedAt.get(name) ?? null })

    app.get(
      '/admin/loggers',
      {
        schema: {
          tags,
          summary: 'All loggers and their levels',
          response: { 200: { description: 'The levels by name', type: 'object', additionalProperties: level } },
        },
      },
      async () => Object.fromEntries([...(loggers?.list() ?? [])].map(([name, at]) => [name, shown(name, at)])),
    )

    app.get<Named>(
      '/admin/loggers/:logger',
      { schema: { tags, summary: 'The level of a logger', params: loggerParams, response: { 200: level, 404: errorAnswer } } },
      async ({ params }) => {
        const at = loggers?.list().get(params.logger)
        if (at === undefined) throw new ConnectError(404, `Logger ${params.logger} not found.`)
        return shown(params.logger, at)
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
              scope: { type: 'string', enum: ['worker', 'cluster'], default: 'worker', description: 'This process, or all workers' },
            },
          },
          body: {
            type: 'object',
            properties: { level: { type: ['string', 'null'], description: 'OFF, ERROR, WARN, INFO, DEBUG or TRACE' } },
            examples: [{ level: 'DEBUG' }],
          },
          response: {
            200: { description: 'The names of the loggers that changed', type: 'array', items: { type: 'string' } },
            204: nothing('Changed on all workers'),
            400: errorAnswer,
            404: errorAnswer,
          },
        },
      },
      async ({ params, body, query }, reply) => {
        if (body.level === undefined || body.level === null) {
          throw new ConnectError(400, "Desired 'level' parameter was not specified in request.")
        }
        const to = Object.hasOwn(levels, body.level.toUpperCase()) ? levels[body.level.toUpperCase()]! : undefined
        if (to === undefined) throw new ConnectError(404, `invalid log level '${body.level}'.`)
        const known = loggers?.list()
        if (known && !known.has(params.logger) && known.size >= NAMES_LIMIT) {
          throw new ConnectError(400, `There are ${NAMES_LIMIT} named loggers already: set the level of ${ROOT_LOGGER} instead.`)
        }
        const changed = loggers?.set(params.logger, to) ?? []
        for (const name of changed) changedAt.set(name, system.clock.now())
        if (query.scope?.toLowerCase() === 'cluster') {
          system.logger.warn({ logger: params.logger, wanted: to }, 'the level was changed on this worker only: ask the others too')
          return reply.code(204).send()
        }
        return reply.send(changed)
      },
    )
  },
})
