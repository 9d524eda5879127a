/**
 * Goal: a consumer that closes while its broker is stalled leaves the group once the broker runs again. Otherwise the consumer that
 * replaces it (a restarted sink task) waits for the session timeout, 45 s. Method: a broker process that is frozen (SIGSTOP) and continued.
 */
import { afterAll, beforeAll, test } from 'vitest'
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

test('a consumer closed during a stall has left its group after it', { timeout: 40_000 }, async () => {
  await client.admin.createTopics([{ name: 't', partitions: 1, replicationFactor: 1 }])
  const consumer = client.consumer({ groupId: 'g', heartbeatIntervalMs: 50 })
  consumer.subscribe(['t'])
  await until(async () => {
    await consumer.poll(50)
    return consumer.assignment.length === 1
  }, 'the consumer has its partition')

  process.kill(broker.pid, 'SIGSTOP')
  try {
    let closed = false
    void consumer.close().then(() => {
      closed = true
    })
    await until(() => closed, 'the consumer has closed without a response', 10_000)
  } finally {
    process.kill(broker.pid, 'SIGCONT')
  }
  const members = async () => (await client.admin.describeGroups(['g']))[0]!.members.length
  await until(async () => (await members()) === 0, 'the group is empty', 10_000)
})
