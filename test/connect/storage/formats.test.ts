/**
 * Story of connect/storage. Goal: the backing stores read and write the records of Kafka Connect, so that a cluster can be moved to
 * Tributary and back. Method: records that Apache Kafka Connect 4.3 has written, copied into the test, and what its workers would read of
 * ours.
 */
import { describe, expect, test } from 'vitest'
import { ConfigBackingStore, type ConfigUpdateListener } from '../../../connect/storage/config-backing-store.ts'
import { MemoryLog, MemoryRecords } from '../../../connect/storage/memory-log.ts'
import { OffsetBackingStore } from '../../../connect/storage/offset-backing-store.ts'
import { StatusBackingStore } from '../../../connect/storage/status-backing-store.ts'

const complaints: string[] = []
const complain = (message: string) => void complaints.push(message)

async function filled(records: readonly (readonly [string, string | null])[]): Promise<MemoryRecords> {
  const store = new MemoryRecords()
  await new MemoryLog(store).append(records.map(([key, value]) => ({ key, value })))
  return store
}
const written = (store: MemoryRecords) => store.entries.map(({ key, value }) => [key, value])

function heard(): ConfigUpdateListener & { events: string[] } {
  const events: string[] = []
  return {
    events,
    onConnectorConfigUpdate: (name) => void events.push(`changed ${name}`),
    onConnectorConfigRemove: (name) => void events.push(`removed ${name}`),
    onTaskConfigUpdate: (name, tasks) => void events.push(`tasks ${name} ${tasks}`),
    onTargetStateChange: (name) => void events.push(`target ${name}`),
    onRestartRequest: (request) => void events.push(`restart ${JSON.stringify(request)}`),
    onLoggingLevelUpdate: (namespace, level) => void events.push(`level ${namespace} ${level}`),
  }
}

const src = '{"properties":{"connector.class":"FileStreamSource","file":"/in.txt","topic":"t1","tasks.max":"3","name":"src"}}'
const task =
  '{"properties":{"connector.class":"FileStreamSource","file":"/in.txt","task.class":"org.apache.kafka.connect.file.FileStreamSourceTask","tasks.max":"3","name":"src","topic":"t1"}}'
const javaConfigs = [
  ['session-key', '{"key":"eGlsKEvMjLa2j/d+JZatzPvbtV3EaB9hYCHeJsW1DZg=","algorithm":"HmacSHA256","creation-timestamp":1795355149189}'],
  ['connector-src', src],
  ['task-src-0', task],
  ['commit-src', '{"tasks":1}'],
  ['target-state-snk', '{"state":"PAUSED","state.v2":"PAUSED"}'],
  ['connector-snk', '{"properties":{"connector.class":"FileStreamSink","file":"/out.txt","topics":"t1","name":"snk"}}'],
  ['restart-connector-src', '{"include-tasks":true,"only-failed":true}'],
  ['target-state-old', '{"state":"STARTED"}'],
  ['tasks-fencing-src', '{"task-count":1}'],
  ['logger-cluster-x', '{"level":"INFO"}'],
] as const

describe('configs', () => {
  test("reads Kafka Connect's", async () => {
    const store = new ConfigBackingStore(new MemoryLog(await filled(javaConfigs)), complain)
    const listener = heard()
    await store.start(listener)
    expect(store.connectors).toEqual(['snk', 'src'])
    expect(store.connectorConfig('src')).toEqual({
      'connector.class': 'FileStreamSource',
      file: '/in.txt',
      topic: 't1',
      'tasks.max': '3',
      name: 'src',
    })
    expect(store.taskConfigs('src')).toHaveLength(1)
    expect(store.taskConfigs('src')[0]!['task.class']).toBe('org.apache.kafka.connect.file.FileStreamSourceTask')
    expect([store.targetState('src'), store.targetState('snk')]).toEqual(['STARTED', 'PAUSED'])
    expect(store.sessionKey?.key).toHaveLength(32)
    expect(store.offset).toBe(javaConfigs.length)
    expect(listener.events).toEqual([])
    expect(complaints).toEqual([])
  })

  test('writes what Kafka Connect would', async () => {
    const records = new MemoryRecords()
    const store = new ConfigBackingStore(new MemoryLog(records), complain)
    const listener = heard()
    await store.start(listener)
    await store.putConnectorConfig('src', { a: '1' }, 'PAUSED')
    await store.putTaskConfigs('src', [{ a: '1' }, { a: '2' }])
    await store.putTargetState('src', 'STOPPED')
    await store.putTaskConfigs('src', [])
    await store.putRestartRequest({ connector: 'src', includeTasks: true, onlyFailed: false })
    await store.putLoggerLevel('a.b', 'DEBUG')
    await store.putSessionKey({ key: Buffer.from('key'), algorithm: 'HmacSHA256', createdAt: 5 })
    await store.removeConnectorConfig('src')
    expect(written(records)).toEqual([
      ['target-state-src', '{"state":"PAUSED","state.v2":"PAUSED"}'],
      ['connector-src', '{"properties":{"a":"1"}}'],
      ['task-src-0', '{"properties":{"a":"1"}}'],
      ['task-src-1', '{"properties":{"a":"2"}}'],
      ['commit-src', '{"tasks":2}'],
      ['target-state-src', '{"state":"PAUSED","state.v2":"STOPPED"}'],
      ['commit-src', '{"tasks":0}'],
      ['restart-connector-src', '{"include-tasks":true,"only-failed":false}'],
      ['logger-cluster-a.b', '{"level":"DEBUG"}'],
      ['session-key', '{"key":"a2V5","algorithm":"HmacSHA256","creation-timestamp":5}'],
      ['connector-src', null],
      ['target-state-src', null],
    ])
    expect(listener.events).toEqual([
      'changed src',
      'tasks src 0,1',
      'target src',
      'tasks src 0,1',
      'restart {"connector":"src","includeTasks":true,"onlyFailed":false}',
      'level a.b DEBUG',
      'removed src',
    ])
  })

  test('task configs take effect with their commit record; inconsistent ones after a compaction do not', async () => {
    const records = await filled([
      ['connector-a', '{"properties":{}}'],
      ['task-a-0', '{"properties":{"n":"0"}}'],
      ['task-a-1', '{"properties":{"n":"1"}}'],
      ['connector-b', '{"properties":{}}'],
      ['task-b-1', '{"properties":{"n":"1"}}'],
      ['commit-b', '{"tasks":2}'],
    ])
    const store = new ConfigBackingStore(new MemoryLog(records), complain)
    await store.start(heard())
    expect(store.taskConfigs('a')).toEqual([])
    expect([store.taskConfigs('b'), store.isInconsistent('b')]).toEqual([[], true])
    await store.putTaskConfigs('b', [{ n: '0' }, { n: '1' }])
    expect([store.taskConfigs('b').length, store.isInconsistent('b')]).toEqual([2, false])
  })

  test('a connector of a former name begins without the former one’s tasks', async () => {
    const store = new ConfigBackingStore(new MemoryLog(), complain)
    await store.start(heard())
    await store.putConnectorConfig('a', {})
    await store.putTaskConfigs('a', [{ n: '0' }])
    await store.removeConnectorConfig('a')
    await store.putConnectorConfig('a', {})
    expect(store.taskConfigs('a')).toEqual([])
  })

  test('names with dashes and numbers', async () => {
    const store = new ConfigBackingStore(new MemoryLog(), complain)
    await store.start(heard())
    await store.putConnectorConfig('a-1', {})
    await store.putTaskConfigs('a-1', [{ n: '0' }, { n: '1' }])
    expect(store.taskConfigs('a-1')).toHaveLength(2)
    expect(store.taskConfigs('a')).toHaveLength(0)
  })

  test('records that cannot be read are ignored with a warning', async () => {
    complaints.length = 0
    const store = new ConfigBackingStore(
      new MemoryLog(
        await filled([
          ['connector-a', '{'],
          ['connector-b', '[]'],
          ['what', '{}'],
          ['session-key', '{}'],
        ]),
      ),
      complain,
    )
    await store.start(heard())
    expect(store.connectors).toEqual([])
    expect(complaints).toHaveLength(4)
    complaints.length = 0
  })
})

describe('offsets', () => {
  const key = '["src",{"filename":"/in.txt"}]'
  test("reads and continues Kafka Connect's, in its spelling of the key", async () => {
    const records = await filled([
      [key, '{"position":10}'],
      ['["src",{"b":1,"a":null}]', '{"n":1}'],
      ['["gone",{"x":1}]', '{"n":1}'],
      ['["gone",{"x":1}]', null],
    ])
    const store = new OffsetBackingStore(new MemoryLog(records), complain)
    await store.start()
    expect(store.get('src', { filename: '/in.txt' })).toEqual({ position: 10 })
    expect(store.get('src', { a: null, b: 1 })).toEqual({ n: 1 })
    expect(store.all('gone')).toEqual([])
    await store.put('src', [
      { partition: { a: null, b: 1 }, offset: { n: 2 } },
      { partition: { filename: '/in.txt' }, offset: null },
    ])
    await store.put('gone', [{ partition: { x: 1 }, offset: { n: 9 } }])
    expect(written(records).slice(4)).toEqual([
      ['["src",{"b":1,"a":null}]', '{"n":2}'],
      [key, null],
      ['["gone",{"x":1}]', '{"n":9}'],
    ])
    expect(store.all('src')).toEqual([{ partition: { b: 1, a: null }, offset: { n: 2 } }])
  })
  test('positions hold primitives', async () => {
    const store = new OffsetBackingStore(new MemoryLog(), complain)
    await store.start()
    await expect(store.put('a', [{ partition: { x: {} as never }, offset: {} }])).rejects.toThrow(/primitives.*x/)
  })
})

describe('status', () => {
  test("reads Kafka Connect's", async () => {
    const store = new StatusBackingStore(
      new MemoryLog(
        await filled([
          ['status-task-src-0', '{"state":"UNASSIGNED","trace":null,"worker_id":"127.0.0.1:24120","generation":4,"version":null}'],
          ['status-task-src-0', '{"state":"RUNNING","trace":null,"worker_id":"127.0.0.1:24120","generation":4,"version":"4.3.1"}'],
          ['status-connector-src', '{"state":"FAILED","trace":"boom","worker_id":"127.0.0.1:24120","generation":2}'],
          ['status-topic-t1:connector-src', '{"topic":{"name":"t1","connector":"src","task":0,"discoverTimestamp":1795355214774}}'],
          ['status-topic-t2:connector-src', '{"topic":{"name":"t2","connector":"src","task":0,"discoverTimestamp":1795355214774}}'],
          ['status-topic-t2:connector-src', null],
          ['status-task-gone-0', '{"state":"RUNNING","trace":null,"worker_id":"w","generation":4}'],
          ['status-task-gone-0', null],
        ]),
      ),
      complain,
    )
    await store.start()
    expect(store.task('src', 0)).toEqual({ state: 'RUNNING', trace: null, workerId: '127.0.0.1:24120', generation: 4, version: '4.3.1' })
    expect(store.connector('src')).toEqual({ state: 'FAILED', trace: 'boom', workerId: '127.0.0.1:24120', generation: 2, version: null })
    expect(store.topics('src')).toEqual(['t1'])
    expect(store.connectors()).toEqual(['src'])
  })
  test('writes what Kafka Connect would, and an old owner does not overwrite a newer one', async () => {
    const records = new MemoryRecords()
    const store = new StatusBackingStore(new MemoryLog(records), complain)
    await store.start()
    const status = { state: 'RUNNING', trace: null, workerId: 'new:1', generation: 5, version: '1' } as const
    await store.putTask('a', 0, status)
    await store.putTask('a', 0, { ...status, workerId: 'old:1', generation: 4, state: 'FAILED' })
    await store.putTopic('t', 'a', 0, 7)
    await store.removeTask('a', 0)
    expect(written(records)).toEqual([
      ['status-task-a-0', '{"state":"RUNNING","trace":null,"worker_id":"new:1","generation":5,"version":"1"}'],
      ['status-topic-t:connector-a', '{"topic":{"name":"t","connector":"a","task":0,"discoverTimestamp":7}}'],
      ['status-task-a-0', null],
    ])
  })
})
