/**
 * The public part of the cluster metadata: how to open it, and its types.
 */
export { openCluster } from './cluster.ts'
export type * from './types.ts'
