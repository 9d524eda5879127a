/**
 * Goal: a flipped bit in an offset index makes no reader fail, skip records or wait for ever: the segment is read without its index. A
 * batch with offsets that no reader can pass is an error that names the file, not an empty response for ever. Method: each third bit of the
 * indexes of a cleanly closed log is flipped, one at a time; then the log is read from every offset.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { batchSize } from '../../core/wire/batch-header.ts'
import { batchOf, readRecords, type Scratch, scratch } from '../core/log/scratch-log.ts'

let scratchLog: Scratch
beforeEach(() => {
  scratchLog = scratch()
})
afterEach(() => scratchLog.remove())

const COUNT = 12
const file = (base: number, suffix: string) => join(scratchLog.partitionDir, `${String(base).padStart(20, '0')}${suffix}`)
const settings = { indexIntervalBytes: 100, segmentBytes: 1000 }

/** A closed log of two segments, the second active, each with an index. */
async function closedLog(): Promise<void> {
  const { logs, log } = await scratchLog.openLog(settings)
  for (let offset = 0; offset < COUNT; offset++) await log.append(batchOf([`${offset}`.padEnd(50, '.')])).durable
  await logs.close()
}

test.each([
  ['closed', 0],
  ['active', 1],
])('the index of the %s segment', async (_which, at) => {
  await closedLog()
  const bases = readdirSync(scratchLog.partitionDir).filter((name) => name.endsWith('.log'))
  expect(bases.length).toBe(2)
  const base = Number(bases.sort()[at]!.slice(0, 20))
  const pristine = readFileSync(file(base, '.index'))
  expect(pristine.length).toBeGreaterThan(8)
  for (let bit = 0; bit < pristine.length * 8; bit += 3) {
    const flipped = Buffer.from(pristine)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    writeFileSync(file(base, '.index'), flipped)
    const { logs, log } = await scratchLog.openLog(settings)
    for (let from = COUNT - 1; from >= 0; from--) {
      const offsets = (await readRecords(log, from, 150)).map(({ offset }) => offset)
      expect([bit, from, offsets]).toEqual([bit, from, Array.from({ length: COUNT - from }, (_, at) => from + at)])
    }
    await logs.close()
    writeFileSync(file(base, '.index'), pristine)
  }
})

test('a batch whose last offset is past the end of the log', async () => {
  await closedLog()
  const bytes = readFileSync(file(0, '.log'))
  const second = batchSize(bytes)
  const position = second + batchSize(bytes, second)
  expect(bytes.readBigInt64BE(position)).toBe(2n)
  bytes.writeBigInt64BE(4098n, position)
  writeFileSync(file(0, '.log'), bytes)
  const { log } = await scratchLog.openLog(settings)
  await expect(readRecords(log, 0, 150)).rejects.toThrow(`${file(0, '.log')} cannot be read at ${position}`)
})
