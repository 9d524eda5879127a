/**
 * The membership of a worker in its group: what it is assigned, who leads, in which generation. A distributed worker has a
 * WorkerGroupMember, a standalone worker a StandaloneMember. Connectors and tasks are named by the keys of `connectorTaskKey`.
 */
import type { ConfigBackingStore } from '../storage/config-backing-store.ts'
import { CONNECTOR_TASK, connectorTaskKey } from './connect-protocol.ts'

export interface WorkerRebalanceListener {
  /** Stops these connectors and tasks; resolves when they have stopped. */
  onRevoked(keys: readonly string[]): Promise<void>
  /** All that the worker runs from now on. Must not wait for anything to start. */
  onAssigned(keys: ReadonlySet<string>): void
  /** The group coordinator has removed this worker: everything is cancelled and stores nothing more. */
  onLost(): Promise<void>
  onElectedLeader(): void
  /** Whether the last owner has reported that it stopped the connector or task. */
  hasStopped(key: string): boolean
  /** Called by the leader before it assigns: reads the statuses to their end. */
  beforeAssign(): Promise<void>
}

export interface WorkerMembership {
  readonly generation: number
  readonly isLeader: boolean
  /** It has no other workers, which could send it the configs of tasks. */
  readonly isStandalone: boolean
  /** Null while no leader is known. */
  readonly leaderUrl: string | null
  readonly assigned: ReadonlySet<string>
  /** Whether requests between workers are signed (KIP-507). */
  readonly signsInternalRequests: boolean
  /** The URL of the worker that runs a connector or task, as far as this worker knows. */
  ownerUrl(key: string): string | null
  /** Since when the worker has not been in its group, after it was, in ms since the epoch; null where it is, or never was. */
  readonly lostAt: number | null
  /** Resolves at the first assignment. */
  readonly joined: Promise<void>
  /** Rejects when the group coordinator refuses this worker for good. */
  readonly failed: Promise<never>
  start(): void
  /** Requests a rebalance: the set of connectors and tasks has changed. */
  rejoin(reason: string): void
  close(): Promise<void>
}

/** The keys of all connectors and tasks in the config topic. */
export function configuredKeys(configs: ConfigBackingStore): string[] {
  return configs.connectors.flatMap((name) => [
    connectorTaskKey(name, CONNECTOR_TASK),
    ...configs.taskConfigs(name).map((_, task) => connectorTaskKey(name, task)),
  ])
}
