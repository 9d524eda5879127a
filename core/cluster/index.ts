/**
 * The door of the cluster room: what exists, and how it changes.
 */
export { openCluster } from './cluster.ts'
export type * from './types.ts'
