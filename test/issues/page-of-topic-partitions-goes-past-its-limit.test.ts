/**
 * Goal: a page of DescribeTopicPartitions ends at its limit also where the next topic does not exist, as in Kafka. Method: a page of one
 * partition.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import describeTopicPartitions from '../../core/apis/75-describe-topic-partitions.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'

let running: BrokerInProcess
beforeAll(async () => {
  running = await brokerInProcess()
  await running.broker.cluster.createTopic({ name: 'a', partitions: 1, replicationFactor: 1 })
})
afterAll(() => running.stop())

test('the missing topic is in the next page', async () => {
  const client = await running.client()
  const ask = (cursor: { topicName: string; partitionIndex: number } | null) =>
    client.send(describeTopicPartitions, 0, { topics: [{ name: 'a' }, { name: 'b' }], responsePartitionLimit: 1, cursor })
  const first = await ask(null)
  expect(first.topics.map(({ name }) => name)).toEqual(['a'])
  expect(first.nextCursor).toEqual({ topicName: 'b', partitionIndex: 0 })
  const second = await ask(first.nextCursor)
  expect(second.topics.map(({ name }) => name)).toEqual(['b'])
  expect(second.nextCursor).toBe(null)
})
