/** Composition only: builds the parts and hands them to each other. */
import type { Cluster } from './cluster/index.ts'
import type { GroupCoordinator } from './groups/index.ts'
import type { Logs } from './log/index.ts'
import type { FetchWaiters } from './network/delayed.ts'
import type { BrokerSettings } from './settings.ts'
import type { System } from './system/index.ts'

export interface Broker {
  readonly settings: BrokerSettings
  readonly system: System
  readonly cluster: Cluster
  readonly logs: Logs
  readonly groups: GroupCoordinator
  readonly fetchWaiters: FetchWaiters
}
