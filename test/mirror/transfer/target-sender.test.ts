/**
 * Goal: a batch that failed is sent again in order with its sequence, or its partition is suspended where that is not safe; waiting tasks
 * go on with the response that they wait for. Method: a target in memory whose responses the test decides.
 */
import { expect, onTestFinished, test } from 'vitest'
import type { Client } from '../../../core/client/index.ts'
import { KafkaError } from '../../../core/errors.ts'
import { realClock } from '../../../core/system/clock.ts'
import { realRandom } from '../../../core/system/random.ts'
import { readBatchHeader } from '../../../core/wire/batch-header.ts'
import { encodeBatch } from '../../../core/wire/record-batch.ts'
import { OffsetMap } from '../../../mirror/offset-map.ts'
import { PartitionProgress } from '../../../mirror/transfer/partition-progress.ts'
import { TargetSender } from '../../../mirror/transfer/target-sender.ts'
import { until } from '../../until.ts'

const UUID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const OTHER_UUID = 'AAAAAAAAAAAAAAAAAAAAAg'

interface Produced {
  node: number
  baseSequence: number
  respond(error: string | null, baseOffset?: number): void
  fail(error: Error): void
}

interface TargetTopic {
  id: string
  partitions: { index: number; leader: number }[]
}

const batchesOfOne = (count: number): Buffer =>
  Buffer.concat(
    Array.from({ length: count }, (_, baseOffset) =>
      encodeBatch([{ key: null, value: Buffer.from('value'), timestamp: 1 }], { baseOffset }),
    ),
  )

/** A partition with `count` batches of one record, sent to a target that responds when the test says so. */
function sending(count: number, { found }: { found?: () => Promise<TargetTopic | undefined> } = {}) {
  const produced: Produced[] = []
  const lost: string[] = []
  const unavailable: string[] = []
  const failed: string[] = []
  const produce = (node: number, partitions: { topic: string; partition: number; records: Buffer }[]) =>
    new Promise((resolve, reject) => {
      const [{ topic, partition, records }] = partitions as [(typeof partitions)[number]]
      produced.push({
        node,
        baseSequence: readBatchHeader(records).baseSequence,
        respond: (error, baseOffset = -1) => resolve([{ topic, partition, error, baseOffset }]),
        fail: reject,
      })
    })
  const topic = found ?? (async () => ({ id: UUID, partitions: [{ index: 0, leader: 2 }] }))
  const client = { raw: () => ({ produce, close: async () => {} }), topic } as unknown as Client
  const ending = new AbortController()
  onTestFinished(() => ending.abort())
  const acknowledged: number[] = []
  const sender = new TargetSender({
    client,
    // Back-off that takes no time.
    system: { clock: { ...realClock, sleep: () => new Promise((resolve) => setImmediate(resolve)) }, random: realRandom },
    maxRequestBytes: 1,
    timeoutMs: 1_000,
    signal: ending.signal,
    events: {
      onAcknowledged: (_, batches) => acknowledged.push(...batches.map(({ batch }) => batch.downstreamOffset!)),
      onResponse: () => {},
      onResumePointLost: (_, reason) => lost.push(reason),
      onUnavailable: (error) => unavailable.push(error.message),
      onFailed: (error) => failed.push(error.message),
    },
  })
  sender.useProducerId(9)
  const initial = { topicId: UUID, map: new OffsetMap(0, 0), sourceEndOffset: count, targetEndOffset: 0 }
  const partition = new PartitionProgress({ topic: 't', partition: 0, targetTopic: 'us.t' }, initial, 0)
  partition.rewind(1)
  partition.start({ topicId: UUID, leader: 1 }, { leader: 0, leaderEpoch: 0 })
  partition.appendFetched(batchesOfOne(count))
  sender.schedule(partition)
  return { sender, partition, produced, acknowledged, lost, unavailable, failed, ending }
}

test('after a leader change, what is not acknowledged goes to the new leader, in order and with its sequences', async () => {
  const { partition, produced, acknowledged, unavailable, failed } = sending(3)
  await until(() => produced.length === 3, 'three requests')
  produced[0]!.respond(null, 0)
  produced[1]!.respond('NOT_LEADER_FOR_PARTITION')
  produced[2]!.respond('OUT_OF_ORDER_SEQUENCE_NUMBER')
  await until(() => produced.length === 5, 'two batches are sent again')
  expect(produced.map(({ node, baseSequence }) => [node, baseSequence])).toEqual([
    [1, 0],
    [1, 1],
    [1, 2],
    [2, 1],
    [2, 2],
  ])
  produced[3]!.respond(null, 1)
  produced[4]!.respond(null, 2)
  await until(() => acknowledged.length === 3, 'all are acknowledged')
  expect(acknowledged).toEqual([0, 1, 2])
  expect(partition).toMatchObject({ state: 'replicating', bufferedBytes: 0 })
  expect(unavailable).toEqual(['us.t-0: the target responded with NOT_LEADER_FOR_PARTITION'])
  expect(failed).toEqual([])
})

test('a target that does not respond is reported with the reason', async () => {
  const { produced, unavailable } = sending(1)
  await until(() => produced.length === 1, 'a request')
  produced[0]!.fail(new KafkaError('NETWORK_EXCEPTION', 'connection refused'))
  await until(() => produced.length === 2, 'the batch is sent again')
  expect(unavailable).toEqual(['us.t-0: the target does not respond: connection refused'])
})

test('a partition that is suspended while its leader is looked up is not sent again', async () => {
  let respond: (topic: TargetTopic) => void = () => {}
  let lookedUp = false
  const found = () =>
    new Promise<TargetTopic>((resolve) => {
      lookedUp = true
      respond = resolve
    })
  const { partition, produced, failed } = sending(1, { found })
  await until(() => produced.length === 1, 'a request')
  produced[0]!.respond('NOT_LEADER_FOR_PARTITION')
  await until(() => lookedUp, 'the lookup')
  partition.suspend()
  respond({ id: UUID, partitions: [{ index: 0, leader: 2 }] })
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect([partition.state, produced.length, failed]).toEqual(['suspended', 1, []])
})

test.each([
  ['deleted', undefined, 'topic us.t was deleted at the target'],
  ['recreated', { id: OTHER_UUID, partitions: [{ index: 0, leader: 2 }] }, 'topic us.t was recreated at the target'],
])('a topic that was %s at the target suspends the partition', async (_, topic, reason) => {
  const { partition, produced, lost } = sending(1, { found: async () => topic })
  await until(() => produced.length === 1, 'a request')
  produced[0]!.respond('UNKNOWN_TOPIC_OR_PARTITION')
  await until(() => lost.length === 1, 'the resume point is lost')
  expect(lost).toEqual([reason])
  expect(partition.state).toBe('suspended')
})

test('sequences that the target does not know suspend the partition', async () => {
  const { partition, produced, lost } = sending(2)
  await until(() => produced.length === 2, 'two requests')
  produced[0]!.respond('UNKNOWN_PRODUCER_ID')
  await until(() => lost.length === 1, 'the resume point is lost')
  produced[1]!.respond('OUT_OF_ORDER_SEQUENCE_NUMBER')
  await new Promise((resolve) => setImmediate(resolve))
  expect(lost).toEqual(['the target responded with UNKNOWN_PRODUCER_ID'])
  expect(partition.state).toBe('suspended')
})

test('a batch that is too large fails the flow with the setting to raise', async () => {
  const { produced, failed } = sending(1)
  await until(() => produced.length === 1, 'a request')
  produced[0]!.respond('MESSAGE_TOO_LARGE')
  await until(() => failed.length === 1, 'the failure')
  expect(failed[0]).toMatch(/^t-0 at offset 0 to us\.t: .*raise max\.message\.bytes of topic us\.t.*to at least \d+ and resume/)
})

test('tasks that wait for responses go on with the last one, and when the flow ends', async () => {
  const { sender, partition, produced, ending } = sending(2)
  await until(() => produced.length === 2, 'two requests')
  sender.halt()
  let drained = 0
  const waits = [sender.drained(), sender.partitionDrained(partition)].map((wait) => wait.then(() => drained++))
  produced[0]!.respond(null, 0)
  await new Promise((resolve) => setImmediate(resolve))
  expect([drained, sender.batchesInFlight]).toEqual([0, 1])
  produced[1]!.respond(null, 1)
  await Promise.all(waits)
  expect(sender.batchesInFlight).toBe(0)
  const other = sending(1)
  await until(() => other.produced.length === 1, 'a request')
  const wait = other.sender.drained()
  other.ending.abort()
  await wait
  ending.abort()
})

test('a resend that began before a restart of the partition does not send batches that are in flight', async () => {
  let find = (_: TargetTopic) => {}
  const found = () => new Promise<TargetTopic>((resolve) => (find = resolve))
  const { sender, partition, produced, acknowledged } = sending(2, { found })
  const topic = { id: UUID, partitions: [{ index: 0, leader: 2 }] }
  await until(() => produced.length === 2, 'two requests')
  produced[0]!.respond('NOT_LEADER_FOR_PARTITION')
  produced[1]!.respond('OUT_OF_ORDER_SEQUENCE_NUMBER')
  const before = find
  await until(() => find !== before, 'the resend looks for the leader')
  const findBeforeRestart = find

  partition.suspend()
  partition.rewind(2)
  partition.start({ topicId: UUID, leader: 1 }, { leader: 0, leaderEpoch: 0 })
  partition.appendFetched(batchesOfOne(2))
  sender.schedule(partition)
  await until(() => produced.length === 4, 'two requests after the restart')
  produced[2]!.respond('NOT_LEADER_FOR_PARTITION')
  await until(() => partition.state === 'resending', 'the response')
  findBeforeRestart(topic)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(produced).toHaveLength(4)

  produced[3]!.respond('OUT_OF_ORDER_SEQUENCE_NUMBER')
  await until(() => find !== findBeforeRestart, 'the resend after the restart looks for the leader')
  find(topic)
  await until(() => produced.length === 6, 'both are sent again')
  produced[4]!.respond(null, 0)
  produced[5]!.respond(null, 1)
  await until(() => acknowledged.length === 2, 'both are acknowledged')
})
