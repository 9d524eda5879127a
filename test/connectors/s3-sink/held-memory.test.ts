/**
 * Story of connectors/s3-sink. Goal: what objects that are open hold is what they say that they hold. Method: many encoders with little
 * content each, and the buffers behind them, as the process counts them.
 */
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { schemas } from '../../../connect/sdk/index.ts'
import { byteArrayFormat } from '../../../connectors/s3-sink/line-formats.ts'
import { parquetFormat } from '../../../connectors/s3-sink/parquet-format.ts'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void
const MIB = 1024 * 1024

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
  expect([encoder.heldBytes, encoder.encodedBytes]).toEqual([expected.length, expected.length])
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
  expect(open.map(({ heldBytes }) => heldBytes)).toEqual(Array(32).fill(0))
})
