/**
 * Goal: a fetch with the leader epoch of the past learns from the error who leads the partition, and where (KIP-951). Method: a record of
 * the metadata log raises the epoch of the partition.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import fetch from '../../core/apis/01-fetch.ts'
import { errorCode } from '../../core/errors.ts'
import { encodeMetadataRecord, recordVersion } from '../../core/wire/metadata-records.ts'
import { encodeBatch } from '../../core/wire/record-batch.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'

let running: BrokerInProcess
beforeAll(async () => {
  running = await brokerInProcess()
  const { id: topicId } = await running.broker.cluster.createTopic({ name: 't', partitions: 1, replicationFactor: 1 })
  const record = { type: 'PartitionChangeRecord', partitionId: 0, topicId, leader: 1 } as const
  const value = encodeMetadataRecord(record, recordVersion(record.type, 30))
  const batch = encodeBatch([{ key: null, value, timestamp: 1 }])
  await running.broker.logs.get('__cluster_metadata', 0)!.append(batch, 'coordinator').durable
  await running.restart()
})
afterAll(() => running.stop())

test.each([
  [15, -1, -1, []],
  [16, 1, 1, ['127.0.0.1']],
] as const)('v%i', async (version, leaderId, leaderEpoch, hosts) => {
  const client = await running.client()
  const { id } = running.broker.cluster.topic('t')!
  const partitions = [{ partition: 0, currentLeaderEpoch: 0, fetchOffset: 0, partitionMaxBytes: 1000 }]
  const answer = await client.send(fetch, version, { maxWaitMs: 0, minBytes: 1, isolationLevel: 0, topics: [{ topicId: id, partitions }] })
  const [partition] = answer.responses[0]!.partitions
  expect(partition).toMatchObject({ errorCode: errorCode('FENCED_LEADER_EPOCH'), currentLeader: { leaderId, leaderEpoch } })
  expect(answer.nodeEndpoints.map(({ host }) => host)).toEqual(hosts)
})
