/**
 * Schemas that several resources share. Bodies are checked against them, and the API's document is made of them; answers are not checked:
 * their types are the doors'.
 */
import { ConnectError } from '../connect/types.ts'

const scalar = { type: ['string', 'number', 'boolean', 'null'] } as const

/** A config as a request carries it. Numbers and booleans are taken as their text. */
export const givenConfig = {
  type: 'object',
  additionalProperties: scalar,
  examples: [{ 'connector.class': 'FileStreamSource', 'tasks.max': '1', file: '/tmp/in.txt', topic: 'lines' }],
} as const

/** A config as an answer carries it. */
export const shownConfig = { type: 'object', additionalProperties: { type: 'string' } } as const

export const errorAnswer = {
  description: 'What is wrong, and what to do',
  type: 'object',
  properties: { error_code: { type: 'integer' }, message: { type: 'string' } },
} as const

export const nothing = (description: string) => ({ description, type: 'null' }) as const

export const connectorParams = {
  type: 'object',
  properties: { connector: { type: 'string', description: "The connector's name; a slash in it is written %2F" } },
  required: ['connector'],
} as const

export const connectorInfo = {
  description: 'A connector, its config and its tasks',
  type: 'object',
  properties: {
    name: { type: 'string' },
    config: shownConfig,
    tasks: { type: 'array', items: { type: 'object', properties: { connector: { type: 'string' }, task: { type: 'integer' } } } },
    type: { type: 'string', enum: ['source', 'sink', 'unknown'] },
  },
} as const

const state = { type: 'string', enum: ['UNASSIGNED', 'RUNNING', 'PAUSED', 'FAILED', 'RESTARTING', 'STOPPED'] } as const
const instance = {
  state,
  worker_id: { type: 'string', description: 'The worker that runs it' },
  trace: { type: 'string', description: 'Why it failed; only where it did' },
  version: { type: 'string' },
} as const

export const taskStatus = {
  description: 'A task and the state it is in',
  type: 'object',
  properties: { id: { type: 'integer' }, ...instance },
} as const

export const connectorStatus = {
  description: 'A connector, its tasks and the states they are in',
  type: 'object',
  properties: {
    name: { type: 'string' },
    connector: { type: 'object', properties: instance },
    tasks: { type: 'array', items: taskStatus },
    type: { type: 'string', enum: ['source', 'sink', 'unknown'] },
  },
} as const

export type GivenConfig = Readonly<Record<string, string | number | boolean | null>>

/** A map of JSON scalars as the map of texts that Kafka Connect makes of it; null stays null. */
export function configPatch(given: GivenConfig): Record<string, string | null> {
  // an own property of this name would become the prototype of every object that the map is assigned to
  if (Object.hasOwn(given, '__proto__')) throw new ConnectError(400, 'A setting cannot be named "__proto__": leave it out.')
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value === null ? null : String(value)]))
}

/** The same for a whole config, where null is a mistake. */
export function wholeConfig(given: GivenConfig): Record<string, string> {
  const empty = Object.entries(given).flatMap(([name, value]) => (value === null ? [name] : []))
  if (empty.length > 0) {
    const complaints = empty.map(
      (name) => `Null value can not be supplied as the configuration value. Give ${name} a value, or leave it out.`,
    )
    throw new ConnectError(
      400,
      `Connector configuration is invalid and contains the following ${empty.length} error(s):\n${complaints.join('\n')}\n` +
        'You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`',
    )
  }
  return configPatch(given) as Record<string, string>
}

/** A flag of the query, read as Kafka Connect reads it: anything but "true" is false. */
export const flag = (value: unknown): boolean => String(value).toLowerCase() === 'true'

export const flagSchema = (description: string, fallback: boolean) => ({ type: 'boolean', default: fallback, description }) as const

/** Which request a follower may pass on; left out by users. */
export const forwardQuery = {
  forward: { type: 'boolean', description: 'Set by workers when one passes a request on to the leader; not for users' },
} as const
