/**
 * The door of the log room.
 */
export { openLogs } from './logs.ts'
export type * from './types.ts'
