/**
 * Why the target refuses a batch for good, as a message that names what to change.
 */
import { type ErrorName, KafkaError } from '../../core/errors.ts'
import { computeCrc, readBatchHeader } from '../../core/wire/batch-header.ts'
import { authenticationFailure } from '../authentication-failure.ts'
import type { PartitionProgress } from './partition-progress.ts'
import type { PendingBatch } from './send-queue.ts'

export function produceError(partition: PartitionProgress, batch: PendingBatch, error: ErrorName, cause: Error | null): KafkaError {
  const { name, targetTopic } = partition
  const where = `${name} at offset ${batch.ranges[0]?.upstreamOffset ?? batch.nextUpstreamOffset} to ${targetTopic}`
  return new KafkaError(error, `${where}: ${reason(targetTopic, batch.bytes!, error, cause)}`, cause ? { cause } : undefined)
}

function reason(topic: string, bytes: Buffer, error: ErrorName, cause: Error | null): string {
  const authentication = authenticationFailure(cause)
  if (authentication) return authentication.message
  switch (error) {
    case 'MESSAGE_TOO_LARGE':
    case 'RECORD_LIST_TOO_LARGE':
      return `the target refused a batch of ${bytes.length} bytes as too large: raise max.message.bytes of topic ${topic} (or message.max.bytes of the target's brokers) to at least ${bytes.length} and resume the mirror`
    case 'INVALID_PRODUCER_EPOCH':
    case 'PRODUCER_FENCED':
      return 'another mirror of the same clusters has started to write, and this mirror has stopped: run only one mirror for each flow'
    case 'CORRUPT_MESSAGE':
      return computeCrc(bytes, 0, bytes.length) === readBatchHeader(bytes).crc
        ? 'the target refused a batch as corrupt; its CRC is right in this process, so it was damaged on the way to the target'
        : "the target refused a batch as corrupt; its CRC is wrong in this process too, so it was damaged at the source or on the way from it: check the source's log with kafka-dump-log"
    case 'INVALID_TIMESTAMP':
      return `the target refused the timestamp of a record: raise message.timestamp.before.max.ms or message.timestamp.after.max.ms of topic ${topic} and resume the mirror`
    case 'TOPIC_AUTHORIZATION_FAILED':
    case 'CLUSTER_AUTHORIZATION_FAILED':
      return `the target does not let the mirror write: grant it WRITE on topic ${topic}`
    case 'INVALID_RECORD':
      return 'the target refused a record: a topic with cleanup.policy=compact accepts no records without a key'
    default:
      return `the target responded with ${error}${cause ? `: ${cause.message}` : ''}`
  }
}
