/**
 * Goal: the Postgres source writes what Debezium's does: the same topics, keys, values, schemas and headers, record for record. Method:
 * the same workloads through Debezium in a real Kafka Connect and ours in our worker, compared as JSON with schemas.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DebeziumPeers, differences } from './debezium-postgres.ts'
import { streamWorkloads } from './debezium-postgres-streams.ts'
import { temporaryFolder } from './workers.ts'

const START_MS = 300_000
const WORKLOAD_MS = 240_000

const folder = temporaryFolder()
let peers: DebeziumPeers
beforeAll(async () => {
  peers = await DebeziumPeers.start(folder)
}, START_MS)
afterAll(() => peers?.stop(), START_MS)

test.each(streamWorkloads)(
  '$name',
  async (workload) => {
    const { theirs, ours } = await peers.compared(workload)
    expect(differences(theirs, ours)).toEqual([])
  },
  WORKLOAD_MS,
)
