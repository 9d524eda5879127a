/**
 * Goal: batches of two lives of one topic (deleted and made again) that go out in one request never meet: each names the life it belongs to.
 * A mirror would write into the new topic behind what is not there, and read the new one from the old one's offset (Invariant 11). Method: a
 * topic of our own broker is deleted and made again; raw requests carry one partition with its old id and one with its new, in both orders.
 */
import { expect, test } from 'vitest'
import { encodeBatch } from '../../../core/wire/record-batch.ts'
import { createTopic, ourCluster } from '../../mirror/clusters.ts'
import { until } from '../../until.ts'

test('raw requests keep the ids of one topic apart', async () => {
  const cluster = await ourCluster()
  const { client } = cluster
  await createTopic(cluster, 't', 2)
  const before = (await client.topic('t'))!
  await client.admin.deleteTopics(['t'])
  await until(async () => (await client.topic('t', { refresh: true })) === undefined, 'the topic is gone')
  await createTopic(cluster, 't', 2)
  const now = (await client.topic('t', { refresh: true }))!
  expect(now.id).not.toBe(before.id)

  const raw = client.raw()
  const place = (partition: number, topicId: string) => ({ topic: 't', partition, topicId })
  const both = [place(0, now.id), place(1, before.id)]
  for (const places of [both, both.toReversed()]) {
    const batch = (text: string) => encodeBatch([{ key: null, value: Buffer.from(text), timestamp: 1_700_000_000_000 }])
    const produced = await raw.produce(
      now.partitions[0]!.leader,
      places.map((each) => ({ ...each, records: batch('record') })),
    )
    const fetched = await raw.fetch(
      now.partitions[0]!.leader,
      places.map((each) => ({ ...each, offset: 0, leaderEpoch: -1 })),
      { maxWaitMs: 0, minBytes: 1, maxBytes: 100_000, partitionMaxBytes: 100_000, isolationLevel: 0 },
    )
    for (const results of [produced, fetched]) {
      const errors = new Map(results.map(({ partition, error }) => [partition, error]))
      expect([errors.get(0), errors.get(1)]).toEqual([null, 'UNKNOWN_TOPIC_ID'])
    }
  }
  await raw.close()
  const ends = await client.admin.listOffsets([0, 1].map((partition) => ({ topic: 't', partition, spec: 'latest' as const })))
  expect(ends.map((end) => end.offset)).toEqual([2, 0])
})
