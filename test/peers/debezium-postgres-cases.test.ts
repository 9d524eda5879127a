/**
 * Goal: the Postgres source writes what Debezium's does in the cases that Debezium's own tests look at. Method: the workloads of these
 * cases through Debezium in a real Kafka Connect and ours in our worker, compared as JSON with schemas.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DebeziumPeers, differences } from './debezium-postgres.ts'
import { caseWorkloads } from './debezium-postgres-cases.ts'
import { temporaryFolder } from './workers.ts'

const START_MS = 300_000
const WORKLOAD_MS = 240_000

const folder = temporaryFolder()
let peers: DebeziumPeers
beforeAll(async () => {
  peers = await DebeziumPeers.start(folder)
}, START_MS)
afterAll(() => peers?.stop(), START_MS)

test.each(caseWorkloads)(
  '$name',
  async (workload) => {
    const { theirs, ours } = await peers.compared(workload)
    expect(differences(theirs, ours)).toEqual([])
  },
  WORKLOAD_MS,
)
