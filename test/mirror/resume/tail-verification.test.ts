/**
 * Goal: after a crash the flow continues exactly after what the target has: no loss, and no repeat of records that can be identified.
 * Method: fast-check builds a source partition (codecs, gaps, markers), writes a prefix of it to a target as the flow does, mixes in
 * foreign batches, removes records as compaction and retention do, and verifies from an older position.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { at, attributes, codecs, readBatchHeader } from '../../../core/wire/batch-header.ts'
import { BatchBuilder, decodeRecords, encodeBatch } from '../../../core/wire/record-batch.ts'
import { OffsetMap, type OffsetPair } from '../../../mirror/offset-map.ts'
import { verifyTail } from '../../../mirror/resume/tail-verification.ts'
import type { ScannedBatch } from '../../../mirror/store/topic-scan.ts'
import { reencode, requiredRewrite, restamp } from '../../../mirror/transfer/batch-rewrite.ts'

const scanned = (bytes: Buffer): ScannedBatch => ({ header: readBatchHeader(bytes), bytes })
async function* stream(batches: readonly Buffer[]): AsyncGenerator<ScannedBatch> {
  for (const bytes of batches) yield scanned(bytes)
}

interface Plan {
  codec: (typeof codecs)[number]
  count: number
  hole: number
  gap: number
  marker: boolean
}
const plan: fc.Arbitrary<Plan> = fc.record({
  codec: fc.constantFrom(...codecs),
  count: fc.integer({ min: 1, max: 6 }),
  hole: fc.nat(1),
  gap: fc.nat(2),
  marker: fc.boolean(),
})

const PRODUCER = { id: 77, epoch: 2, sequence: 0 }

function sourceLog(plans: readonly Plan[], same: boolean): Buffer[] {
  const log: Buffer[] = []
  let offset = 10
  let number = 0
  for (const { codec, count, hole, gap, marker } of plans) {
    offset += gap
    const builder = new BatchBuilder()
    let delta = 0
    for (let i = 0; i < count; i++) {
      builder.append({ key: null, value: Buffer.from(same ? 'same' : `value ${number++}`), timestamp: 1_700_000_000_000 }, delta)
      delta += 1 + hole
    }
    log.push(builder.build({ codec, baseOffset: offset, lastOffsetDelta: delta - 1, producerId: 5, producerEpoch: 0, baseSequence: 0 }))
    offset += delta
    if (marker)
      log.push(
        encodeBatch([{ key: Buffer.from([0, 0, 0, 1]), value: Buffer.alloc(6), timestamp: 1 }], {
          control: true,
          transactional: true,
          baseOffset: offset++,
        }),
      )
  }
  return log
}

/** The target batches that the flow writes from offset `down` on, and the offsets of every record. */
function mirror(log: readonly Buffer[], down: number, foreignEvery: number) {
  const target: Buffer[] = []
  const truth: OffsetPair[] = []
  let next = down
  let sequence = 0
  for (const [index, original] of log.entries()) {
    const header = readBatchHeader(original)
    const rewrite = requiredRewrite(header, { fetchOffset: 0, targetAppendTime: false })
    if (rewrite === 'skip') continue
    const reencoded = rewrite === 'reencode' ? reencode(original, header, 0)! : null
    const bytes = Buffer.from(reencoded?.bytes ?? original)
    const count = reencoded?.count ?? header.count
    restamp(bytes, 0, bytes.length, { producerId: PRODUCER.id, producerEpoch: PRODUCER.epoch, baseSequence: sequence })
    bytes.writeInt32BE(next, at.baseOffset + 4)
    sequence += count
    const ups = reencoded
      ? reencoded.ranges.flatMap(({ upstreamOffset, length }) => Array.from({ length }, (_, i) => upstreamOffset + i))
      : Array.from({ length: count }, (_, i) => header.baseOffset + i)
    for (const [i, up] of ups.entries()) truth.push({ upstreamOffset: up, downstreamOffset: next + i })
    target.push(bytes)
    next += count
    if (foreignEvery > 0 && index % foreignEvery === 0) {
      target.push(
        encodeBatch([{ key: null, value: Buffer.from('another producer'), timestamp: 3 }], {
          baseOffset: next++,
          producerId: 900,
          producerEpoch: 0,
          baseSequence: 0,
        }),
      )
    }
  }
  return { target, truth }
}

const nextOf = (log: readonly Buffer[], up: number): number => {
  for (const bytes of log) {
    const header = readBatchHeader(bytes)
    if (header.attributes & attributes.control) continue
    for (const record of decodeRecords(bytes)) if (record.offset > up) return record.offset
  }
  return Number.POSITIVE_INFINITY
}

describe('the tail of a target after the stored map', () => {
  test('is matched record by record, whatever is in between, and the flow continues exactly after it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(plan, { minLength: 1, maxLength: 8 }),
        fc.nat(8),
        fc.nat(3),
        fc.boolean(),
        async (plans, written, foreign, same) => {
          const log = sourceLog(plans, same)
          const { target, truth } = mirror(log.slice(0, written), 100, foreign)
          const map = new OffsetMap(10, 100)
          const result = await verifyTail({ map, source: stream(log), target: stream(target), producer: PRODUCER, sourceStart: 0 })
          expect(result.matched).toBe(truth.length)
          expect(result.unmatched).toBe(0)
          for (const { upstreamOffset: up, downstreamOffset: down } of truth)
            expect(map.translateDownstream(up)).toMatchObject({ downstreamOffset: down, exact: true })
          if (truth.length > 0) expect(nextOf(log, map.nextUpstreamOffset - 1)).toBe(nextOf(log, truth.at(-1)!.upstreamOffset))
          else expect(map.nextUpstreamOffset).toBe(10)
        },
      ),
      { numRuns: 150 },
    )
  })

  test('records that the target has compacted or deleted since are neither sent again nor mistaken for others', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(plan, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
        fc.nat(2),
        async (plans, written, keep, deleted) => {
          const log = sourceLog(plans, false)
          const { target, truth } = mirror(log.slice(0, written), 100, 0)
          const left = target.slice(deleted).flatMap((bytes, index) => {
            const header = readBatchHeader(bytes)
            const records = decodeRecords(bytes).filter(
              (record, i) =>
                keep[(index * 7 + i) % keep.length] || (index === target.length - deleted - 1 && record.offset === header.lastOffset),
            )
            if (records.length === 0) return []
            const builder = new BatchBuilder()
            for (const record of records) builder.append(record, record.offset - header.baseOffset)
            return [
              builder.build({
                baseOffset: header.baseOffset,
                lastOffsetDelta: header.lastOffsetDelta,
                producerId: PRODUCER.id,
                producerEpoch: PRODUCER.epoch,
                baseSequence: header.baseSequence,
              }),
            ]
          })
          if (left.length === 0) return
          const map = new OffsetMap(10, 100)
          const result = await verifyTail({ map, source: stream(log), target: stream(left), producer: PRODUCER, sourceStart: 0 })
          expect(result.unmatched).toBe(0)
          expect(nextOf(log, map.nextUpstreamOffset - 1)).toBe(nextOf(log, truth.at(-1)!.upstreamOffset))
          for (const record of left.flatMap((bytes) => decodeRecords(bytes)))
            expect(map.translateUpstream(record.offset)).toBe(truth.find((each) => each.downstreamOffset === record.offset)!.upstreamOffset)
        },
      ),
      { numRuns: 150 },
    )
  })

  test('records of the flow that the source does not have are counted; those of other producers are not', async () => {
    const log = sourceLog([{ codec: 'none', count: 3, hole: 0, gap: 0, marker: false }], false)
    const other = sourceLog([{ codec: 'none', count: 2, hole: 0, gap: 0, marker: false }], true)
    const { target } = mirror(other, 100, 0)
    const foreign = encodeBatch([{ key: null, value: Buffer.from('theirs'), timestamp: 1 }], {
      baseOffset: 102,
      producerId: 8,
      producerEpoch: 0,
      baseSequence: 0,
    })
    const map = new OffsetMap(10, 100)
    const result = await verifyTail({
      map,
      source: stream(log),
      target: stream([...target, foreign]),
      producer: PRODUCER,
      sourceStart: 0,
    })
    expect(result).toEqual({ matched: 0, unmatched: 2, foreign: 1, deleted: 0 })
    expect([map.nextUpstreamOffset, map.nextDownstreamOffset]).toEqual([10, 103])
  })

  test('records that the source has deleted since count neither as repeated nor as lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 8 }), fc.nat(60), async (written, start) => {
        const log = sourceLog(
          Array.from({ length: 8 }, (_, i) => ({ codec: 'none' as const, count: 1 + (i % 4), hole: 0, gap: 0, marker: false })),
          false,
        )
        const { target, truth } = mirror(log.slice(0, written), 100, 0)
        const end = readBatchHeader(log.at(-1)!).lastOffset + 1
        const sourceStart = Math.min(10 + start, end)
        // A fetch returns the whole batch around the log start offset.
        const left = log.filter((bytes) => readBatchHeader(bytes).lastOffset >= sourceStart)
        const scanned = left.map((bytes) =>
          readBatchHeader(bytes).baseOffset < sourceStart ? reencode(bytes, readBatchHeader(bytes), sourceStart)! : null,
        )
        for (const [i, recoded] of scanned.entries()) {
          if (!recoded) continue
          left[i] = Buffer.from(recoded.bytes)
          left[i]!.writeInt32BE(recoded.ranges[0]!.upstreamOffset, at.baseOffset + 4)
        }
        const map = new OffsetMap(10, 100)
        const result = await verifyTail({ map, source: stream(left), target: stream(target), producer: PRODUCER, sourceStart })
        expect(result).toMatchObject({
          unmatched: 0,
          foreign: 0,
          matched: truth.filter(({ upstreamOffset: up }) => up >= sourceStart).length,
        })
        expect([map.nextUpstreamOffset, map.nextDownstreamOffset]).toEqual([
          truth.at(-1)!.upstreamOffset + 1,
          truth.at(-1)!.downstreamOffset + 1,
        ])
      }),
    )
  })

  test('records that MirrorMaker 2 wrote, in other batches, are matched', async () => {
    const log = sourceLog(
      [1, 2, 3].map((count) => ({ codec: 'lz4' as const, count, hole: 0, gap: 1, marker: true })),
      false,
    )
    const records = log.flatMap((bytes) => (readBatchHeader(bytes).attributes & attributes.control ? [] : decodeRecords(bytes)))
    const theirs = encodeBatch(records.slice(0, 4), { baseOffset: 100, producerId: 8, producerEpoch: 0, baseSequence: 0 })
    const map = new OffsetMap(10, 100)
    const result = await verifyTail({ map, source: stream(log), target: stream([theirs]), producer: null, sourceStart: 0 })
    expect(result).toEqual({ matched: 4, unmatched: 0, foreign: 0, deleted: 0 })
    expect(nextOf(log, map.nextUpstreamOffset - 1)).toBe(records[4]!.offset)
  })
})
