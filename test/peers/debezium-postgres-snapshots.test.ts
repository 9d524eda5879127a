/**
 * Goal: snapshots write what Debezium's write: the same topics, keys, values, schemas, headers and notifications, record for record.
 * Method: the same workloads through Debezium in a real Kafka Connect and ours in our worker, compared as JSON with schemas.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DebeziumPeers } from './debezium-postgres.ts'
import { snapshotWorkloads } from './debezium-postgres-snapshots.ts'
import { temporaryFolder } from './workers.ts'

const START_MS = 300_000
const WORKLOAD_MS = 240_000

const folder = temporaryFolder()
let peers: DebeziumPeers
beforeAll(async () => {
  peers = await DebeziumPeers.start(folder)
}, START_MS)
afterAll(() => peers?.stop(), START_MS)

test.each(snapshotWorkloads)(
  '$name',
  async (workload) => {
    const { theirs, ours } = await peers.compared(workload)
    expect(Object.keys(ours)).toEqual(Object.keys(theirs))
    for (const [topic, records] of Object.entries(theirs)) expect(ours[topic], topic).toEqual(records)
  },
  WORKLOAD_MS,
)
