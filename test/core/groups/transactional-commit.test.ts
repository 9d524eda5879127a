/**
 * Goal: the offsets of a transaction become visible with its commit marker, never before and not after an abort (Invariant 4), whatever
 * happens between: other commits, deletions, restarts. Method: the real coordinator on an offsets topic in memory.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { errorName, KafkaError } from '../../../core/errors.ts'
import type { GroupCoordinator, TransactionalCommitRequest } from '../../../core/groups/index.ts'
import { GroupOffsets } from '../../../core/groups/offsets.ts'
import { PendingTransactions } from '../../../core/groups/pending-transactions.ts'
import { caller, openCoordinator, type TestCoordinator } from './memory-store.ts'

const commitRequest = (offset: number, over: Partial<TransactionalCommitRequest> = {}): TransactionalCommitRequest => ({
  transactionalId: 'id',
  groupId: 'g',
  producerId: 1,
  producerEpoch: 0,
  generationId: -1,
  memberId: '',
  groupInstanceId: null,
  topics: [
    {
      name: 't',
      partitions: [{ partitionIndex: 0, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: 'in transaction' }],
    },
  ],
  ...over,
})

async function commitInTransaction(
  groups: GroupCoordinator,
  offset: number,
  over: Partial<TransactionalCommitRequest> = {},
): Promise<string> {
  const { topics } = await groups.commitTransactional(commitRequest(offset, over), async () => 'ongoing')
  return errorName(topics[0]!.partitions[0]!.errorCode)
}

async function commit(groups: GroupCoordinator, offset: number): Promise<void> {
  const partitions = [{ partitionIndex: 0, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: '' }]
  await groups.commit(
    {
      groupId: 'g',
      generationIdOrMemberEpoch: -1,
      memberId: '',
      groupInstanceId: null,
      retentionTimeMs: -1,
      topics: [{ name: 't', topicId: '', partitions }],
    },
    caller(8),
  )
}

/** The committed offset, or the error. */
async function fetched(groups: GroupCoordinator, requireStable = false, group = 'g'): Promise<number | string> {
  const request = { groupId: '', topics: null, groups: [group].map(requested), requireStable }
  const { errorCode, committedOffset } = (await groups.fetch(request, caller(8))).groups[0]!.topics[0]!.partitions[0]!
  return errorCode === 0 ? committedOffset : errorName(errorCode)
}
const requested = (groupId: string) => ({
  groupId,
  memberId: null,
  memberEpoch: -1,
  topics: [{ name: 't', topicId: '', partitionIndexes: [0] }],
})

const end = ({ groups }: TestCoordinator, committed: boolean, producerId = 1, group = 'g') =>
  groups.endTransaction(groups.partitionFor(group), {
    producerId,
    producerEpoch: 0,
    committed,
    coordinatorEpoch: 0,
    transactionVersion: 0,
  })

/** A new coordinator on the same topic. */
const restarted = async ({ groups, store, clock }: TestCoordinator) => {
  await groups.close()
  return openCoordinator(store, clock)
}

describe.each(['running', 'restarted'])('%s', (how) => {
  const maybeRestarted = (coordinator: TestCoordinator) => (how === 'running' ? Promise.resolve(coordinator) : restarted(coordinator))

  test('a commit marker makes the offsets visible; until then they are not stable', async () => {
    let coordinator = await openCoordinator()
    await commit(coordinator.groups, 3)
    expect(await commitInTransaction(coordinator.groups, 7)).toBe('NONE')
    coordinator = await maybeRestarted(coordinator)
    expect([await fetched(coordinator.groups), await fetched(coordinator.groups, true)]).toEqual([3, 'UNSTABLE_OFFSET_COMMIT'])
    await end(coordinator, true, 2)
    expect(await fetched(coordinator.groups, true)).toBe('UNSTABLE_OFFSET_COMMIT')
    await end(coordinator, true)
    coordinator = await maybeRestarted(coordinator)
    expect([await fetched(coordinator.groups), await fetched(coordinator.groups, true)]).toEqual([7, 7])
  })

  test('an abort marker drops them, and a group that has nothing else', async () => {
    let coordinator = await openCoordinator()
    await commitInTransaction(coordinator.groups, 7)
    coordinator = await maybeRestarted(coordinator)
    expect((await coordinator.groups.list({ statesFilter: [], typesFilter: [] }, caller(4))).groups.length).toBe(1)
    await end(coordinator, false)
    coordinator = await maybeRestarted(coordinator)
    expect([await fetched(coordinator.groups), await fetched(coordinator.groups, true)]).toEqual([-1, -1])
    expect((await coordinator.groups.list({ statesFilter: [], typesFilter: [] }, caller(4))).groups).toEqual([])
  })

  test('the later of a transactional and another commit wins, by their order in the log', async () => {
    let coordinator = await openCoordinator()
    await commitInTransaction(coordinator.groups, 7)
    await commit(coordinator.groups, 9)
    coordinator = await maybeRestarted(coordinator)
    await end(coordinator, true)
    coordinator = await maybeRestarted(coordinator)
    expect(await fetched(coordinator.groups, true)).toBe(9)
  })

  test('the transactions of several producers end one by one', async () => {
    let coordinator = await openCoordinator()
    await commitInTransaction(coordinator.groups, 7)
    await commitInTransaction(coordinator.groups, 8, { producerId: 2 })
    coordinator = await maybeRestarted(coordinator)
    await end(coordinator, true, 2)
    coordinator = await maybeRestarted(coordinator)
    expect([await fetched(coordinator.groups), await fetched(coordinator.groups, true)]).toEqual([8, 'UNSTABLE_OFFSET_COMMIT'])
    await end(coordinator, true)
    expect(await fetched(coordinator.groups, true)).toBe(8)
  })

  test('a deleted group does not come back with the marker', async () => {
    let coordinator = await openCoordinator()
    await commitInTransaction(coordinator.groups, 7)
    const { results } = await coordinator.groups.delete({ groupsNames: ['g'] }, caller(2))
    expect(results[0]!.errorCode).toBe(0)
    coordinator = await maybeRestarted(coordinator)
    await end(coordinator, true)
    expect(await fetched(coordinator.groups, true)).toBe(-1)
    expect((await coordinator.groups.list({ statesFilter: [], typesFilter: [] }, caller(4))).groups).toEqual([])
  })

  test('offsets of a deleted topic do not come back with the marker', async () => {
    let coordinator = await openCoordinator()
    await commit(coordinator.groups, 3)
    await commitInTransaction(coordinator.groups, 7)
    await coordinator.groups.topicDeleted('t')
    coordinator = await maybeRestarted(coordinator)
    await end(coordinator, true)
    expect(await fetched(coordinator.groups, true)).toBe(-1)
  })

  test('an offset does not expire while a transaction is ongoing', async () => {
    let coordinator = await openCoordinator()
    await commit(coordinator.groups, 3)
    await commitInTransaction(coordinator.groups, 7)
    coordinator = await maybeRestarted(coordinator)
    await coordinator.clock.pass(8 * 86_400_000)
    expect(await fetched(coordinator.groups)).toBe(3)
    await end(coordinator, false)
    await coordinator.clock.pass(86_400_000)
    expect(await fetched(coordinator.groups)).toBe(-1)
  })
})

type Step =
  | { does: 'commit'; offset: number }
  | { does: 'transactional'; offset: number; producerId: number }
  | { does: 'end'; producerId: number; committed: boolean }
  | { does: 'deleteGroup' }
  | { does: 'deleteTopic' }

test('property: a coordinator that runs has what one has that loads its topic', async () => {
  const producerId = fc.integer({ min: 1, max: 3 })
  const offset = fc.integer({ min: 0, max: 1000 })
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ does: fc.constant('commit' as const), offset }) },
    { weight: 6, arbitrary: fc.record({ does: fc.constant('transactional' as const), offset, producerId }) },
    { weight: 5, arbitrary: fc.record({ does: fc.constant('end' as const), producerId, committed: fc.boolean() }) },
    { weight: 1, arbitrary: fc.constant({ does: 'deleteGroup' as const }) },
    { weight: 1, arbitrary: fc.constant({ does: 'deleteTopic' as const }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const coordinator = await openCoordinator()
      const { groups } = coordinator
      /** What the steps mean, in order: the last of them that counts is the committed offset. */
      let log: { offset: number; producerId: number | null }[] = []
      for (const each of steps) {
        if (each.does === 'commit') await commit(groups, each.offset)
        else if (each.does === 'transactional') await commitInTransaction(groups, each.offset, { producerId: each.producerId })
        else if (each.does === 'end') await end(coordinator, each.committed, each.producerId)
        else if (each.does === 'deleteGroup') await groups.delete({ groupsNames: ['g'] }, caller(2))
        else await groups.topicDeleted('t')
        if (each.does === 'commit') log.push({ offset: each.offset, producerId: null })
        else if (each.does === 'transactional') log.push({ offset: each.offset, producerId: each.producerId })
        else if (each.does !== 'end') log = []
        else if (!each.committed) log = log.filter((entry) => entry.producerId !== each.producerId)
        else log = log.map((entry) => (entry.producerId === each.producerId ? { ...entry, producerId: null } : entry))
      }
      const committed = log.findLast((entry) => entry.producerId === null)?.offset ?? -1
      const stable = log.some((entry) => entry.producerId !== null) ? 'UNSTABLE_OFFSET_COMMIT' : committed
      const states = async ({ groups: all }: TestCoordinator) => [
        await fetched(all),
        await fetched(all, true),
        (await all.list({ statesFilter: [], typesFilter: [] }, caller(4))).groups.length,
      ]
      const expected = [committed, stable, log.length > 0 ? 1 : 0]
      expect(await states(coordinator)).toEqual(expected)
      expect(await states(await restarted(coordinator))).toEqual(expected)
    }),
    { numRuns: 200 },
  )
})

test('offsets are visible once the marker is durable; commits after it belong to the next transaction', async () => {
  const coordinator = await openCoordinator()
  const { groups, store } = coordinator
  await commitInTransaction(groups, 7)
  store.pauseAppends()
  const ending = end(coordinator, true)
  await coordinator.clock.pass(0)
  const next = commitInTransaction(groups, 8)
  await coordinator.clock.pass(0)
  expect([await fetched(groups), await fetched(groups, true)]).toEqual([-1, 'UNSTABLE_OFFSET_COMMIT'])
  store.completeAppends()
  await Promise.all([ending, next])
  expect([await fetched(groups), await fetched(groups, true)]).toEqual([7, 'UNSTABLE_OFFSET_COMMIT'])
  await end(coordinator, true)
  expect(await fetched(groups, true)).toBe(8)
})

test('a marker that cannot be written leaves the offsets unstable; a commit that cannot be written leaves nothing', async () => {
  const coordinator = await openCoordinator()
  const { groups, store } = coordinator
  await commitInTransaction(groups, 7)
  store.failure = new KafkaError('KAFKA_STORAGE_ERROR')
  await expect(end(coordinator, true)).rejects.toMatchObject({ error: 'NOT_COORDINATOR' })
  expect(await commitInTransaction(groups, 8)).toBe('NOT_COORDINATOR')
  expect(await commitInTransaction(groups, 8, { groupId: 'other' })).toBe('NOT_COORDINATOR')
  store.failure = null
  expect([await fetched(groups, true), await fetched(groups, true, 'other')]).toEqual(['UNSTABLE_OFFSET_COMMIT', -1])
  await end(coordinator, true)
  expect(await fetched(groups, true)).toBe(7)
})

test('the errors are those of Kafka', async () => {
  const { groups, store } = await openCoordinator()
  expect(await commitInTransaction(groups, 1, { groupId: '' })).toBe('INVALID_GROUP_ID')
  expect(await commitInTransaction(groups, 1, { generationId: 3, memberId: 'm' })).toBe('ILLEGAL_GENERATION')
  store.failure = new KafkaError('INVALID_PRODUCER_EPOCH')
  expect(await commitInTransaction(groups, 1)).toBe('INVALID_PRODUCER_EPOCH')
  store.failure = null
  const refuse = () => Promise.reject(new KafkaError('INVALID_TXN_STATE'))
  const refused = await groups.commitTransactional(commitRequest(1, { generationId: 3 }), refuse)
  expect(errorName(refused.topics[0]!.partitions[0]!.errorCode)).toBe('INVALID_TXN_STATE')
  const partition = { committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: '' }
  const topics = [
    {
      name: 't',
      partitions: [
        { ...partition, partitionIndex: 9 },
        { ...partition, partitionIndex: 1, committedMetadata: 'x'.repeat(5000) },
        { ...partition, partitionIndex: 2 },
      ],
    },
    { name: 'unknown', partitions: [{ ...partition, partitionIndex: 0 }] },
  ]
  const mixed = await groups.commitTransactional(commitRequest(1, { topics }), async () => 'ongoing')
  expect(mixed.topics.map((topic) => topic.partitions.map(({ errorCode }) => errorName(errorCode)))).toEqual([
    ['UNKNOWN_TOPIC_OR_PARTITION', 'OFFSET_METADATA_TOO_LARGE', 'NONE'],
    ['UNKNOWN_TOPIC_OR_PARTITION'],
  ])
})

test('a topic that is recreated during the verification gets no offset of the old one', async () => {
  const coordinator = await openCoordinator()
  const { groups, store } = coordinator
  const { topics } = await groups.commitTransactional(commitRequest(7), async () => {
    store.topics.set('t', { id: 'bmV3LXQAAAAAAAAAAAAAAA', partitions: 4 })
    return 'ongoing'
  })
  expect(errorName(topics[0]!.partitions[0]!.errorCode)).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  await end(coordinator, true)
  expect(await fetched(groups, true)).toBe(-1)
})

test('the pending commits are counted', () => {
  const pending = new PendingTransactions<string>()
  pending.add(0, 1, ['a', 'b'])
  pending.add(0, 1, ['b', 'c'])
  pending.add(1, 1, ['d'])
  pending.delete(0, 1, ['a', 'unknown'])
  pending.delete(5, 1, ['a'])
  expect(pending.size).toBe(3)
  expect([pending.take(0, 1), pending.take(0, 1), pending.size]).toEqual([['b', 'c'], [], 1])
})

test('an offset with nothing left takes no memory', () => {
  const offsets = new GroupOffsets()
  const commit = { offset: 1, leaderEpoch: -1, metadata: '', timestamp: 0, expireTimestamp: null }
  const pending = offsets.prepareTransactional('t', 0, commit)
  expect([offsets.isEmpty, offsets.keys('t')]).toEqual([false, [{ topic: 't', partition: 0 }]])
  const tombstone = offsets.prepareCommit('t', 0, null)
  offsets.completeCommit(tombstone, true)
  expect(offsets.isEmpty).toBe(true)
  offsets.completeTransactional(pending, true)
  expect(offsets.isEmpty).toBe(true)
})
