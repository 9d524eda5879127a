/**
 * Goal: only who has claimed last writes to the config topic, all records of a write or none. Method: two writers of one topic on a real
 * broker.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PrivilegedWriteError, TransactionalLogWriter } from '../../../connect/storage/transactional-log-writer.ts'
import { type Client, createClient } from '../../../core/client/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'

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

async function keysIn(topic: string): Promise<string[]> {
  const consumer = client.consumer({ isolationLevel: 'read_committed' })
  const [end] = await client.admin.listOffsets([{ topic, partition: 0, spec: 'latest' }])
  consumer.assign([{ topic, partition: 0, offset: 'earliest' }])
  const keys: string[] = []
  while ((consumer.position({ topic, partition: 0 }) ?? 0) < end!.offset)
    for (const { records } of await consumer.poll(100)) keys.push(...records.map(({ key }) => key!.toString()))
  await consumer.close()
  return keys
}

const writer = (topic: string) => new TransactionalLogWriter(topic, () => client.producer({ transactionalId: `leader-of-${topic}` }))
const record = (key: string) => ({ key, value: '{}' })

test('without a claim nothing is written, and the caller is told', async () => {
  await client.admin.createTopics([{ name: 'unclaimed', partitions: 1, replicationFactor: 1 }])
  const unclaimed = writer('unclaimed')
  let lost = 0
  unclaimed.start(() => lost++)
  await expect(unclaimed.append([record('a')])).rejects.toThrow(PrivilegedWriteError)
  expect([lost, await keysIn('unclaimed')]).toEqual([1, []])
})

test('who claims later fences the one before, who may claim again', async () => {
  await client.admin.createTopics([{ name: 'claimed', partitions: 1, replicationFactor: 1 }])
  const [first, second] = [writer('claimed'), writer('claimed')]
  await first.claim()
  await first.claim()
  await first.append([record('a'), record('b')])
  await second.claim()
  await second.append([record('c')])
  let lost = 0
  first.start(() => lost++)
  await expect(first.append([record('lost')])).rejects.toThrow(/the request can be safely retried/)
  await expect(first.append([record('lost')])).rejects.toThrow(PrivilegedWriteError)
  await Promise.all([first.claim(), first.append([record('d')])])
  await expect(second.append([record('lost')])).rejects.toThrow(PrivilegedWriteError)
  expect([lost, await keysIn('claimed')]).toEqual([2, ['a', 'b', 'c', 'd']])
  await Promise.all([first.relinquish(), second.relinquish()])
  await expect(first.append([record('lost')])).rejects.toThrow(PrivilegedWriteError)
})
