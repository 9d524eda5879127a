/**
 * Goal: a record log behaves the same on a topic, in a file and in memory. Method: one suite for all three, the topic on a real broker;
 * then tests of what each of them has alone.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FileLog } from '../../../connect/storage/file-log.ts'
import { KafkaBasedLog } from '../../../connect/storage/kafka-based-log.ts'
import { MemoryLog, MemoryRecords } from '../../../connect/storage/memory-log.ts'
import type { RecordLog } from '../../../connect/storage/record-log.ts'
import { type Client, createClient } from '../../../core/client/index.ts'
import { realDisk } from '../../../core/system/disk.ts'
import { realSystem } from '../../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'
import { runChecks } from '../../contract/run-checks.ts'
import { openedLog, storeChecks } from '../../contract/store-checks.ts'
import { until } from '../../until.ts'

const system = realSystem('silent')
let broker: BrokerInProcess
let client: Client
let folder: string
let topics = 0

beforeAll(async () => {
  broker = await brokerInProcess()
  client = createClient({ bootstrapServers: `127.0.0.1:${broker.port}`, clientId: 'test' }, system)
  folder = mkdtempSync(join(tmpdir(), 'record-log-'))
})
afterAll(async () => {
  await client?.close()
  await broker?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const topicLog = (topic: string, partitions = 3) =>
  new KafkaBasedLog(
    { admin: client, consumer: client, producer: client.producer() },
    { topic, partitions, replicationFactor: 1, setting: 'test.storage.topic' },
    system,
  )

/** Each gives a way to open the same records again. */
const stores: Record<string, () => () => RecordLog> = {
  topic: () => {
    const topic = `log-${topics++}`
    return () => topicLog(topic)
  },
  file: () => {
    const path = join(folder, `log-${topics++}.json`)
    return () => new FileLog(realDisk, path)
  },
  memory: () => {
    const records = new MemoryRecords()
    return () => new MemoryLog(records)
  },
}

const opened = openedLog

describe.each(Object.keys(stores))('on a %s', (kind) => {
  runChecks(storeChecks, () => stores[kind]!())
})

describe('on a topic', () => {
  test('a reader follows what others append', async () => {
    const again = stores.topic!()
    const one = await opened(again())
    const two = await opened(again())
    await one.log.append([{ key: 'a', value: '1' }])
    await until(() => two.newest.get('a') === '1', 'the other reader has it')
    await Promise.all([one.log.close(), two.log.close()])
  })
  test('it is created compacted, with the partitions asked for', async () => {
    const { log } = await opened(topicLog('made', 5))
    await log.close()
    expect((await client.topic('made'))?.partitions).toHaveLength(5)
    const configs = (await client.admin.describeTopicConfigs(['made'])).get('made')!
    expect(configs.find((config) => config.name === 'cleanup.policy')?.value).toBe('compact')
  })
  test('one that deletes records by age is refused, and the error says what to change', async () => {
    await client.admin.createTopics([{ name: 'forgetful', partitions: 1, replicationFactor: 1 }])
    await expect(topicLog('forgetful').start(() => {})).rejects.toThrow(/'forgetful'.*'test.storage.topic'.*cleanup.policy=compact/)
  })
  test('one that needs a single partition is refused with more', async () => {
    await client.admin.createTopics([{ name: 'wide', partitions: 2, replicationFactor: 1, configs: { 'cleanup.policy': 'compact' } }])
    const settings = { topic: 'wide', partitions: 1, replicationFactor: 1, setting: 'config.storage.topic', singlePartition: true }
    await expect(
      new KafkaBasedLog({ admin: client, consumer: client, producer: client.producer() }, settings, system).start(() => {}),
    ).rejects.toThrow(/single partition.*found 2 partitions/)
  })
  test('a replication factor above the number of brokers is refused, and the error says what to set', async () => {
    const log = new KafkaBasedLog(
      { admin: client, consumer: client, producer: client.producer() },
      { topic: 'copies', partitions: 1, replicationFactor: 3, setting: 's.topic' },
      system,
    )
    await expect(log.start(() => {})).rejects.toThrow(
      /topic .* \(partitions: 1, replication factor: 3\) could not be created.*Set s\.replication\.factor/,
    )
  })
})

describe('in a file', () => {
  test("Kafka Connect's own file is refused, not overwritten", async () => {
    const path = join(folder, 'java.offsets')
    const java = Buffer.from('aced00057372', 'hex')
    writeFileSync(path, java)
    await expect(new FileLog(realDisk, path).start(() => {})).rejects.toThrow(/serialised Java.*another file/)
    expect(readFileSync(path)).toEqual(java)
  })
  test('a file that is not JSON is refused, and the error says what to do', async () => {
    const path = join(folder, 'torn.json')
    writeFileSync(path, '{"a": "1"')
    await expect(new FileLog(realDisk, path).start(() => {})).rejects.toThrow(/repair it, or move it away/)
  })
  test('an append that fails leaves what was there', async () => {
    const log = new FileLog(realDisk, join(folder, 'nowhere', 'x.json'))
    const { newest } = await opened(log)
    await expect(log.append([{ key: 'a', value: '1' }])).rejects.toThrow()
    await log.readToEnd()
    expect(newest.size).toBe(0)
  })
})
