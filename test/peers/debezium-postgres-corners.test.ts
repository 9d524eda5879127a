/**
 * Goal: in corners too the Postgres source writes what Debezium's does. Method: the workloads of corners through Debezium in a real Kafka
 * Connect and ours in our worker, compared as JSON with schemas.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DebeziumPeers, differences } from './debezium-postgres.ts'
import { cornerWorkloads } from './debezium-postgres-corners.ts'
import { temporaryFolder } from './workers.ts'

const START_MS = 300_000
const WORKLOAD_MS = 240_000

const folder = temporaryFolder()
let peers: DebeziumPeers
beforeAll(async () => {
  peers = await DebeziumPeers.start(folder)
}, START_MS)
afterAll(() => peers?.stop(), START_MS)

test.each(cornerWorkloads)(
  '$name',
  async (workload) => {
    const { theirs, ours } = await peers.compared(workload)
    expect(differences(theirs, ours)).toEqual([])
  },
  WORKLOAD_MS,
)
