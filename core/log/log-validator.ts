/**
 * Validates a produced `records` field; it does not use the log. Like Kafka's LogValidator it checks header, CRC and the structure of every
 * record, compressed batches included, so that no producer can store records that no consumer can read. Throws Kafka's errors.
 *
 * The cost, and why cheaper checks are not enough: docs/decisions/0006-records-are-checked.md.
 */
import { KafkaError } from '../errors.ts'
import {
  at,
  attributes,
  BATCH_OVERHEAD,
  type BatchHeader,
  batchSize,
  codecOf,
  computeCrc,
  MAGIC,
  readBatchHeader,
  rewriteCrc,
  writeInt64,
} from '../wire/batch-header.ts'
import { WireError } from '../wire/reader.ts'
import { recordBytes, walkRecords } from '../wire/record-walk.ts'
import type { LogConfig } from './types.ts'

export type AppendOrigin = 'client' | 'coordinator'

/** Kafka's RecordBatch.NO_TIMESTAMP. */
const NO_TIMESTAMP = -1

/** The header of a valid batch; the records are checked by `validateRecords`. `where` is the partition, for messages. */
export function validateBatch(batch: Buffer, config: LogConfig, origin: AppendOrigin, where: string): BatchHeader {
  if (batch.length < BATCH_OVERHEAD) {
    throw new KafkaError('CORRUPT_MESSAGE', `${where}: ${batch.length} bytes are fewer than the ${BATCH_OVERHEAD} of a batch's header`)
  }
  const header = readBatchHeader(batch)
  if (header.magic !== MAGIC)
    throw new KafkaError('INVALID_RECORD', `${where}: batches of magic ${header.magic} are not supported, only of ${MAGIC}`)
  if (header.sizeBytes !== batch.length) checkLength(batch, header, where)
  if (header.sizeBytes > config.maxMessageBytes) {
    throw new KafkaError(
      'MESSAGE_TOO_LARGE',
      `${where}: the batch has ${header.sizeBytes} bytes, max.message.bytes allows ${config.maxMessageBytes}`,
    )
  }
  if (header.sizeBytes > config.segmentBytes) {
    throw new KafkaError(
      'RECORD_LIST_TOO_LARGE',
      `${where}: the batch has ${header.sizeBytes} bytes, segment.bytes is ${config.segmentBytes}`,
    )
  }
  if (computeCrc(batch, 0, header.sizeBytes) >>> 0 !== header.crc) {
    throw new KafkaError('CORRUPT_MESSAGE', `${where}: the CRC of the batch does not match its bytes`)
  }
  if (codecOf(header.attributes) === undefined) {
    throw new KafkaError('INVALID_RECORD', `${where}: unknown compression codec ${header.attributes & attributes.codecMask}`)
  }
  if (origin === 'client') checkClientRules(header, where)
  if (header.lastOffsetDelta < 0 || header.count !== header.lastOffsetDelta + 1) {
    throw new KafkaError('INVALID_RECORD', `${where}: ${header.count} records cannot span ${header.lastOffsetDelta + 1} offsets`)
  }
  return header
}

function checkLength(batch: Buffer, header: BatchHeader, where: string): void {
  if (header.sizeBytes > batch.length || header.sizeBytes < BATCH_OVERHEAD) {
    throw new KafkaError('CORRUPT_MESSAGE', `${where}: the batch declares ${header.sizeBytes} bytes and has ${batch.length}`)
  }
  const extraBytes = batch.length - header.sizeBytes
  const isBatch = extraBytes >= BATCH_OVERHEAD && batchSize(batch, header.sizeBytes) <= extraBytes
  throw new KafkaError(
    isBatch ? 'INVALID_RECORD' : 'CORRUPT_MESSAGE',
    `${where}: ${extraBytes} bytes follow the batch; a request has exactly one batch for a partition`,
  )
}

function checkClientRules(header: BatchHeader, where: string): void {
  if (header.baseOffset !== 0)
    throw new KafkaError('INVALID_RECORD', `${where}: the base offset of a produced batch is 0, not ${header.baseOffset}`)
  if ((header.attributes & attributes.control) !== 0)
    throw new KafkaError('INVALID_RECORD', `${where}: clients cannot write control records`)
  if (header.producerId >= 0 && (header.baseSequence < 0 || header.producerEpoch < 0)) {
    throw new KafkaError(
      'INVALID_RECORD',
      `${where}: producer id ${header.producerId} has epoch ${header.producerEpoch} and sequence ${header.baseSequence}`,
    )
  }
}

/**
 * Kafka's LogValidator for the records: their structure, timestamps, and keys where the topic is compacted. The header's largest timestamp
 * becomes that of the records, so that the time index is right whatever a producer wrote there. Returns the decompressed records.
 */
export function validateRecords(batch: Buffer, header: BatchHeader, config: LogConfig, nowMs: number, where: string): Buffer {
  if ((header.attributes & attributes.logAppendTime) !== 0)
    throw new KafkaError('INVALID_TIMESTAMP', `${where}: the batch has LogAppendTime, which only a broker may set`)
  let largest = NO_TIMESTAMP
  let smallest = Number.POSITIVE_INFINITY
  let hasKeys = true
  let records: Buffer
  try {
    records = recordBytes(batch, false)
    walkRecords(batch, records, (_, timestamp, hasKey) => {
      if (timestamp > largest) largest = timestamp
      if (timestamp < smallest && timestamp !== NO_TIMESTAMP) smallest = timestamp
      if (!hasKey) hasKeys = false
      return false
    })
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause
    throw new KafkaError('INVALID_RECORD', `${where}: ${cause.message}`, { cause })
  }
  if (!hasKeys && config.cleanupPolicy.includes('compact'))
    throw new KafkaError('INVALID_RECORD', `${where}: a compacted topic cannot accept a record without a key`)
  if (config.messageTimestampType !== 'CreateTime') return records
  if (largest - nowMs > config.messageTimestampAfterMaxMs)
    throw new KafkaError(
      'INVALID_TIMESTAMP',
      `${where}: timestamp ${largest} is more than message.timestamp.after.max.ms=${config.messageTimestampAfterMaxMs} ahead of ${nowMs}`,
    )
  if (largest > Number.MAX_SAFE_INTEGER)
    throw new KafkaError('INVALID_RECORD', `${where}: timestamp ${largest} is larger than ${Number.MAX_SAFE_INTEGER}`)
  if (nowMs - smallest > config.messageTimestampBeforeMaxMs)
    throw new KafkaError(
      'INVALID_TIMESTAMP',
      `${where}: timestamp ${smallest} is more than message.timestamp.before.max.ms=${config.messageTimestampBeforeMaxMs} behind ${nowMs}`,
    )
  if (header.maxTimestamp !== largest) {
    header.maxTimestamp = largest
    writeInt64(batch, largest, at.maxTimestamp)
    rewriteCrc(batch, 0, header.sizeBytes)
  }
  return records
}
