/**
 * Story of core/log. Goal: a read-committed consumer does not pass ongoing transactions and gets the aborted ones (Invariant 4), before and
 * after a crash; no transaction begins without the coordinator's knowledge; the files are Apache Kafka's. Method: transactional batches and
 * their markers, the files of a partition of Apache Kafka, and a property: random transactions and crashes, compared with a model.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FetchPurgatory } from '../../../core/log/fetch-purgatory.ts'
import type { AppendResult, MarkerOfProducer, PartitionLog } from '../../../core/log/types.ts'
import { realClock } from '../../../core/system/clock.ts'
import { realDisk } from '../../../core/system/disk.ts'
import { attributes } from '../../../core/wire/batch-header.ts'
import { batches } from '../../../core/wire/record-batch.ts'
import { batchOf, faultyDisk, nodeError, readRecords, type Scratch, scratch } from './scratch-log.ts'

let fixture: Scratch
beforeEach(() => {
  fixture = scratch()
})
afterEach(() => fixture.remove())

const batchIn = (producerId: number, sequence: number, producerEpoch = 0, value = `p${producerId}`) =>
  batchOf([value], { producerId, producerEpoch, baseSequence: sequence, transactional: true })

/** Appends as a producer whose partition the coordinator has verified. */
function produce(log: PartitionLog, producerId: number, sequence: number, producerEpoch = 0, value?: string): AppendResult {
  const verification = log.startVerification(producerId, producerEpoch, sequence, false)
  return log.append(batchIn(producerId, sequence, producerEpoch, value), 'client', verification)
}

const marker = (producerId: number, committed: boolean, over: Partial<MarkerOfProducer> = {}): MarkerOfProducer => ({
  producerId,
  producerEpoch: 0,
  committed,
  coordinatorEpoch: 7,
  transactionVersion: 0,
  ...over,
})

const error = (name: string) => expect.objectContaining({ error: name })

test('ongoing transactions limit the last stable offset; aborted ones are returned where they overlap the read', async () => {
  let { logs, log } = await fixture.openLog({ indexIntervalBytes: 1 })
  log.append(batchOf(['plain']))
  produce(log, 1, 0)
  produce(log, 2, 0)
  await produce(log, 1, 1).durable
  expect([log.highWatermark, log.lastStableOffset]).toEqual([4, 1])
  expect((await readRecords(log, 0, 1000, 'lastStableOffset')).map((record) => record.offset)).toEqual([0])
  const ended = log.appendEndTxnMarker(marker(1, false))
  expect(log.lastStableOffset).toBe(1)
  await ended.durable
  expect(log.lastStableOffset).toBe(2)
  await log.appendEndTxnMarker(marker(2, true)).durable
  expect(log.lastStableOffset).toBe(6)
  await produce(log, 1, 2).durable
  for (const how of ['running', 'clean shutdown', 'crash']) {
    if (how !== 'running') {
      await logs.close()
      if (how === 'crash') rmSync(`${fixture.dir}/.kafka_cleanshutdown`)
      ;({ logs, log } = await fixture.openLog())
    }
    expect([how, log.highWatermark, log.lastStableOffset]).toEqual([how, 7, 6])
    expect(log.abortedTransactions(0, 6)).toEqual([{ producerId: 1, firstOffset: 1 }])
    expect(log.abortedTransactions(4, 7)).toEqual([{ producerId: 1, firstOffset: 1 }])
    expect(log.abortedTransactions(5, 7)).toEqual([])
    expect(log.abortedTransactions(0, 1)).toEqual([])
  }
})

test('a waiting read-committed fetch is completed by the marker, not by records of the transaction', async () => {
  const { log } = await fixture.openLog()
  const purgatory = new FetchPurgatory(realClock)
  let completed = 0
  const fetch = (bound: 'lastStableOffset' | 'highWatermark') => {
    const partitions = [{ log, offset: log.lastStableOffset, maxBytes: 1000 }]
    return purgatory.wait({ partitions, minBytes: 1, maxWaitMs: 60_000, bound, onClose: () => () => {} }).then(() => void completed++)
  }
  const committed = fetch('lastStableOffset')
  const uncommitted = fetch('highWatermark')
  await produce(log, 1, 0).durable
  await uncommitted
  await produce(log, 1, 1).durable
  expect([completed, purgatory.size]).toEqual([1, 1])
  await log.appendEndTxnMarker(marker(1, true)).durable
  await committed
  expect(completed).toBe(2)
})

test('an open transaction whose records are deleted does not keep the offset before the start of the log', async () => {
  const { log } = await fixture.openLog()
  produce(log, 1, 0)
  await log.append(batchOf(['plain'])).durable
  await log.deleteRecordsBefore(1)
  expect([log.logStartOffset, log.lastStableOffset]).toEqual([1, 1])
  await log.appendEndTxnMarker(marker(1, true)).durable
  expect(log.lastStableOffset).toBe(3)
})

describe('the verification of the first append (KIP-890)', () => {
  test('without it nothing begins; later appends of the transaction need none', async () => {
    const { log } = await fixture.openLog()
    expect(() => log.append(batchIn(1, 0))).toThrow(error('INVALID_TXN_STATE'))
    expect(() => log.append(batchIn(1, 0), 'coordinator')).toThrow(error('INVALID_TXN_STATE'))
    const guard = log.startVerification(1, 0, 0, false)
    expect(guard).not.toBe('ongoing')
    log.append(batchIn(1, 0), 'client', guard)
    expect(log.startVerification(1, 0, 1, false)).toBe('ongoing')
    log.append(batchIn(1, 1))
    log.append(batchIn(1, 0, 0, 'offsets'), 'coordinator')
    log.append(batchIn(2, 0), 'client', 'disabled')
    expect(log.logEndOffset).toBe(4)
  })

  test('a guard from before a marker is void, and so is that of another producer', async () => {
    const { log } = await fixture.openLog()
    const guard = log.startVerification(1, 0, 0, false)
    expect(log.startVerification(1, 0, 0, false)).toBe(guard)
    log.appendEndTxnMarker(marker(1, false))
    expect(() => log.append(batchIn(1, 0), 'client', guard)).toThrow(error('INVALID_TXN_STATE'))
    const next = log.startVerification(1, 0, 0, false)
    expect(() => log.append(batchIn(1, 0), 'client', guard)).toThrow(error('INVALID_TXN_STATE'))
    expect(() => log.append(batchIn(2, 0), 'client', next)).toThrow(error('INVALID_TXN_STATE'))
    expect(log.append(batchIn(1, 0), 'client', next).baseOffset).toBe(1)
  })

  test('the lowest sequence that waits is appended first', async () => {
    const { log } = await fixture.openLog()
    const guard = log.startVerification(1, 0, 5, false)
    log.startVerification(1, 0, 4, false)
    expect(() => log.append(batchIn(1, 5), 'client', guard)).toThrow(error('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    log.append(batchIn(1, 4), 'client', guard)
    log.append(batchIn(1, 5))
    expect(() => log.append(batchIn(2, 3), 'client', log.startVerification(2, 0, 3, true))).toThrow(error('OUT_OF_ORDER_SEQUENCE_NUMBER'))
  })

  test('a batch without a transaction is rejected during one, and accepted after it', async () => {
    const { log } = await fixture.openLog()
    produce(log, 1, 0)
    const plain = () => batchOf(['x'], { producerId: 1, producerEpoch: 0, baseSequence: 1 })
    expect(() => log.append(plain())).toThrow(error('INVALID_TXN_STATE'))
    log.appendEndTxnMarker(marker(1, true))
    expect(log.append(plain()).baseOffset).toBe(2)
  })
})

describe('markers', () => {
  test('of older epochs and of older coordinators are rejected', async () => {
    const { log } = await fixture.openLog()
    produce(log, 1, 0, 3)
    expect(() => log.appendEndTxnMarker(marker(1, true, { producerEpoch: 2 }))).toThrow(error('INVALID_PRODUCER_EPOCH'))
    log.appendEndTxnMarker(marker(1, true, { producerEpoch: 3 }))
    log.appendEndTxnMarker(marker(1, true, { producerEpoch: 3, coordinatorEpoch: 8 }))
    expect(() => log.appendEndTxnMarker(marker(1, true, { producerEpoch: 3 }))).toThrow(error('TRANSACTION_COORDINATOR_FENCED'))
    expect(() => produce(log, 1, 1, 2)).toThrow(error('INVALID_PRODUCER_EPOCH'))
  })

  test('have an epoch above that of the transaction with transaction.version=2 (KIP-1228); a repeated one is accepted', async () => {
    const { log } = await fixture.openLog()
    const second = (producerEpoch: number) => marker(1, true, { producerEpoch, transactionVersion: 2 })
    produce(log, 1, 0, 3)
    expect(() => log.appendEndTxnMarker(second(3))).toThrow(error('INVALID_PRODUCER_EPOCH'))
    log.appendEndTxnMarker(second(4))
    log.appendEndTxnMarker(second(4))
    expect(() => log.appendEndTxnMarker(second(3))).toThrow(error('INVALID_PRODUCER_EPOCH'))
    expect(() => produce(log, 1, 1, 4)).toThrow(error('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    produce(log, 1, 0, 4)
    expect(() => log.appendEndTxnMarker(second(4))).toThrow(error('INVALID_PRODUCER_EPOCH'))
    // The last epoch of a producer id cannot be raised.
    produce(log, 2, 0, 32767)
    log.appendEndTxnMarker(marker(2, true, { producerEpoch: 32767, transactionVersion: 2 }))
  })

  test('are accepted where batches are too large', async () => {
    const { log } = await fixture.openLog({ maxMessageBytes: 70 })
    produce(log, 1, 0)
    expect(() => log.append(batchOf(['too large for this topic']))).toThrow(error('MESSAGE_TOO_LARGE'))
    await log.appendEndTxnMarker(marker(1, true)).durable
    expect(log.lastStableOffset).toBe(2)
  })

  test('that do not fit on the disk leave the transaction open, until they are sent again', async () => {
    const disk = faultyDisk()
    await fixture.remove()
    fixture = scratch({ disk })
    const { log } = await fixture.openLog()
    await produce(log, 1, 0).durable
    disk.writeSync = () => {
      throw nodeError('ENOSPC')
    }
    await expect(log.appendEndTxnMarker(marker(1, false)).durable).rejects.toThrow(error('KAFKA_STORAGE_ERROR'))
    expect([log.failure, log.logEndOffset, log.lastStableOffset, log.abortedTransactions(0, 9)]).toEqual([null, 1, 0, []])
    disk.writeSync = realDisk.writeSync
    await log.appendEndTxnMarker(marker(1, false)).durable
    expect([log.lastStableOffset, log.abortedTransactions(0, 9)]).toEqual([2, [{ producerId: 1, firstOffset: 0 }]])
  })
})

describe('the files of Apache Kafka (test/golden/transactional-log.json)', () => {
  const golden = JSON.parse(readFileSync(join(import.meta.dirname, '../../golden/transactional-log.json'), 'utf8'))
  const bytes = (name: string) => Buffer.from(golden[name], 'base64')
  const name = (offset: number, suffix: string) => join(fixture.partitionDir, `${String(offset).padStart(20, '0')}${suffix}`)

  test('are those of the same appends', async () => {
    let now = [...batches(bytes('log'))][0]!.header.maxTimestamp
    await fixture.remove()
    fixture = scratch({ clock: { ...realClock, now: () => now } })
    const { logs, log } = await fixture.openLog()
    for (const { header, bytes: batch } of batches(bytes('log'))) {
      now = header.maxTimestamp
      const { producerId, producerEpoch } = header
      if ((header.attributes & attributes.control) !== 0)
        log.appendEndTxnMarker(marker(producerId, producerId === 2, { producerEpoch, coordinatorEpoch: 0, transactionVersion: 2 }))
      else {
        const copy = Buffer.from(batch)
        copy.fill(0, 0, 8)
        log.append(copy, 'client', log.startVerification(producerId, producerEpoch, header.baseSequence, true))
      }
    }
    await logs.close()
    expect(readFileSync(name(0, '.log'))).toEqual(bytes('log'))
    expect(readFileSync(name(0, '.txnindex'))).toEqual(bytes('transactionIndex'))
    expect(readFileSync(name(golden.snapshotOffset, '.snapshot'))).toEqual(bytes('snapshot'))
  })

  test.each(['clean shutdown', 'crash', 'crash without snapshot'])('are loaded with their open transactions after a %s', async (how) => {
    const { logs } = await fixture.openLog()
    await logs.close()
    writeFileSync(name(0, '.log'), bytes('log'))
    writeFileSync(name(0, '.index'), '')
    writeFileSync(name(0, '.timeindex'), '')
    writeFileSync(name(0, '.txnindex'), bytes('transactionIndex'))
    if (how !== 'crash without snapshot') writeFileSync(name(golden.snapshotOffset, '.snapshot'), bytes('snapshot'))
    if (how !== 'clean shutdown') rmSync(`${fixture.dir}/.kafka_cleanshutdown`)
    const { log } = await fixture.openLog()
    expect([log.logEndOffset, log.lastStableOffset]).toEqual([9, 4])
    expect(log.abortedTransactions(0, 4)).toEqual([{ producerId: 1, firstOffset: 0 }])
    expect(
      log.activeProducers().map((each) => [each.producerId, each.producerEpoch, each.lastSequence, each.currentTxnStartOffset]),
    ).toEqual([
      [1, 1, 0, 4],
      [2, 1, 2, 6],
    ])
    log.append(batchIn(2, 3, 1))
    await log.appendEndTxnMarker(marker(1, true, { producerEpoch: 2, transactionVersion: 2 })).durable
    expect(log.lastStableOffset).toBe(6)
  })

  test('a rebuilt index keeps the aborted transactions from before the snapshot', async () => {
    const { logs, log } = await fixture.openLog()
    produce(log, 1, 0)
    await log.appendEndTxnMarker(marker(1, false)).durable
    await logs.close()
    // The size of the file is not that which the clean shutdown left.
    writeFileSync(name(0, '.log'), Buffer.concat([readFileSync(name(0, '.log')), Buffer.alloc(5)]))
    const { log: again } = await fixture.openLog()
    expect(again.abortedTransactions(0, 2)).toEqual([{ producerId: 1, firstOffset: 0 }])
  })
})

type Step =
  | { does: 'produce'; producer: number; plain: boolean }
  | { does: 'end'; producer: number; committed: boolean }
  | { does: 'restart'; clean: boolean }

test('property: a read-committed consumer sees the committed records before the first open transaction, whatever happens', async () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ does: fc.constant('produce'), producer: fc.integer({ min: 1, max: 4 }), plain: fc.boolean() }) },
    { weight: 3, arbitrary: fc.record({ does: fc.constant('end'), producer: fc.integer({ min: 1, max: 4 }), committed: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('restart'), clean: fc.boolean() }) },
  ) as fc.Arbitrary<Step>
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      await fixture.remove()
      fixture = scratch()
      const settings = { segmentBytes: 300, indexIntervalBytes: 1 }
      let { logs, log } = await fixture.openLog(settings)
      /** What the log has, in order. */
      const model: { value: string; producer: number; state: 'open' | 'committed' | 'aborted' | 'marker' }[] = []
      const sequences = [0, 0, 0, 0, 0]
      const epochs = [0, 0, 0, 0, 0]
      const isOpen = (producer: number) => model.some((each) => each.producer === producer && each.state === 'open')
      for (const each of steps) {
        if (each.does === 'restart') {
          await logs.close()
          if (!each.clean) rmSync(`${fixture.dir}/.kafka_cleanshutdown`)
          ;({ logs, log } = await fixture.openLog(settings))
        } else if (each.does === 'produce') {
          const { producer } = each
          const value = `v${model.length}`
          if (each.plain) log.append(batchOf([value]))
          else produce(log, producer, sequences[producer]!++, epochs[producer]!, value)
          model.push({ value, producer: each.plain ? 0 : producer, state: each.plain ? 'committed' : 'open' })
        } else {
          const { producer, committed } = each
          const began = isOpen(producer)
          // Half of the producers have an epoch for each transaction.
          const transactionVersion = producer % 2 === 0 ? 2 : 0
          if (transactionVersion === 2 && began) {
            epochs[producer]!++
            sequences[producer] = 0
          }
          log.appendEndTxnMarker(marker(producer, committed, { producerEpoch: epochs[producer]!, transactionVersion }))
          for (const record of model)
            if (record.producer === producer && record.state === 'open') record.state = committed ? 'committed' : 'aborted'
          model.push({ value: '', producer: 0, state: 'marker' })
        }
      }
      await log.append(batchOf(['end'])).durable
      const firstOpen = model.findIndex(({ state }) => state === 'open')
      const stable = firstOpen < 0 ? model.length + 1 : firstOpen
      expect(log.lastStableOffset).toBe(stable)
      const expected = [...model, { value: 'end', state: 'committed' }]
        .slice(0, stable)
        .filter(({ state }) => state === 'committed')
        .map(({ value }) => value)
      for (const maxBytes of [1, 500, 100_000]) expect(await consumed(log, maxBytes)).toEqual(expected)
    }),
    { numRuns: 60 },
  )
}, 60_000)

/** Reads as a read-committed consumer does: with the aborted transactions of each response. */
async function consumed(log: PartitionLog, maxBytes: number): Promise<string[]> {
  const values: string[] = []
  let offset = 0
  for (;;) {
    const result = await log.read(offset, maxBytes, true, 'lastStableOffset')
    if (result.bytes === 0) return values
    const all = [...batches(Buffer.concat(result.chunks))]
    result.release()
    const end = all.at(-1)!.header.lastOffset + 1
    const pending = log.abortedTransactions(offset, end).sort((a, b) => a.firstOffset - b.firstOffset)
    const aborted = new Set<number>()
    for (const { header } of all) {
      const { producerId, baseOffset, lastOffset } = header
      while (pending.length > 0 && pending[0]!.firstOffset <= lastOffset) aborted.add(pending.shift()!.producerId)
      if ((header.attributes & attributes.control) !== 0) aborted.delete(producerId)
      else if (producerId < 0 || !aborted.has(producerId))
        for (const record of await readRecords(log, baseOffset, 1)) if (record.offset === baseOffset) values.push(String(record.value))
    }
    offset = end
  }
}
