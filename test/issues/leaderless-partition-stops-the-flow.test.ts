/**
 * Goal: a partition without a leader does not keep the other partitions of a starting flow from being mirrored; it is mirrored once it has
 * a leader, and until then the lag is unknown. Method: two of our own brokers; a proxy in front of the source reports one partition without
 * a leader, as a cluster of several brokers does while one of them is offline.
 */
import { expect, onTestFinished, test } from 'vitest'
import metadata from '../../core/apis/03-metadata.ts'
import { errorCode } from '../../core/errors.ts'
import { mirrorOf } from '../mirror/clusters.ts'
import { clustersWithTopic, expectSameRecords, flowOfTopic } from '../mirror/started-flow.ts'
import { type ResponseProxy, responseProxy } from '../response-proxy.ts'
import { until } from '../until.ts'

test('the partitions with a leader are mirrored at once, the other one follows', async () => {
  const clusters = await clustersWithTopic({ partitions: 3, records: 90 })
  let offline = true
  const leaderless = { errorCode: errorCode('LEADER_NOT_AVAILABLE'), leaderId: -1 }
  const proxy: ResponseProxy = await responseProxy(clusters.us.broker.port, metadata, (response) => ({
    ...response,
    brokers: response.brokers.map((broker) => ({ ...broker, host: '127.0.0.1', port: proxy.port })),
    topics: response.topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map((each) =>
        offline && topic.name === 't' && each.partitionIndex === 1 ? { ...each, ...leaderless } : each,
      ),
    })),
  }))
  onTestFinished(() => proxy.close())
  const behindProxy = { ...clusters, us: { ...clusters.us, address: proxy.address } }
  const mirror = await mirrorOf(flowOfTopic(behindProxy))
  const status = () => mirror.status('us->central')

  await until(() => status().state === 'RUNNING' && status().partitions.every((each) => each.lagRecords === 0), 'the others are mirrored')
  expect(status().partitions.map((each) => [each.partition, each.targetEndOffset])).toEqual([
    [0, 30],
    [2, 30],
  ])
  expect(status().lagMs).toBeNull()

  offline = false
  await until(() => status().lagMs === 0 && status().partitions.length === 3, 'the last one follows', 20_000)
  await expectSameRecords(clusters, 3)
})
