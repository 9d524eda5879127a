/**
 * Goal: a producer whose topic is deleted continues as Kafka's does: where the cluster creates topics automatically, the next record
 * creates the topic again and is stored in it. Method: the real client on a real broker; the topic is deleted between two sends.
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

test('what is sent after the deletion is stored in the new topic', { timeout: 30_000 }, async () => {
  const producer = client.producer({ acks: 'all' })
  const send = (value: string) => producer.send([{ topic: 'orders', partition: 0, value: Buffer.from(value), key: null }])
  expect((await send('before')).at(0).offset).toBe(0)
  await client.admin.deleteTopics(['orders'])
  expect((await send('after')).at(0).offset).toBe(0)
  expect((await send('later')).at(0).offset).toBe(1)
})
