/**
 * Files of bytes: values between separators, whose offsets are bytes after decompression, or one value a file. At most one value and what
 * was read behind it are held.
 */
import { type SourceRecord, schemas } from '../../connect/sdk/index.ts'
import { bytesOf } from './decompression.ts'
import type { FileBatch, OpenFile } from './file-reader.ts'

const BYTES = schemas.bytes()
const NO_HEADERS: SourceRecord['headers'] = []

const recordOf = (topic: string, value: Buffer, timestamp: number): SourceRecord => ({
  topic,
  partition: null,
  key: null,
  keySchema: null,
  value,
  valueSchema: BYTES,
  timestamp,
  headers: NO_HEADERS,
})

/** The bytes between separators. What follows the last separator is a value too, unless there is nothing. */
export async function* readSeparated(file: OpenFile, from: number): AsyncGenerator<FileBatch, void, void> {
  const { config, topic, separator = Buffer.from('\n') } = file
  const maxBytes = config['line.max.bytes']
  let rest: Buffer = Buffer.alloc(0)
  let offset = from
  let records: SourceRecord[] = []
  const tooLong = () =>
    new Error(`the value at byte ${offset} is longer than ${maxBytes} bytes: raise line.max.bytes, or set format.bytearray.separator`)
  for await (const chunk of bytesOf(file.content, file.compression, from)) {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    const now = Date.now()
    let begin = 0
    // What is left over of the chunk before has no separator but one that its end may have cut.
    let search = Math.max(0, rest.length - separator.length + 1)
    for (let end = bytes.indexOf(separator, search); end >= 0; end = bytes.indexOf(separator, search)) {
      if (end - begin > maxBytes) throw tooLong()
      // A copy, so that a record that waits does not hold what was read with it.
      records.push(recordOf(topic, Buffer.from(bytes.subarray(begin, end)), now))
      offset += end + separator.length - begin
      begin = search = end + separator.length
      if (records.length < config['batch.size']) continue
      yield { records, offset }
      records = []
    }
    rest = bytes.subarray(begin)
    if (rest.length > maxBytes + separator.length) {
      if (records.length > 0) yield { records, offset }
      throw tooLong()
    }
  }
  if (rest.length > 0) {
    records.push(recordOf(topic, Buffer.from(rest), Date.now()))
    offset += rest.length
  }
  if (records.length > 0) yield { records, offset }
}

/** All that the file has, as one value. */
export async function* readWhole(file: OpenFile, from: number): AsyncGenerator<FileBatch, void, void> {
  if (from > 0) return
  const maxBytes = file.config['block.max.bytes']
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of bytesOf(file.content, file.compression, 0)) {
    length += chunk.length
    if (length > maxBytes) throw new Error(`it has more than ${maxBytes} bytes: raise block.max.bytes if that is right`)
    chunks.push(chunk)
  }
  yield { records: [recordOf(file.topic, Buffer.concat(chunks, length), Date.now())], offset: 1 }
}
