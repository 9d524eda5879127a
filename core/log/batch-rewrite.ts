/**
 * What the broker changes in a produced batch, in place: base offset and leader epoch, which the CRC does not cover, the time where the topic stamps on
 * append, and the codec where the topic names one.
 */
import {
  at,
  attributes,
  BATCH_OVERHEAD,
  type BatchHeader,
  codecOf,
  codecs,
  LOG_OVERHEAD,
  rewriteCrc,
  writeInt64,
} from '../wire/batch-header.ts'
import { compress } from '../wire/compression/index.ts'
import { recordBytes, walkRecords } from '../wire/record-walk.ts'
import { withCorruptMessage } from './log-validator.ts'

/** Kafka's `compression.type` beside the codecs' names. */
const AS_PRODUCED = 'producer'
const UNCOMPRESSED = 'uncompressed'

export function stampBatch(bytes: Buffer, header: BatchHeader, leaderEpoch: number, logAppendTime: boolean): void {
  writeInt64(bytes, header.baseOffset, at.baseOffset)
  bytes.writeInt32BE(leaderEpoch, at.leaderEpoch)
  if (!logAppendTime) return
  bytes.writeInt16BE(header.attributes | attributes.logAppendTime, at.attributes)
  writeInt64(bytes, header.maxTimestamp, at.maxTimestamp)
  rewriteCrc(bytes, 0, header.sizeBytes)
}

/** The same bytes where the batch has the codec that the topic asks for; else the same records behind the same head, packed with it. */
export function recompress(bytes: Buffer, header: BatchHeader, compressionType: string, where: string): Buffer {
  if (compressionType === AS_PRODUCED) return bytes
  const wanted = compressionType === UNCOMPRESSED ? 'none' : codecs.find((codec) => codec === compressionType)
  if (wanted === undefined || codecOf(header.attributes) === wanted) return bytes
  const records = withCorruptMessage(where, () => {
    const inside = recordBytes(bytes, false)
    walkRecords(bytes, inside, () => false)
    return inside
  })
  const again = Buffer.concat([bytes.subarray(0, BATCH_OVERHEAD), compress(wanted, records)])
  again.writeInt32BE(again.length - LOG_OVERHEAD, at.batchLength)
  again.writeInt16BE((header.attributes & ~attributes.codecMask) | codecs.indexOf(wanted), at.attributes)
  rewriteCrc(again, 0, again.length)
  return again
}
