/**
 * A request to each API of producers, consumers, groups and transactions, and what its client must be allowed: the tests of authorization
 * send them, in all versions and shapes in which Kafka's answers differ.
 */
import { dataRequests } from './data.ts'
import { groupRequests } from './groups.ts'
import { transactionRequests } from './transactions.ts'
import type { AuthorizedRequest } from './types.ts'

export { prepareCluster } from './cluster.ts'
export { type AuthorizedRequest, type Cluster, type Need, versionsOf } from './types.ts'

export const authorizedRequests: readonly AuthorizedRequest[] = [...dataRequests, ...groupRequests, ...transactionRequests]
