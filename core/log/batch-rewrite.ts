/**
 * The changes of a broker to a produced batch: base offset and leader epoch, in place and outside of the CRC; the timestamp under
 * message.timestamp.type=LogAppendTime; the codec under a compression.type other than `producer`.
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

/** The values of `compression.type` that are not names of codecs. */
const PRODUCER = 'producer'
const UNCOMPRESSED = 'uncompressed'

export function assignOffset(bytes: Buffer, header: BatchHeader, leaderEpoch: number, logAppendTime: boolean): void {
  writeInt64(bytes, header.baseOffset, at.baseOffset)
  bytes.writeInt32BE(leaderEpoch, at.leaderEpoch)
  if (!logAppendTime) return
  bytes.writeInt16BE(header.attributes | attributes.logAppendTime, at.attributes)
  writeInt64(bytes, header.maxTimestamp, at.maxTimestamp)
  rewriteCrc(bytes, 0, header.sizeBytes)
}

/** The batch with `records`, which are decompressed, in the codec of `compression.type`; `bytes` itself where it has that codec. */
export function recompress(bytes: Buffer, header: BatchHeader, records: Buffer, compressionType: string): Buffer {
  if (compressionType === PRODUCER) return bytes
  const codec = compressionType === UNCOMPRESSED ? 'none' : codecs.find((name) => name === compressionType)
  if (codec === undefined || codecOf(header.attributes) === codec) return bytes
  const recompressed = Buffer.concat([bytes.subarray(0, BATCH_OVERHEAD), compress(codec, records)])
  recompressed.writeInt32BE(recompressed.length - LOG_OVERHEAD, at.batchLength)
  recompressed.writeInt16BE((header.attributes & ~attributes.codecMask) | codecs.indexOf(codec), at.attributes)
  rewriteCrc(recompressed, 0, recompressed.length)
  return recompressed
}
