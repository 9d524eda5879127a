/**
 * What the broker changes in a produced batch, in place: base offset and leader epoch, which the CRC does not cover, the time where the topic stamps on
 * append, and the codec where the topic names one.
 */
import { at, attributes, type BatchHeader, codecOf, codecs, rewriteCrc, writeInt64 } from '../wire/batch-header.ts'
import { encodeBatch } from '../wire/record-batch.ts'
import { decode } from './append-check.ts'

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

/** The same bytes where the batch has the codec that the topic asks for; else its records in a batch of that codec. */
export function recompress(bytes: Buffer, header: BatchHeader, compressionType: string, where: string): Buffer {
  if (compressionType === AS_PRODUCED) return bytes
  const wanted = compressionType === UNCOMPRESSED ? 'none' : codecs.find((codec) => codec === compressionType)
  if (wanted === undefined || codecOf(header.attributes) === wanted) return bytes
  return encodeBatch(decode(bytes, where), {
    codec: wanted,
    producerId: header.producerId,
    producerEpoch: header.producerEpoch,
    baseSequence: header.baseSequence,
    transactional: (header.attributes & attributes.transactional) !== 0,
  })
}
