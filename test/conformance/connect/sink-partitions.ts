/** The partitions of a sink: it gets those of topics that are created after it, and loses those of topics that are deleted. */
import { expect } from 'vitest'
import type { ConnectCluster } from './connect-cluster.ts'
import type { Story } from './stories.ts'

async function produceOne(cluster: ConnectCluster, topic: string, value: string): Promise<void> {
  const producer = cluster.kafka.client.producer()
  await producer.send([{ topic, partition: 0, key: null, value: Buffer.from(value) }])
  await producer.close()
}

/** Each record once. */
async function gets(cluster: ConnectCluster, id: string, values: readonly string[]): Promise<void> {
  const sorted = () =>
    cluster
      .records(id)
      .map((line) => line.split(' ')[1]!)
      .sort()
  await cluster.eventually(() => sorted().length >= values.length, `${id} has ${values.length} records`)
  expect(sorted()).toEqual([...values].sort())
}

const followsTopics = (assignor: string) => async (cluster: ConnectCluster, id: string) => {
  const [first, second] = [`${id}-1`, `${id}-2`]
  await cluster.configure(
    id,
    cluster.sink(id, `${first},${second}`, {
      'consumer.override.metadata.max.age.ms': '500',
      'consumer.override.partition.assignment.strategy': `org.apache.kafka.clients.consumer.${assignor}`,
      'consumer.override.default.api.timeout.ms': '5000',
    }),
  )
  await cluster.isRunning(id, 1)
  await cluster.createTopic(first)
  await produceOne(cluster, first, 'first-1')
  await gets(cluster, id, ['first-1'])
  await cluster.createTopic(second)
  await produceOne(cluster, second, 'second-1')
  await produceOne(cluster, first, 'first-2')
  await gets(cluster, id, ['first-1', 'first-2', 'second-1'])
  const offsets = async () => {
    const { offsets } = await cluster.get(`GET /connectors/${id}/offsets`)
    return JSON.stringify(
      offsets
        .map((one: { partition: { kafka_topic: string }; offset: { kafka_offset: number } }) => [
          one.partition.kafka_topic,
          one.offset.kafka_offset,
        ])
        .sort(),
    )
  }
  await cluster.eventually(
    async () =>
      (await offsets()) ===
      JSON.stringify([
        [first, 2],
        [second, 1],
      ]),
    'offsets of both topics are committed',
  )
  expect((await cluster.kafka.client.admin.deleteTopics([first])).get(first)).toBeNull()
  await produceOne(cluster, second, 'second-2')
  await gets(cluster, id, ['first-1', 'first-2', 'second-1', 'second-2'])
  await cluster.isRunning(id, 1)
}

export const sinkPartitions: readonly Story[] = [
  { name: 'an eager sink follows its topics', tell: followsTopics('RangeAssignor') },
  { name: 'a cooperative sink follows its topics', tell: followsTopics('CooperativeStickyAssignor') },
  {
    name: 'a sink of topics.regex gets the topics that match, also later ones',
    async tell(cluster, id) {
      await cluster.createTopic(`${id}-a`)
      const { topics: _, ...config } = cluster.sink(id, '')
      await cluster.configure(id, { ...config, 'topics.regex': `${id}-[ab]`, 'consumer.override.metadata.max.age.ms': '500' })
      await cluster.isRunning(id, 1)
      await produceOne(cluster, `${id}-a`, 'a')
      await gets(cluster, id, ['a'])
      for (const suffix of ['b', 'c']) {
        await cluster.createTopic(`${id}-${suffix}`)
        await produceOne(cluster, `${id}-${suffix}`, suffix)
      }
      await gets(cluster, id, ['a', 'b'])
    },
  },
]
