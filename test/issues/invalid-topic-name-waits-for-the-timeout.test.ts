/**
 * Goal: a topic name that no cluster accepts fails at once with the broker's error, not after the request timeout. Method: the real client
 * on a real broker, with a request timeout longer than the test.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'

let broker: BrokerInProcess
let client: Client
beforeAll(async () => {
  broker = await brokerInProcess()
  const bootstrapServers = `127.0.0.1:${broker.port}`
  client = createClient({ bootstrapServers, clientId: 'test', requestTimeoutMs: 60_000 }, realSystem('silent'))
})
afterAll(async () => {
  await client?.close()
  await broker?.stop()
})

test('an invalid topic name is an error at once', { timeout: 10_000 }, async () => {
  await expect(client.topic('no name', { allowCreation: true })).rejects.toMatchObject({ error: 'INVALID_TOPIC_EXCEPTION' })
})
