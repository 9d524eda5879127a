/**
 * Goal: a member that closes while its broker stands still has left once the broker goes on; else whoever takes its place (a sink task begun
 * anew) waits until the session of the one before is over, 45 s. Method: a broker as a process that is stopped and goes on again.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { startTestBroker, type TestBroker } from '../running-broker.ts'
import { until } from '../until.ts'

let broker: TestBroker
let client: Client

beforeAll(async () => {
  broker = await startTestBroker()
  client = createClient({ bootstrapServers: broker.address, clientId: 'test' }, realSystem('silent'))
})
afterAll(async () => {
  await client?.close()
  await broker?.stop()
})

test('a group is left behind a broker that stands still', { timeout: 40_000 }, async () => {
  await client.admin.createTopics([{ name: 't', partitions: 1, replicationFactor: 1 }])
  const consumer = client.consumer({ groupId: 'g', heartbeatIntervalMs: 50 })
  consumer.subscribe(['t'])
  await until(async () => {
    await consumer.poll(50)
    return consumer.assignment.length === 1
  }, 'the consumer has its partition')

  process.kill(broker.pid, 'SIGSTOP')
  try {
    const began = performance.now()
    await consumer.close()
    expect(performance.now() - began).toBeLessThan(5_000)
  } finally {
    process.kill(broker.pid, 'SIGCONT')
  }
  const members = async () => (await client.admin.describeGroups(['g']))[0]!.members.length
  await until(async () => (await members()) === 0, 'the group has no member any more', 10_000)
})
