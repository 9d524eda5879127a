/**
 * Goal: a dry run shows what a connector would make of the first records, and leaves no trace: no group, no topic, no position. Method:
 * file sources on real files, sinks on a broker in this process.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dryRun, NoDryRun } from '../../../connect/offline/dry-run.ts'
import type { OfflineWorker } from '../../../connect/offline/offline-worker.ts'
import type { Rehearsed } from '../../../connect/offline/rehearsal.ts'
import { defineConnector, defineSource, sourceRecord } from '../../../connect/sdk/index.ts'
import { type Client, createClient } from '../../../core/client/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'
import { offlineWorker } from './offline-fixture.ts'

const HALF_A_SECOND = 500
let folder: string
let broker: BrokerInProcess
let client: Client
let worker: OfflineWorker

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-dry-run-'))
  broker = await brokerInProcess()
  const bootstrapServers = `127.0.0.1:${broker.port}`
  client = createClient({ bootstrapServers, clientId: 'test' }, realSystem('silent'))
  worker = await offlineWorker({ 'bootstrap.servers': bootstrapServers })
})
afterAll(async () => {
  await worker?.close()
  await client?.close()
  await broker?.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function run(config: Record<string, string>, records = 10, signal = new AbortController().signal, from = worker) {
  const all: Rehearsed[] = []
  for await (const rehearsed of dryRun(config, from, { records, signal })) all.push(rehearsed)
  return all
}

const json = { 'value.converter': 'org.apache.kafka.connect.json.JsonConverter', 'value.converter.schemas.enable': 'false' }

test('reads the first records of a source, and no more than asked for', async () => {
  const file = join(folder, 'in.txt')
  writeFileSync(file, 'a\nb\nc\n')
  const config = { name: 'lines', 'connector.class': 'FileStreamSource', file, topic: 'lines', 'batch.size': '2', ...json }
  const shown = await run(config, 3)
  expect(shown.map(({ output }) => output!.value)).toEqual(['a', 'b', 'c'])
  expect((await run(config, 1)).length).toBe(1)
  expect((await client.topics()).map(({ name }) => name)).not.toContain('lines')
})

test('ends by its signal where a source has fewer records', async () => {
  const file = join(folder, 'short.txt')
  writeFileSync(file, 'a\n')
  const config = { name: 'short', 'connector.class': 'FileStreamSource', file, topic: 'short', ...json }
  expect((await run(config, 10, AbortSignal.timeout(HALF_A_SECOND))).length).toBe(1)
})

test('reads the topics of a sink to their end, without a group', async () => {
  const topic = 'orders'
  await client.admin.createTopics([{ name: topic, partitions: 2, replicationFactor: 1 }])
  const producer = client.producer()
  await producer.send([0, 1, 2, 3].map((id) => ({ topic, partition: id % 2, key: null, value: Buffer.from(`{"id":${id}}`) })))
  await producer.close()
  const file = join(folder, 'out.txt')
  const config = { name: 'files', 'connector.class': 'FileStreamSink', file, topics: topic, ...json }
  const shown = await run(config)
  expect(shown.map(({ output }) => (output!.value as { id: number }).id).sort()).toEqual([0, 1, 2, 3])
  expect((await run(config, 3)).length).toBe(3)
  expect(await client.admin.groupOffsets('connect-files')).toEqual([])
})

test('says which topics are missing, and creates none', async () => {
  const config = { name: 's', 'connector.class': 'FileStreamSink', file: join(folder, 'x'), topics: 'not.there', ...json }
  await expect(run(config)).rejects.toThrow(new NoDryRun('The cluster has none of the topics not.there.'))
  expect((await client.topics()).map(({ name }) => name)).not.toContain('not.there')
})

test('does not call a source whose read changes its system', async () => {
  const source = defineSource({
    class: 'example.Slots',
    settings: {},
    readHasEffects: true,
    async *read() {
      yield { records: [sourceRecord({ topic: 't' })], positions: [] }
    },
  })
  const { openOfflineWorker } = await import('../../../connect/offline/offline-worker.ts')
  const properties = { 'bootstrap.servers': `127.0.0.1:${broker.port}`, 'group.id': 'g' }
  const own = await openOfflineWorker(properties, realSystem('silent'), {
    connectors: [defineConnector({ name: 'slots', doc: 'x', source })],
  })
  await expect(run({ name: 's', 'connector.class': 'example.Slots' }, 1, undefined, own)).rejects.toThrow(
    'changes the system that it reads',
  )
  await own.close()
})
