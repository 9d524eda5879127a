/**
 * The parts of a running broker that a request handler may use: an interface only. It depends on the rooms of the engine and on nothing
 * above them.
 */
import type { Cluster } from './cluster/types.ts'
import type { GroupCoordinator } from './groups/types.ts'
import type { FetchPurgatory } from './log/fetch-purgatory.ts'
import type { Logs } from './log/types.ts'
import type { ClientQuotas } from './quotas/client-quotas.ts'
import type { Authorizer } from './security/authorizer.ts'
import type { BrokerSettings } from './settings.ts'
import type { System } from './system/index.ts'
import type { TransactionVerifier } from './transaction-verifier.ts'
import type { MarkerAppender, TransactionCoordinator } from './transactions/types.ts'
import type { AnyApi } from './wire/api.ts'

export interface BrokerServices {
  readonly settings: BrokerSettings
  readonly system: System
  readonly cluster: Cluster
  readonly logs: Logs
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  /** Ends transactions in the logs and in the groups of this broker. */
  readonly markers: MarkerAppender
  /** What each transactional append passes. */
  readonly transactionVerifier: TransactionVerifier
  readonly fetchPurgatory: FetchPurgatory
  readonly quotas: ClientQuotas
  /** Null: every client may do everything. */
  readonly authorizer: Authorizer | null
  /** The APIs that are served. */
  readonly apis: readonly AnyApi[]
}
