/**
 * Schemas that several resources share. Request bodies are checked against them, and the API's document is generated from them. Responses
 * are not checked: TypeScript checks their types.
 */
import { ConnectError } from '../connect/types.ts'

const scalar = { type: ['string', 'number', 'boolean', 'null'] } as const

/** A config in a request. Numbers and booleans become text. */
export const requestConfig = {
  type: 'object',
  additionalProperties: scalar,
  examples: [{ 'connector.class': 'FileStreamSource', 'tasks.max': '1', file: '/tmp/in.txt', topic: 'lines' }],
} as const

/** A config in a response. */
export const responseConfig = { type: 'object', additionalProperties: { type: 'string' } } as const

export const errorResponse = {
  description: 'An error; the message says what is wrong',
  type: 'object',
  properties: { error_code: { type: 'integer' }, message: { type: 'string' } },
} as const

export const noBody = (description: string) => ({ description, type: 'null' }) as const

export const connectorParams = {
  type: 'object',
  properties: { connector: { type: 'string', description: 'The name of the connector; write a slash in it as %2F' } },
  required: ['connector'],
} as const

export const connectorInfo = {
  description: 'The connector, its config and its tasks',
  type: 'object',
  properties: {
    name: { type: 'string' },
    config: responseConfig,
    tasks: { type: 'array', items: { type: 'object', properties: { connector: { type: 'string' }, task: { type: 'integer' } } } },
    type: { type: 'string', enum: ['source', 'sink', 'unknown'] },
  },
} as const

const state = { type: 'string', enum: ['UNASSIGNED', 'RUNNING', 'PAUSED', 'FAILED', 'RESTARTING', 'STOPPED'] } as const
const instance = {
  state,
  worker_id: { type: 'string', description: 'The worker that runs it' },
  trace: { type: 'string', description: 'The error, where the state is FAILED' },
  version: { type: 'string' },
  restart: {
    type: 'object',
    description: 'Where the state is FAILED: when it is restarted by itself; `next` is null where a user must do it, for the given reason',
    properties: { restarts: { type: 'integer' }, next: { type: ['string', 'null'] }, reason: { type: 'string' } },
  },
  stalled: {
    type: 'object',
    description: 'Of a running task that makes no progress: where it waits, and since when',
    properties: { stage: { type: 'string' }, since: { type: 'string' } },
  },
  progress: {
    type: 'object',
    description:
      'Of a running task: how far long work is, such as a snapshot, as the connector says, or what fails and is tried again, with its `reason`; `what` it is, and further fields',
    properties: { what: { type: 'string' } },
    additionalProperties: { type: ['string', 'number', 'boolean', 'null'] },
  },
} as const

export const taskStatus = {
  description: 'The task and its state',
  type: 'object',
  properties: { id: { type: 'integer' }, ...instance },
} as const

export const connectorStatus = {
  description: 'The states of the connector and of its tasks',
  type: 'object',
  properties: {
    name: { type: 'string' },
    connector: { type: 'object', properties: instance },
    tasks: { type: 'array', items: taskStatus },
    type: { type: 'string', enum: ['source', 'sink', 'unknown'] },
    warnings: {
      type: 'array',
      items: { type: 'string' },
      description: 'What is wrong in the system of the connector, and what to do; left out where nothing is known to be wrong',
    },
  },
} as const

export type RequestConfig = Readonly<Record<string, string | number | boolean | null>>

/** Turns JSON scalars into text, as Kafka Connect does; null stays null. */
export function configPatch(config: RequestConfig): Record<string, string | null> {
  // An own property of this name would become the prototype of every object that the config is assigned to.
  if (Object.hasOwn(config, '__proto__')) throw new ConnectError(400, 'A setting cannot be named "__proto__": leave it out.')
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name, value === null ? null : String(value)]))
}

/** The same for a whole config, where null is an error. */
export function wholeConfig(config: RequestConfig): Record<string, string> {
  const empty = Object.entries(config).flatMap(([name, value]) => (value === null ? [name] : []))
  if (empty.length > 0) {
    const errors = empty.map((name) => `Null value can not be supplied as the configuration value. Give ${name} a value, or leave it out.`)
    throw new ConnectError(
      400,
      `Connector configuration is invalid and contains the following ${empty.length} error(s):\n${errors.join('\n')}\n` +
        'You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`',
    )
  }
  return configPatch(config) as Record<string, string>
}

/** A flag in the query, read as Kafka Connect reads it: everything except "true" is false. */
export const flag = (value: unknown): boolean => String(value).toLowerCase() === 'true'

export const flagSchema = (description: string, fallback: boolean) => ({ type: 'boolean', default: fallback, description }) as const

/** The query parameter of requests that a follower forwards to the leader. */
export const forwardQuery = {
  forward: { type: 'boolean', description: 'Internal: set by a worker that forwards the request to the leader' },
} as const
