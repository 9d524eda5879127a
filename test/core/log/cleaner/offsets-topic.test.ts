/**
 * Story of core/log/cleaner. Goal: `__consumer_offsets` is compacted while the broker runs, with the settings of a broker file, and a start
 * afterwards finds every offset. Method: a broker in this process, many commits of one group.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import offsetCommit from '../../../../core/apis/08-offset-commit.ts'
import offsetFetch from '../../../../core/apis/09-offset-fetch.ts'
import { type BrokerInProcess, brokerInProcess } from '../../../broker-in-process.ts'
import { until } from '../../../until.ts'

const PARTITIONS = 200
const COMMITS = 100

let running: BrokerInProcess
beforeEach(async () => {
  running = await brokerInProcess({
    'offsets.topic.num.partitions': '1',
    'offsets.topic.segment.bytes': '1048576',
    'log.cleaner.backoff.ms': '200',
  })
})
afterEach(() => running.stop())

async function fetched(): Promise<number[]> {
  const client = await running.client()
  const { topics } = await client.send(offsetFetch, 5, { groupId: 'g', topics: null, groups: [], requireStable: false } as never)
  return topics[0]!.partitions.sort((a, b) => a.partitionIndex - b.partitionIndex).map(({ committedOffset }) => committedOffset)
}

test('keeps one record of each partition of a group, which the next start loads', async () => {
  const { broker } = running
  await broker.cluster.ensureTopic('t', PARTITIONS)
  const client = await running.client()
  for (let commit = 0; commit < COMMITS; commit++) {
    const partitions = Array.from({ length: PARTITIONS }, (_, partitionIndex) => ({
      partitionIndex,
      committedOffset: commit * 1000 + partitionIndex,
      committedLeaderEpoch: -1,
      committedMetadata: 'm'.repeat(30),
    }))
    const request = {
      groupId: 'g',
      memberId: '',
      groupInstanceId: null,
      retentionTimeMs: -1,
      topics: [{ name: 't', topicId: '', partitions }],
    }
    const { topics } = await client.send(offsetCommit, 7, { ...request, generationIdOrMemberEpoch: -1 } as never)
    expect(topics[0]!.partitions.every(({ errorCode }) => errorCode === 0)).toBe(true)
  }
  const log = broker.logs.get('__consumer_offsets', 0)!
  const { cleaner } = broker.logs
  expect(cleaner.uncleanable).toEqual([])
  await until(() => broker.logs.cleaner.runs > 0 && broker.logs.cleaner.maxDirtyRatio <= 0.5, 'the topic is clean')
  expect(log.sizeBytes).toBeLessThan(1_200_000)
  const metrics = await broker.system.metrics.text()
  expect(metrics).toMatch(/tributary_log_cleaner_runs_total [1-9]/)
  expect(metrics).toContain('tributary_log_cleaner_uncleanable_partitions 0')
  const expected = Array.from({ length: PARTITIONS }, (_, partition) => (COMMITS - 1) * 1000 + partition)
  expect(await fetched()).toEqual(expected)
  await running.restart()
  await until(async () => (await fetched().catch(() => [])).length === PARTITIONS, 'the offsets are loaded')
  expect(await fetched()).toEqual(expected)
})
