/**
 * Goal: who only asks for a topic does not create it, also where another caller of the same client asks at the same time for a topic that
 * the broker may create. Sources with topic.creation settings got topics with the broker's number of partitions. Method: both at once.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'

let broker: BrokerInProcess
let client: Client
beforeAll(async () => {
  broker = await brokerInProcess()
  client = createClient({ bootstrapServers: `127.0.0.1:${broker.port}`, clientId: 'test' }, realSystem('silent'))
})
afterAll(async () => {
  await client?.close()
  await broker?.stop()
})

test('each caller gets what it has asked for', async () => {
  await client.clusterId
  const [asked, created, again] = await Promise.all([
    client.topic('only-asked-for'),
    client.topic('to-be-created', { allowCreation: true }),
    client.topic('only-asked-for', { refresh: true }),
  ])
  expect([asked, again]).toEqual([undefined, undefined])
  expect(created?.partitions).toHaveLength(1)
  expect((await client.topics()).map(({ name }) => name)).toEqual(['to-be-created'])
})
