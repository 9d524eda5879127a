/**
 * What workers of a `connect` group tell each other inside JoinGroup and SyncGroup: byte for byte Kafka Connect's, so that its workers and
 * ours can share a group. Version 0 is the protocol `default` (eager), 1 `compatible` and 2 `sessioned` (both cooperative, KIP-415, KIP-507).
 */
import { defineStruct } from '../../core/wire/struct.ts'
import { bytes, int16, int32, int64, list, nullable, since, string, struct } from '../../core/wire/types.ts'

export type ProtocolName = 'default' | 'compatible' | 'sessioned'
export const protocolVersions: Readonly<Record<ProtocolName, number>> = { default: 0, compatible: 1, sessioned: 2 }

/** In Kafka Connect's order of preference, down from `newest`. */
export function offered(newest: 'eager' | 'compatible' | 'sessioned'): ProtocolName[] {
  if (newest === 'eager') return ['default']
  return newest === 'compatible' ? ['compatible', 'default'] : ['sessioned', 'compatible', 'default']
}

/** One thing to run: a task, or with task -1 the connector itself. */
export interface Unit {
  connector: string
  task: number
}
export const CONNECTOR = -1

/** A unit as one text, for sets and maps. */
export const unitKey = (connector: string, task: number): string => `${task}/${connector}`
export function unitOf(key: string): Unit {
  const slash = key.indexOf('/')
  return { connector: key.slice(slash + 1), task: Number(key.slice(0, slash)) }
}

const work = list(struct({ connector: string, tasks: list(int32) }))

const metadata = defineStruct({
  versions: [0, 2],
  flexible: null,
  fields: { url: string, configOffset: int64, allocation: since(1, nullable(bytes)) },
})

const assignment = defineStruct({
  versions: [0, 2],
  flexible: null,
  fields: {
    error: int16,
    leader: string,
    leaderUrl: string,
    configOffset: int64,
    assigned: nullable(work, 1),
    revoked: since(1, nullable(work)),
    delayMs: since(1, int32),
  },
})

export const NO_ERROR = 0
/** The leader could not read the config topic as far as some member has: read on and join again. */
export const CONFIG_MISMATCH = 1

export interface Assignment {
  version: number
  error: number
  leader: string
  leaderUrl: string
  configOffset: number
  /** Units. In cooperative versions: what is new. */
  assigned: string[]
  revoked: string[]
  delayMs: number
}

export interface WorkerState {
  url: string
  configOffset: number
  /** Units that the member runs. Not told in version 0. */
  owned: string[]
}

function group(units: readonly string[]): { connector: string; tasks: number[] }[] {
  const byConnector = new Map<string, number[]>()
  for (const key of units) {
    const { connector, task } = unitOf(key)
    const tasks = byConnector.get(connector)
    if (tasks) tasks.push(task)
    else byConnector.set(connector, [task])
  }
  return [...byConnector].map(([connector, tasks]) => ({ connector, tasks: tasks.sort((a, b) => a - b) }))
}

const ungroup = (groups: readonly { connector: string; tasks: readonly number[] }[] | null): string[] =>
  (groups ?? []).flatMap(({ connector, tasks }) => tasks.map((task) => unitKey(connector, task)))

export function writeAssignment(given: Assignment): Buffer {
  return assignment.write(
    { ...given, assigned: group(given.assigned), revoked: given.version === 0 ? null : group(given.revoked) },
    given.version,
  )
}

/** A newer worker's version reads as the newest one known, as Kafka Connect does. */
export function readAssignment(content: Buffer): Assignment {
  const { assigned, revoked, ...rest } = assignment.read(capped(content))
  return { ...rest, assigned: ungroup(assigned), revoked: ungroup(revoked) }
}

export function writeMetadata(
  version: number,
  state: WorkerState,
  held: Omit<Assignment, 'version' | 'assigned' | 'revoked' | 'delayMs'> | null,
): Buffer {
  const allocation =
    version === 0 || held === null
      ? null
      : writeAssignment({ ...held, version, configOffset: held.configOffset, assigned: state.owned, revoked: [], delayMs: 0 })
  return metadata.write({ url: state.url, configOffset: state.configOffset, allocation }, version)
}

export function readMetadata(content: Buffer): WorkerState {
  const { url, configOffset, allocation } = metadata.read(capped(content))
  return { url, configOffset, owned: allocation ? readAssignment(allocation).assigned : [] }
}

function capped(content: Buffer): Buffer {
  if (content.length < 2 || content.readInt16BE(0) <= 2) return content
  const copy = Buffer.from(content)
  copy.writeInt16BE(2, 0)
  return copy
}
