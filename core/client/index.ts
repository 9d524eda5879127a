/**
 * The door of the client room: `createClient`, and the words that its users need.
 */
export type { Backoff } from '../system/backoff.ts'
export { createClient } from './client.ts'
export { awaitTopicLeaders, createMissingTopics } from './topic-setup.ts'
export type { Address, BrokerConnection, Connect } from './transport/connection.ts'
export type { Transport } from './transport/connection-pool.ts'
export type * from './types.ts'
