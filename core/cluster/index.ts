/**
 * The door of the cluster room: what exists, and how it changes.
 */
export { openCluster } from './cluster.ts'
export { METADATA_TOPIC } from './journal.ts'
export { checkTopicName } from './topic-rules.ts'
export type * from './types.ts'
