/**
 * The metadata and assignments of workers in JoinGroup and SyncGroup requests, byte for byte Kafka Connect's: its workers and ours can
 * share a group. Version 0 is the protocol `default` (eager), 1 `compatible`, 2 `sessioned` (both incremental cooperative, KIP-415; signed,
 * KIP-507).
 */
import { defineStruct } from '../../core/wire/struct.ts'
import { bytes, int16, int32, int64, list, nullable, since, string, struct } from '../../core/wire/types.ts'
import type { ConnectorTaskId } from '../types.ts'

export type ProtocolName = 'default' | 'compatible' | 'sessioned'
export const protocolVersions = { default: 0, compatible: 1, sessioned: 2 } as const satisfies Record<ProtocolName, number>

const NEWEST_VERSION = protocolVersions.sessioned

/** The protocols that a worker offers, the preferred one first. */
export function offeredProtocols(newest: 'eager' | 'compatible' | 'sessioned'): ProtocolName[] {
  if (newest === 'eager') return ['default']
  return newest === 'compatible' ? ['compatible', 'default'] : ['sessioned', 'compatible', 'default']
}

/** The task number of the connector itself, as in Kafka Connect's assignments. */
export const CONNECTOR_TASK = -1

/** The key of a connector or task in sets and maps. */
export const connectorTaskKey = (connector: string, task: number): string => `${task}/${connector}`
export function connectorTaskId(key: string): ConnectorTaskId {
  const slash = key.indexOf('/')
  return { connector: key.slice(slash + 1), task: Number(key.slice(0, slash)) }
}

const connectorsAndTasks = list(struct({ connector: string, tasks: list(int32) }))

const metadata = defineStruct({
  versions: [0, NEWEST_VERSION],
  flexible: null,
  fields: { url: string, configOffset: int64, allocation: since(1, nullable(bytes)) },
})

const assignment = defineStruct({
  versions: [0, NEWEST_VERSION],
  flexible: null,
  fields: {
    error: int16,
    leader: string,
    leaderUrl: string,
    configOffset: int64,
    assigned: nullable(connectorsAndTasks, 1),
    revoked: since(1, nullable(connectorsAndTasks)),
    delayMs: since(1, int32),
  },
})

export const NO_ERROR = 0
/** The leader has not read the config topic as far as some member: all read it again and rejoin. */
export const CONFIG_MISMATCH = 1

export interface Assignment {
  version: number
  error: number
  leader: string
  leaderUrl: string
  configOffset: number
  /** Keys of connectors and tasks. In the cooperative versions only the new ones. */
  assigned: string[]
  revoked: string[]
  delayMs: number
}

export interface WorkerState {
  url: string
  configOffset: number
  /** The keys of what the worker runs. Empty in version 0. */
  owned: string[]
}

function groupByConnector(keys: readonly string[]): { connector: string; tasks: number[] }[] {
  const byConnector = new Map<string, number[]>()
  for (const key of keys) {
    const { connector, task } = connectorTaskId(key)
    const tasks = byConnector.get(connector)
    if (tasks) tasks.push(task)
    else byConnector.set(connector, [task])
  }
  return [...byConnector].map(([connector, tasks]) => ({ connector, tasks: tasks.sort((a, b) => a - b) }))
}

const keysOf = (groups: readonly { connector: string; tasks: readonly number[] }[] | null): string[] =>
  (groups ?? []).flatMap(({ connector, tasks }) => tasks.map((task) => connectorTaskKey(connector, task)))

export function writeAssignment(value: Assignment): Buffer {
  return assignment.write(
    { ...value, assigned: groupByConnector(value.assigned), revoked: value.version === 0 ? null : groupByConnector(value.revoked) },
    value.version,
  )
}

export function readAssignment(content: Buffer): Assignment {
  const { assigned, revoked, ...rest } = assignment.read(withKnownVersion(content))
  return { ...rest, assigned: keysOf(assigned), revoked: keysOf(revoked) }
}

export function writeMetadata(
  version: number,
  state: WorkerState,
  current: Omit<Assignment, 'version' | 'assigned' | 'revoked' | 'delayMs'> | null,
): Buffer {
  const allocation =
    version === 0 || current === null ? null : writeAssignment({ ...current, version, assigned: state.owned, revoked: [], delayMs: 0 })
  return metadata.write({ url: state.url, configOffset: state.configOffset, allocation }, version)
}

export function readMetadata(content: Buffer): WorkerState {
  const { url, configOffset, allocation } = metadata.read(withKnownVersion(content))
  return { url, configOffset, owned: allocation ? readAssignment(allocation).assigned : [] }
}

/** Reads a newer version as the newest known one, as Kafka Connect does. */
function withKnownVersion(content: Buffer): Buffer {
  if (content.length < 2 || content.readInt16BE(0) <= NEWEST_VERSION) return content
  const copy = Buffer.from(content)
  copy.writeInt16BE(NEWEST_VERSION, 0)
  return copy
}
