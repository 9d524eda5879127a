/**
 * The partition of an internal topic that stores a group or a transactional id. Every client and broker must find the same one.
 */

/** Java's String.hashCode, made non-negative as in Kafka, modulo `partitions`. */
export function coordinatorPartition(id: string, partitions: number): number {
  let hash = 0
  for (let i = 0; i < id.length; i++) hash = (Math.imul(hash, 31) + id.charCodeAt(i)) | 0
  return (hash === -0x8000_0000 ? 0 : Math.abs(hash)) % partitions
}
