/**
 * Story of connectors/s3-sink. Goal: what objects that are open hold is what they say that they hold. Method: many encoders with little
 * content each, and the buffers behind them, as the process counts them.
 */
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { avroDataDefaults } from '../../../connect/converters/avro/avro-names.ts'
import { schemas } from '../../../connect/sdk/index.ts'
import { avroFormat } from '../../../connectors/s3-sink/avro-format.ts'
import { csvFormat } from '../../../connectors/s3-sink/csv-format.ts'
import type { FileEncoder, FileFormat } from '../../../connectors/s3-sink/file-encoder.ts'
import { OBJECT_BYTES } from '../../../connectors/s3-sink/held-memory.ts'
import { byteArrayFormat, jsonFormat } from '../../../connectors/s3-sink/line-formats.ts'
import { parquetFormat } from '../../../connectors/s3-sink/parquet-format.ts'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void
const MIB = 1024 * 1024

/** All memory of the process, with that of buffers. */
async function processBytes(): Promise<number> {
  await bufferBytes()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** One collection only begins to free buffers: V8 does it in a thread of its own, and some die with what the one before has freed. */
async function bufferBytes(): Promise<number> {
  for (let last = Number.NaN; ; ) {
    gc()
    await setImmediate()
    const { arrayBuffers } = process.memoryUsage()
    if (arrayBuffers === last) return last
    last = arrayBuffers
  }
}

const options = {
  compression: 'none',
  compressionLevel: -1,
  decimals: 'base64',
  byteArrayExtension: '.bin',
  byteArraySeparator: '\n',
  csvHeader: true,
  csvDelimiter: ',',
} as const

test('small values of bytes do not keep the large responses in memory that they are parts of', async () => {
  const format = byteArrayFormat(options)
  const before = await bufferBytes()
  const open = Array.from({ length: 64 }, (_, n) => {
    const encoder = format.encoder('key', null, null)
    encoder.append(encoder.form(Buffer.alloc(MIB, 65 + (n % 26)).subarray(100, 110)))
    return encoder
  })
  expect((await bufferBytes()) - before).toBeLessThan(8 * MIB)
  expect(Buffer.concat(await open[1]!.take('end')).toString()).toBe(`${'B'.repeat(10)}\n`)
})

test('bytes of all sizes come in order', async () => {
  const encoder = byteArrayFormat(options).encoder('key', null, null)
  const values = [0, 1, 1000, 70_000, 3, 65_536, 65_535, 1, 64_000, 2000].map((size, at) => Buffer.alloc(size, 48 + at))
  for (const value of values) encoder.append(encoder.form(value))
  const expected = Buffer.concat(values.flatMap((value) => [value, Buffer.from('\n')]))
  expect(encoder.encodedBytes).toBe(expected.length)
  // Buffers have room for more.
  expect(encoder.heldBytes).toBeGreaterThanOrEqual(expected.length)
  expect(encoder.heldBytes).toBeLessThan(2 * expected.length)
  expect(Buffer.concat(await encoder.take('end')).equals(expected)).toBe(true)
  expect(encoder.heldBytes).toBe(0)
})

test('Parquet objects that were taken from do not keep the buffers of their row groups', async () => {
  const schema = schemas.struct({ text: schemas.string() })
  const before = await bufferBytes()
  const open = []
  for (let n = 0; n < 32; n++) {
    const encoder = parquetFormat('none').encoder('key', schema, null)
    encoder.append(encoder.form({ text: String(n).padEnd(MIB, '.') }))
    expect((await encoder.take('all')).length).toBe(1)
    open.push(encoder)
  }
  expect((await bufferBytes()) - before).toBeLessThan(8 * MIB)
  for (const { heldBytes } of open) expect(heldBytes).toBeLessThan(1024)
})

const order = schemas.struct({
  id: schemas.int64(),
  folder: schemas.string(),
  note: schemas.string(),
  price: schemas.float64(),
  count: schemas.int32(),
  maybe: schemas.string({ optional: true }),
})
const ORDERS = 100
const FILES = 400

test.each<[string, FileFormat]>([
  ['JSON', jsonFormat(options)],
  ['CSV', csvFormat(options)],
  ['Avro', avroFormat({ codec: 'null', data: avroDataDefaults })],
  ['Parquet', parquetFormat('snappy')],
])('many objects of %s with few small records each take no more memory than is counted', async (_name, format) => {
  const open: FileEncoder[] = []
  const fill = (from: number, to: number) => {
    for (let n = from; n < to; n++) {
      const encoder = format.encoder(`key ${n}`, order, { id: 0n })
      for (let at = 0; at < ORDERS; at++)
        encoder.append(encoder.form({ id: BigInt(at), folder: `folder-${n}`, note: `note ${at}`, price: at / 7, count: at, maybe: null }))
      open.push(encoder)
    }
  }
  // What is compiled once is no memory of the objects.
  fill(0, 50)
  const before = await processBytes()
  fill(50, 50 + FILES)
  const grown = (await processBytes()) - before
  const counted = open.slice(50).reduce((sum, { heldBytes }) => sum + OBJECT_BYTES + heldBytes, 0)
  expect(grown).toBeLessThan(1.25 * counted)
  expect(open.length).toBe(50 + FILES)
})
