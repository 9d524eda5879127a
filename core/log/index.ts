/**
 * The public part of the log: how to open it, and its types.
 */
export { openLogs } from './logs.ts'
export type * from './types.ts'
