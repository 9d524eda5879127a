/**
 * The door of the client room: `createClient`, and the words that its users need.
 */
export type { Backoff } from './backoff.ts'
export { createClient } from './client.ts'
export type { Address, Connect, Connection } from './connection.ts'
export type { Doors } from './nodes.ts'
export type * from './types.ts'
