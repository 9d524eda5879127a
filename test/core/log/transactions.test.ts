/**
 * Story of core/log. Goal: a read-committed consumer does not pass ongoing transactions and gets the aborted ones (Invariant 4), before and
 * after a crash. Method: transactional batches and their markers, of transactions that overlap.
 */
import { rmSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { encodeBatch } from '../../../core/wire/record-batch.ts'
import { batchOf, readRecords, type Scratch, scratch, T0 } from './scratch-log.ts'

let fixture: Scratch
beforeEach(() => {
  fixture = scratch()
})
afterEach(() => fixture.remove())

const written = (producerId: number, sequence: number) =>
  batchOf([`p${producerId}`], { producerId, producerEpoch: 0, baseSequence: sequence, transactional: true })

function marker(producerId: number, commit: boolean): Buffer {
  const key = Buffer.from([0, 0, 0, commit ? 1 : 0])
  const value = Buffer.from([0, 0, 0, 0, 0, 7])
  return encodeBatch([{ key, value, timestamp: T0 }], {
    producerId,
    producerEpoch: 0,
    baseSequence: -1,
    transactional: true,
    control: true,
  })
}

test('ongoing transactions limit the last stable offset; aborted ones are returned where they overlap the read', async () => {
  let { logs, log } = await fixture.openLog({ indexIntervalBytes: 1 })
  log.append(batchOf(['plain']))
  log.append(written(1, 0))
  log.append(written(2, 0))
  await log.append(written(1, 1)).durable
  expect([log.highWatermark, log.lastStableOffset]).toEqual([4, 1])
  expect((await readRecords(log, 0, 1000, 'lastStableOffset')).map((record) => record.offset)).toEqual([0])
  const ended = log.append(marker(1, false), 'coordinator')
  expect(log.lastStableOffset).toBe(1)
  await ended.durable
  expect(log.lastStableOffset).toBe(2)
  await log.append(marker(2, true), 'coordinator').durable
  expect(log.lastStableOffset).toBe(6)
  await log.append(written(1, 2)).durable
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
