/**
 * What other rooms may use of the Kafka client: `createClient`, topic set-up, and the types.
 */
export { aclKey, patternTypes, permissionTypes } from '../security/acl/acl.ts'
export { AuthenticationError } from '../security/authentication-error.ts'
export { aclOperations, resourceTypes } from '../security/authorizer.ts'
export { type ClientSecurity, clientSecurity } from '../security/client-security.ts'
export type { Backoff } from '../system/backoff.ts'
export { createClient } from './client.ts'
export { DEFAULT_MAX_REQUEST_SIZE } from './producer/producer.ts'
export { isAbortable, isFatal, isFenced, TransactionError } from './producer/transaction-errors.ts'
export { awaitTopicLeaders, createTopicsIfAbsent } from './topic-setup.ts'
export type { Address, BrokerConnection, Connect } from './transport/connection.ts'
export type { Transport } from './transport/connection-pool.ts'
export type * from './types.ts'
