/**
 * Goal: the state of a partition changes as the table in its header says and in no other way; what is buffered is released in order and
 * counted once, whatever order the target responds in. Method: stories by hand, with batches as a fetch brings them.
 */
import { describe, expect, test } from 'vitest'
import { encodeBatch } from '../../../core/wire/record-batch.ts'
import { OffsetMap } from '../../../mirror/offset-map.ts'
import { PartitionProgress, type PartitionState } from '../../../mirror/transfer/partition-progress.ts'
import type { PendingBatch } from '../../../mirror/transfer/send-queue.ts'

const UUID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const OTHER_UUID = 'AAAAAAAAAAAAAAAAAAAAAg'
const TARGET = { topicId: UUID, leader: 7 }
const LEADER = { leader: 3, leaderEpoch: 5 }
const never = new AbortController().signal

const batch = (baseOffset: number, leaderEpoch = 0) =>
  encodeBatch([{ key: null, value: Buffer.from(`value ${baseOffset}`), timestamp: 1_700_000_000_000 }], { baseOffset, leaderEpoch })
const marker = (baseOffset: number) =>
  encodeBatch([{ key: Buffer.from([0, 0, 0, 1]), value: Buffer.alloc(6), timestamp: 1 }], {
    control: true,
    transactional: true,
    baseOffset,
  })
const batches = (count: number) => Buffer.concat(Array.from({ length: count }, (_, i) => batch(i)))

function suspended(): PartitionProgress {
  const initial = { topicId: UUID, map: new OffsetMap(0, 0), sourceEndOffset: 0, targetEndOffset: 0 }
  return new PartitionProgress({ topic: 't', partition: 0, targetTopic: 'us.t' }, initial, 0)
}

const reach: Record<PartitionState, () => PartitionProgress> = {
  suspended,
  replicating() {
    const progress = suspended()
    progress.rewind(1)
    progress.start(TARGET, LEADER)
    return progress
  },
  resending() {
    const progress = reach.replicating()
    progress.sendFailed()
    return progress
  },
  deleted() {
    const progress = suspended()
    progress.sourceDeleted(null)
    return progress
  },
}

const position = () => ({ topicId: UUID, map: new OffsetMap(4, 4), sourceEndOffset: 9, targetEndOffset: 4 })
const transitions: Record<string, (progress: PartitionProgress) => unknown> = {
  start: (progress) => progress.start(TARGET, LEADER),
  suspend: (progress) => progress.suspend(),
  sendFailed: (progress) => progress.sendFailed(),
  resend: (progress) => progress.resend(8),
  sourceDeleted: (progress) => progress.sourceDeleted(null),
  resumeAt: (progress) => progress.resumeAt(position(), 0),
  rewind: (progress) => progress.rewind(2),
  appendFetched: (progress) => progress.appendFetched(batches(1)),
}
/** The state after each transition that is allowed. */
const allowed: Record<PartitionState, Partial<Record<keyof typeof transitions, PartitionState>>> = {
  suspended: {
    start: 'replicating',
    suspend: 'suspended',
    sendFailed: 'suspended',
    sourceDeleted: 'deleted',
    resumeAt: 'suspended',
    rewind: 'suspended',
  },
  replicating: { suspend: 'suspended', sendFailed: 'resending', appendFetched: 'replicating' },
  resending: { suspend: 'suspended', sendFailed: 'resending', resend: 'replicating' },
  deleted: { suspend: 'suspended', sendFailed: 'deleted' },
}

describe('the states of a partition', () => {
  const cases = Object.keys(allowed).flatMap((from) =>
    Object.keys(transitions).map((transition) => {
      const to = allowed[from as PartitionState][transition]
      return { from: from as PartitionState, transition, to }
    }),
  )

  test.each(cases.filter(({ to }) => to !== undefined))('$from: $transition leads to $to', ({ from, transition, to }) => {
    const progress = reach[from]()
    expect(progress.state).toBe(from)
    transitions[transition]!(progress)
    expect(progress.state).toBe(to)
  })

  test.each(cases.filter(({ to }) => to === undefined))('$from: $transition is refused', ({ from, transition }) => {
    const progress = reach[from]()
    expect(() => transitions[transition]!(progress)).toThrow(`t-0: ${transition} is not allowed when ${from}`)
    expect(progress.state).toBe(from)
  })

  test.each(['suspended', 'deleted'] as const)('%s: a response that comes late moves nothing', (state) => {
    const progress = reach.replicating()
    progress.appendFetched(batches(1))
    const sent = progress.nextBatch(1, 0)!
    progress.suspend()
    if (state === 'deleted') progress.sourceDeleted({ topicId: OTHER_UUID, producerEpoch: 2 })
    expect(progress.acknowledge(sent, 0)).toEqual([])
    expect(progress.map.nextUpstreamOffset).toBe(0)
  })

  test.each(['suspended', 'resending', 'deleted'] as const)('%s: nothing is sent', (state) => {
    const progress = reach.replicating()
    progress.appendFetched(batches(1))
    if (state === 'resending') progress.sendFailed()
    else progress.suspend()
    if (state === 'deleted') progress.sourceDeleted(null)
    expect(progress.nextBatch(1, 0)).toBeNull()
  })
})

describe('a partition', () => {
  test('starts with both leaders, or with the source leader still to be found', () => {
    const known = reach.replicating()
    expect(known).toMatchObject({ target: TARGET, sourceLeader: LEADER, sourceLeaderKnown: true })
    known.sourceLeaderLost()
    expect(known).toMatchObject({ sourceLeader: LEADER, sourceLeaderKnown: false, state: 'replicating' })
    known.sourceLeaderFound({ leader: 4, leaderEpoch: 6 })
    expect(known).toMatchObject({ sourceLeader: { leader: 4, leaderEpoch: 6 }, sourceLeaderKnown: true })
    const unknown = suspended()
    unknown.start(TARGET, null)
    expect(unknown).toMatchObject({ state: 'replicating', sourceLeaderKnown: false })
  })

  test('is restarted at its resume point: buffered batches are discarded, sequences begin at 0 of the new epoch', () => {
    const progress = reach.replicating()
    progress.appendFetched(batches(3))
    expect(progress.bufferedBytes).toBeGreaterThan(0)
    progress.acknowledge(progress.nextBatch(1, 0)!, 0)
    expect(progress).toMatchObject({ acknowledgedSequence: 1, producerEpoch: 1 })
    progress.suspend()
    progress.resumeAt(position(), 10)
    progress.rewind(2)
    progress.start(TARGET, LEADER)
    expect(progress).toMatchObject({
      fetchOffset: 4,
      bufferedBytes: 0,
      hasUnsent: false,
      acknowledgedSequence: 0,
      producerEpoch: 2,
      targetEndOffset: 4,
      batchLeaderEpoch: -1,
      lagRecords: 5,
    })
    progress.appendFetched(batch(4, 9))
    expect(progress.batchLeaderEpoch).toBe(9)
    expect(progress.nextBatch(1, 0)!.bytes!.readInt32BE(53)).toBe(0)
  })

  test('whose topic was recreated without it knows what was lost, and comes back when the topic grows', () => {
    const progress = suspended()
    progress.observeSourceEnd(12, 0)
    expect(progress.sourceDeleted({ topicId: OTHER_UUID, producerEpoch: 3 })).toEqual({ from: 0, to: 12 })
    expect(progress).toMatchObject({ state: 'deleted', topicId: OTHER_UUID, producerEpoch: 3, lagRecords: 0, sourceLeaderKnown: false })
    progress.suspend()
    progress.start(TARGET, LEADER)
    expect(progress.state).toBe('replicating')
  })

  test('counts what is lost and repeated, and is dirty until it is stored', () => {
    const progress = suspended()
    progress.markClean()
    progress.countLost(3)
    progress.countLost(4)
    progress.countRepeated(2)
    expect(progress.counters).toEqual({ records: 0, bytes: 0, lostRecords: 7, repeatedRecords: 2 })
    expect(progress.dirty).toBe(true)
  })

  test('counts refused fetches until one is accepted', () => {
    const progress = reach.replicating()
    progress.fetchRefused()
    progress.fetchRefused()
    expect(progress.refusedFetches).toBe(2)
    progress.markClean()
    progress.fetchAccepted(20, 0)
    expect(progress).toMatchObject({ refusedFetches: 0, lagRecords: 20, dirty: true })
  })

  test('settles when its last batch is acknowledged, when it stops replicating, and when the flow ends', async () => {
    await reach.replicating().settled(never)
    const acknowledged = reach.replicating()
    acknowledged.appendFetched(batches(1))
    let settled = false
    const waiting = acknowledged.settled(never).then(() => {
      settled = true
    })
    const sent = acknowledged.nextBatch(1, 0)!
    await Promise.resolve()
    expect(settled).toBe(false)
    acknowledged.acknowledge(sent, 0)
    await waiting
    const failed = reach.replicating()
    failed.appendFetched(batches(1))
    const stopped = failed.settled(never)
    failed.sendFailed()
    await stopped
    const ending = new AbortController()
    const unsent = reach.replicating()
    unsent.appendFetched(batches(1))
    const ended = unsent.settled(ending.signal)
    ending.abort()
    await ended
  })
})

describe('the batches of a partition', () => {
  test('one that was acknowledged before the one in front of it is released with that one', () => {
    const progress = reach.replicating()
    const bytes = progress.appendFetched(batches(2))
    const [first, second] = [progress.nextBatch(1, 0)!, progress.nextBatch(1, 0)!]
    const acknowledged = [...progress.acknowledge(second, 1)]
    expect(acknowledged).toEqual([])
    progress.sendFailed()
    progress.resend(8)
    expect(progress.target).toEqual({ topicId: UUID, leader: 8 })
    const again: PendingBatch[] = []
    for (let next = progress.nextBatch(1, 0); next; next = progress.nextBatch(1, 0)) {
      again.push(next)
      acknowledged.push(...progress.acknowledge(next, 0))
    }
    expect(again).toEqual([first])
    expect(acknowledged.map((each) => each.batch)).toEqual([first, second])
    expect(acknowledged.map((each) => each.firstOfEpoch)).toEqual([true, false])
    expect(progress).toMatchObject({ bufferedBytes: 0, hasUnsent: false, acknowledgedSequence: 2, counters: { records: 2, bytes } })
    expect([progress.map.nextUpstreamOffset, progress.map.nextDownstreamOffset]).toEqual([2, 2])
  })

  test('records of others in front of one are given with it', () => {
    const progress = reach.replicating()
    progress.appendFetched(batches(1))
    expect(progress.acknowledge(progress.nextBatch(1, 0)!, 5)).toMatchObject([{ foreign: { from: 0, to: 5 }, firstOfEpoch: true }])
    expect(progress.targetEndOffset).toBe(6)
  })

  test('no more are in flight than a broker remembers of a producer', () => {
    const progress = reach.replicating()
    progress.appendFetched(batches(7))
    const sent = Array.from({ length: 6 }, () => progress.nextBatch(1, 0))
    expect(sent.map((each) => each !== null)).toEqual([true, true, true, true, true, false])
    expect(sent.map((each) => each && progress.isFirstUnacknowledged(each))).toEqual([true, false, false, false, false, null])
    progress.acknowledge(sent[0]!, 0)
    expect(progress.nextBatch(1, 0)).not.toBeNull()
  })

  test('a transaction marker behind the last record leaves no lag', () => {
    const progress = reach.replicating()
    progress.fetchAccepted(1, 100)
    progress.appendFetched(marker(0))
    expect(progress.map.nextUpstreamOffset).toBe(1)
    expect([progress.lagRecords, progress.lag.lagMs(5_000)]).toEqual([0, 0])
  })

  test('a transaction marker behind a record in flight is passed when that is acknowledged', () => {
    const progress = reach.replicating()
    progress.fetchAccepted(2, 100)
    progress.appendFetched(Buffer.concat([batch(0), marker(1)]))
    expect(progress.map.nextUpstreamOffset).toBe(0)
    expect(progress.acknowledge(progress.nextBatch(1, 0)!, 0)).toHaveLength(1)
    expect(progress.map.nextUpstreamOffset).toBe(2)
    expect(progress.lag.lagMs(5_000)).toBe(0)
  })

  test('one in an old record format is refused with its offset', () => {
    const old = batch(3)
    old[16] = 1
    expect(() => reach.replicating().appendFetched(old)).toThrow(/t-0: the batch at offset 3 of the source cannot be read: .*version 1/)
  })
})
