/**
 * Goal: the status says what is known of a flow and nothing more: a lag that nobody observes is null, counts add up, partitions are sorted,
 * and a flow that has failed keeps its last figures. Method: figures by hand.
 */
import { describe, expect, test } from 'vitest'
import { type FlowFigures, flowStatus, type PartitionFigures, progressFigures, stoppedStatus } from '../../../mirror/flow/flow-status.ts'
import { OffsetMap } from '../../../mirror/offset-map.ts'
import { PartitionProgress } from '../../../mirror/transfer/partition-progress.ts'

const NOW = 100_000
const SILENCE = 12_000

const partition = (more: Partial<PartitionFigures> = {}): PartitionFigures => ({
  topic: 't',
  targetTopic: 'us.t',
  partition: 0,
  sourceOffset: 10,
  sourceEndOffset: 10,
  targetEndOffset: 20,
  waitedMs: 0,
  observedMs: NOW - 500,
  deleted: false,
  lostRecords: 0,
  repeatedRecords: 0,
  records: 0,
  bytes: 0,
  ...more,
})

const status = (partitions: PartitionFigures[], more: Partial<FlowFigures> = {}) =>
  flowStatus({
    name: 'us->central',
    source: 'us',
    target: 'central',
    state: 'RUNNING',
    trace: null,
    sourceResponds: true,
    running: true,
    leaderlessCount: 0,
    partitions,
    mirroredBefore: { records: 0, bytes: 0 },
    nowMs: NOW,
    silenceMs: SILENCE,
    ...more,
  })

describe('the lag', () => {
  test('is 0 where no record waits, and that of the oldest record where some do', () => {
    expect(status([partition()])).toMatchObject({ lagMs: 0, lagRecords: 0 })
    const waiting = [
      partition({ sourceEndOffset: 13, waitedMs: 40.4 }),
      partition({ partition: 1, sourceEndOffset: 15, waitedMs: 90.6 }),
      partition({ partition: 2 }),
    ]
    expect(status(waiting)).toMatchObject({ lagMs: 91, lagRecords: 8 })
    expect(status(waiting).partitions.map((each) => each.lagMs)).toEqual([40, 91, 0])
  })

  test('is unknown after a time without a response, and of the whole flow too', () => {
    const silent = partition({ partition: 1, observedMs: NOW - SILENCE - 1 })
    const { lagMs, partitions } = status([partition({ observedMs: NOW - SILENCE }), silent])
    expect([lagMs, ...partitions.map((each) => each.lagMs)]).toEqual([null, 0, null])
  })

  test('is unknown without a source leader, and while the source does not respond', () => {
    expect(status([partition({ observedMs: null })]).lagMs).toBeNull()
    expect(status([partition()], { sourceResponds: false }).lagMs).toBeNull()
  })

  test('of a record that was observed grows while the source does not respond', () => {
    expect(status([partition({ sourceEndOffset: 11, waitedMs: 30_000 })], { sourceResponds: false }).lagMs).toBe(30_000)
  })

  test('of a partition that was deleted at the source is 0, however long nobody has responded', () => {
    expect(status([partition({ deleted: true, observedMs: null })]).lagMs).toBe(0)
  })

  test('is unknown while a partition has no leader, and before the flow runs', () => {
    expect(status([partition()], { leaderlessCount: 1 }).lagMs).toBeNull()
    expect(status([], { running: false }).lagMs).toBeNull()
    expect(status([]).lagMs).toBe(0)
  })
})

test('partitions are sorted by topic and number, topics are named once', () => {
  const shuffled = [
    partition({ topic: 'b', partition: 10 }),
    partition({ topic: 'b', partition: 9 }),
    partition({ topic: 'a', partition: 1 }),
  ]
  const { topics, partitions } = status(shuffled)
  expect(topics).toEqual(['a', 'b'])
  expect(partitions.map((each) => [each.topic, each.partition])).toEqual([
    ['a', 1],
    ['b', 9],
    ['b', 10],
  ])
})

test('counts add up over partitions and earlier runs', () => {
  const counted = [
    partition({ records: 5, bytes: 50, lostRecords: 1, repeatedRecords: 2 }),
    partition({ partition: 1, records: 6, bytes: 60, lostRecords: 10 }),
  ]
  expect(status(counted, { mirroredBefore: { records: 100, bytes: 1_000 } })).toMatchObject({
    recordsMirrored: 111,
    bytesMirrored: 1_110,
    lostRecords: 11,
    repeatedRecords: 2,
  })
})

test('a trace is shown only where something keeps the flow from running', () => {
  expect(status([])).not.toHaveProperty('trace')
  expect(status([], { trace: 'the target does not respond' }).trace).toBe('the target does not respond')
})

test('a flow that has failed keeps its last figures, with a lag that is unknown', () => {
  const last = status([partition({ sourceEndOffset: 13, waitedMs: 40, records: 5 })], { trace: 'old' })
  const stopped = stoppedStatus(last, 'FAILED', 'Error: fenced')
  expect(stopped).toEqual({
    ...last,
    state: 'FAILED',
    trace: 'Error: fenced',
    lagMs: null,
    partitions: [{ ...last.partitions[0], lagMs: null }],
  })
  expect(stopped.lagRecords).toBe(3)
  expect(stoppedStatus(last, 'STARTING', null)).not.toHaveProperty('trace')
})

test('the figures of a partition are those of its progress', () => {
  const initial = { topicId: '', map: new OffsetMap(10, 20), sourceEndOffset: 13, targetEndOffset: 20, lostRecords: 4 }
  const progress = new PartitionProgress({ topic: 't', partition: 2, targetTopic: 'us.t' }, initial, NOW - 300)
  const expected = partition({ partition: 2, sourceEndOffset: 13, waitedMs: 300, observedMs: null, lostRecords: 4 })
  expect(progressFigures(progress, NOW)).toEqual(expected)
  progress.start({ topicId: '', leader: 0 }, { leader: 0, leaderEpoch: 0 })
  expect(progressFigures(progress, NOW).observedMs).toBe(NOW - 300)
  progress.suspend()
  progress.sourceDeleted({ topicId: 'other', producerEpoch: 1 })
  expect(progressFigures(progress, NOW)).toMatchObject({ deleted: true, waitedMs: 0, sourceEndOffset: 0 })
})
