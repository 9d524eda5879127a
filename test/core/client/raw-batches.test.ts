/**
 * Goal: batches of a deleted topic and of a topic recreated under its name do not mix in one raw request: each carries its topic id. A
 * mirror would write into the new topic after records that do not exist, and fetch it from an offset of the deleted one (Invariant 11).
 * Method: a topic of our own broker is recreated; raw requests carry one partition with the old topic id and one with the new, in both
 * orders.
 */
import { expect, test } from 'vitest'
import { encodeBatch } from '../../../core/wire/record-batch.ts'
import { createTopic, ourCluster } from '../../mirror/clusters.ts'
import { until } from '../../until.ts'

test('raw requests keep the topic ids of a recreated topic apart', async () => {
  const cluster = await ourCluster()
  const { client } = cluster
  await createTopic(cluster, 't', 2)
  const deleted = (await client.topic('t'))!
  await client.admin.deleteTopics(['t'])
  await until(async () => (await client.topic('t', { refresh: true })) === undefined, 'the topic is deleted')
  await createTopic(cluster, 't', 2)
  const created = (await client.topic('t', { refresh: true }))!
  expect(created.id).not.toBe(deleted.id)

  const raw = client.raw()
  const entry = (partition: number, topicId: string) => ({ topic: 't', partition, topicId })
  const both = [entry(0, created.id), entry(1, deleted.id)]
  for (const entries of [both, both.toReversed()]) {
    const batch = (text: string) => encodeBatch([{ key: null, value: Buffer.from(text), timestamp: 1_700_000_000_000 }])
    const produced = await raw.produce(
      created.partitions[0]!.leader,
      entries.map((each) => ({ ...each, records: batch('record') })),
    )
    const fetched = await raw.fetch(
      created.partitions[0]!.leader,
      entries.map((each) => ({ ...each, offset: 0, leaderEpoch: -1 })),
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
