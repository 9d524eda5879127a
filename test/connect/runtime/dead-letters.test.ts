/**
 * Goal: dead letters are listed by their reason, and each is replayed once through its own connector, over restarts and workers; what fails
 * again is a new letter that names its origin. Method: real workers on a real broker in this process, with connectors that refuse records
 * on demand.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Worker } from '../../../connect/index.ts'
import { until } from '../../until.ts'
import { ConnectClusters, failure, inState, sink, source } from './connect-clusters.ts'
import { BadRecord } from './probes.ts'
import { ScriptedSource } from './scripted-source.ts'

const clusters = new ConnectClusters()
const json = { 'value.converter': 'org.apache.kafka.connect.json.JsonConverter', 'value.converter.schemas.enable': 'false' }
const dead = (name: string, context = 'true') => ({
  'errors.tolerance': 'all',
  'errors.deadletterqueue.topic.name': `dead-${name}`,
  'errors.deadletterqueue.topic.replication.factor': '1',
  'errors.deadletterqueue.context.headers.enable': context,
})

/** A sink that has refused records 1 and 3 of five. */
async function withTwoLetters(worker: Worker, name: string): Promise<void> {
  await worker.create(name, source(name, { count: '5', batch: '5' }), 'RUNNING')
  await until(async () => (await worker.offsets(name))[0]?.offset?.n === 5, 'all are stored')
  clusters.probe(`sink-${name}`).throwNext.push(new BadRecord(1, 'row 17 has no "a"', { also: [new BadRecord(3, 'row 4 has no "b"')] }))
  await worker.create(`sink-${name}`, sink(`sink-${name}`, `topic-${name}`, dead(name)), 'RUNNING')
  await until(async () => (await worker.offsets(`sink-${name}`))[0]?.offset?.kafka_offset === 5, 'the offset is committed past them')
}

const flushed = (name: string) => clusters.probe(name).flushedRecords

describe('a sink', () => {
  test('its letters are one group for one reason; a replay delivers each once, with its own offset, to this connector alone', async () => {
    const settings = clusters.settings()
    const worker = await clusters.start(settings)
    await withTwoLetters(worker, 'a')
    const { topic, groups, scanned, next } = await worker.deadLetters('sink-a', {})
    expect([topic, scanned, next, groups.length]).toEqual(['dead-a', 2, null, 1])
    expect(groups[0]).toMatchObject({
      stage: 'TASK_PUT',
      class_name: 'org.apache.kafka.connect.sink.SinkTask',
      exception: 'org.apache.kafka.connect.errors.ConnectException',
      message: 'row N has no …',
      count: 2,
      replayed: 0,
    })
    expect(groups[0]!.samples[0]).toMatchObject({
      partition: 0,
      offset: 0,
      origin: { topic: 'topic-a', partition: 0, offset: 1 },
      message: 'row 17 has no "a"',
      value: { text: '0:1' },
      replayed: false,
    })
    const report = await worker.replayDeadLetters('sink-a', { group: groups[0]!.group })
    expect(report).toEqual({ topic: 'dead-a', task: 0, chosen: 2, already_replayed: 0, delivered: 2, failed: 0, next: null })
    expect(flushed('sink-a').map(({ value, offset, replayOf }) => [value, offset, replayOf?.offset])).toEqual([
      ['0:0', 0, undefined],
      ['0:2', 2, undefined],
      ['0:4', 4, undefined],
      ['0:1', 1, 0],
      ['0:3', 3, 1],
    ])
    expect(await clusters.valuesIn('topic-a')).toHaveLength(5)
    expect((await worker.offsets('sink-a'))[0]?.offset?.kafka_offset).toBe(5)
    await clusters.close(worker)

    const again = await clusters.start(settings)
    await inState(again, 'sink-a', 'RUNNING RUNNING')
    expect(await again.replayDeadLetters('sink-a', { all: true })).toMatchObject({ chosen: 2, already_replayed: 2, delivered: 0 })
    expect((await again.deadLetters('sink-a', {})).groups[0]).toMatchObject({ count: 2, replayed: 2 })
    expect(flushed('sink-a')).toHaveLength(5)
  })

  test('a letter that fails again is a new letter with its origin, and the task goes on though errors.tolerance is none', async () => {
    const worker = await clusters.start(clusters.settings())
    await withTwoLetters(worker, 'b')
    await worker.patchConfig('sink-b', { 'errors.tolerance': 'none' })
    await until(() => clusters.probe('sink-b').starts === 2, 'the task has the new config')
    await inState(worker, 'sink-b', 'RUNNING RUNNING')
    clusters.probe('sink-b').throwNext.push(new BadRecord(0, 'still bad'))
    const letters = [{ partition: 0, offset: 1 }]
    expect(await worker.replayDeadLetters('sink-b', { letters })).toMatchObject({ chosen: 1, delivered: 0, failed: 1 })
    const { groups } = await worker.deadLetters('sink-b', {})
    expect(groups.map(({ message, count, replayed }) => [message, count, replayed])).toEqual([
      ['row N has no …', 2, 1],
      ['still bad', 1, 0],
    ])
    expect(groups[1]!.samples[0]).toMatchObject({
      offset: 2,
      value: { text: '0:3' },
      origin: { topic: 'topic-b', offset: 3 },
      replay_of: { partition: 0, offset: 1 },
    })
    await inState(worker, 'sink-b', 'RUNNING RUNNING')
    expect(flushed('sink-b')).toHaveLength(3)
  })

  test('a conversion that works after the config was mended is replayed in pages', async () => {
    const worker = await clusters.start(clusters.settings())
    await worker.create('c', source('c', { count: '7', batch: '7' }), 'RUNNING')
    await until(async () => (await worker.offsets('c'))[0]?.offset?.n === 7, 'all are stored')
    await worker.create('sink-c', sink('sink-c', 'topic-c', { ...json, ...dead('c') }), 'RUNNING')
    await until(async () => (await worker.offsets('sink-c'))[0]?.offset?.kafka_offset === 7, 'all are letters')
    const first = await worker.deadLetters('sink-c', { limit: 4 })
    expect([first.scanned, first.next]).toEqual([4, '0:4-7'])
    expect((await worker.deadLetters('sink-c', { since: first.next! })).scanned).toBe(3)
    await worker.putConfig('sink-c', sink('sink-c', 'topic-c', dead('c')))
    await until(() => clusters.probe('sink-c').starts === 2, 'the task has the new config')
    await inState(worker, 'sink-c', 'RUNNING RUNNING')
    const group = first.groups[0]!.group
    const delivered: number[] = []
    for (let since: string | undefined, more = true; more; ) {
      const report = await worker.replayDeadLetters('sink-c', { group, limit: 3, ...(since === undefined ? {} : { since }) })
      delivered.push(report.delivered)
      since = report.next ?? undefined
      more = report.next !== null
    }
    expect(delivered.reduce((sum, count) => sum + count, 0)).toBe(7)
    expect(flushed('sink-c').map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4, 5, 6])
  })

  test('a secret that the config refers to is not in a letter', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-letters-'))
    writeFileSync(join(folder, 'secrets.properties'), 'password=geheim-7-geheim\n')
    const file = { 'config.providers': 'file', 'config.providers.file.class': 'org.apache.kafka.common.config.provider.FileConfigProvider' }
    const worker = await clusters.start(clusters.settings(file))
    await worker.create('s', source('s', { count: '1' }), 'RUNNING')
    await until(async () => (await worker.offsets('s'))[0]?.offset?.n === 1, 'it is stored')
    clusters.probe('sink-s').throwNext.push(new BadRecord(0, 'no login with geheim-7-geheim'))
    const secret = { password: `\${file:${join(folder, 'secrets.properties')}:password}` }
    await worker.create('sink-s', sink('sink-s', 'topic-s', { ...dead('s'), ...secret }), 'RUNNING')
    await until(async () => (await worker.offsets('sink-s'))[0]?.offset?.kafka_offset === 1, 'the offset is committed past it')
    const consumer = clusters.client.consumer()
    consumer.assign([{ topic: 'dead-s', partition: 0, offset: 'earliest' }])
    const [batch] = await until(async () => ((found) => found.length > 0 && found)(await consumer.poll(500)), 'the letter').then(
      (found) => found || [],
    )
    await consumer.close()
    rmSync(folder, { recursive: true })
    const texts = batch!.records[0]!.headers.map(({ value }) => value!.toString())
    expect(texts).toContain(`no login with ${secret.password}`)
    expect(texts.join()).not.toContain('geheim')
  })

  test('what cannot be replayed is refused with what to do', async () => {
    const worker = await clusters.start(clusters.settings())
    await withTwoLetters(worker, 'd')
    expect(await failure(worker.deadLetters('d', {}))).toEqual([400, expect.stringContaining('errors.deadletterqueue.topic.name')])
    expect(await failure(worker.deadLetters('sink-d', { since: 'x' }))).toEqual([400, expect.stringContaining('next')])
    expect(await failure(worker.replayDeadLetters('sink-d', {}))).toEqual([400, expect.stringContaining('exactly one')])
    expect(await failure(worker.replayDeadLetters('sink-d', { letters: [{ partition: 0, offset: 9 }] }))).toEqual([
      404,
      expect.stringContaining('0:9'),
    ])
    expect(await failure(worker.replayDeadLetters('none', { all: true }))).toEqual([404, expect.any(String)])
    await worker.pause('sink-d')
    await inState(worker, 'sink-d', 'PAUSED PAUSED')
    expect(await failure(worker.replayDeadLetters('sink-d', { all: true }))).toEqual([409, expect.stringContaining('resume it')])
    expect((await worker.deadLetters('sink-d', {})).groups[0]?.replayed).toBe(0)
  })

  test('a worker that does not run the first task names the one that does', async () => {
    const settings = clusters.settings()
    const [first, second] = [await clusters.start(settings), await clusters.start(settings)]
    await withTwoLetters(first, 'e')
    await inState(second, 'sink-e', 'RUNNING RUNNING')
    const owner = second.taskStatus('sink-e', 0).worker_id
    const runs = owner === first.workerId ? first : second
    const other = runs === first ? second : first
    await expect(other.replayDeadLetters('sink-e', { all: true })).rejects.toMatchObject({ name: 'NotLeader' })
    expect(await runs.replayDeadLetters('sink-e', { all: true })).toMatchObject({ delivered: 2 })
    expect(await failure(other.deadLetters('sink-e', {}))).toBeNull()
    expect((await other.deadLetters('sink-e', {})).groups[0]).toMatchObject({ count: 2, replayed: 2 })
  })
})

describe('a source', () => {
  const broken = {
    transforms: 'm',
    'transforms.m.type': 'org.apache.kafka.connect.transforms.InsertField$Value',
    'transforms.m.static.field': 'f',
    'transforms.m.static.value': 'v',
  }

  test('has letters of records that its transforms refuse: positions go on after them, and a replay sends them after the mend', async () => {
    const worker = await clusters.start(clusters.settings())
    const config = source('f', { count: '5', ...dead('f') })
    await worker.create('f', { ...config, ...broken }, 'RUNNING')
    await until(async () => (await worker.offsets('f'))[0]?.offset?.n === 5, 'the position is after the letters')
    const { groups } = await worker.deadLetters('f', {})
    expect(groups).toHaveLength(1)
    expect(groups[0]).toMatchObject({ stage: 'TRANSFORMATION', class_name: broken['transforms.m.type'], count: 5 })
    expect(groups[0]!.samples[0]).toMatchObject({
      origin: { topic: 'topic-f', partition: 0, offset: null },
      value: { text: '{"schema":null,"payload":"0:0"}' },
    })
    expect(await clusters.client.topic('topic-f', { refresh: true })).toBeUndefined()
    await worker.putConfig('f', config)
    // The task that still has the old config replays nothing.
    const report = await until(async () => {
      try {
        return await worker.replayDeadLetters('f', { group: groups[0]!.group, limit: 2 })
      } catch (error) {
        if ((error as { status?: number }).status === 409) return null
        throw error
      }
    }, 'the task has the new config')
    expect(report).toMatchObject({ chosen: 2, already_replayed: 0, delivered: 2, failed: 0 })
    // What was replayed takes no place in the limit.
    expect(await worker.replayDeadLetters('f', { all: true, limit: 2 })).toMatchObject({ chosen: 4, already_replayed: 2, delivered: 2 })
    expect(await worker.replayDeadLetters('f', { all: true })).toMatchObject({ chosen: 5, already_replayed: 4, delivered: 1 })
    expect(await clusters.valuesIn('topic-f')).toEqual(['0:0', '0:1', '0:2', '0:3', '0:4'])
    expect(await worker.replayDeadLetters('f', { all: true })).toMatchObject({ chosen: 5, already_replayed: 5 })
    expect((await worker.offsets('f'))[0]?.offset?.n).toBe(5)
  })

  /** Records of this topic have at most 600 bytes. */
  const smallTopic = async (name: string) => {
    const created = await clusters.client.admin.createTopics([
      { name, partitions: 1, replicationFactor: 1, configs: { 'max.message.bytes': '600', 'compression.type': 'uncompressed' } },
    ])
    expect(created.get(name)).toBeNull()
  }
  const scripted = (name: string) => ({ name, 'connector.class': 'ScriptedSource', topic: `topic-${name}`, ...dead(name) })

  test('has a letter of a record that the topic refuses, before its position goes on; a replay sends it after the mend', async () => {
    const script = new ScriptedSource()
    const worker = await clusters.start(clusters.settings(), [script.connector])
    await smallTopic('topic-k')
    await worker.create('k', scripted('k'), 'RUNNING')
    const large = 'x'.repeat(1_000)
    script.give({ values: ['first', large, 'last'] })
    await until(async () => (await worker.offsets('k'))[0]?.offset?.n === 3, 'the position is after the letter')
    const { groups } = await worker.deadLetters('k', {})
    expect(groups).toHaveLength(1)
    expect(groups[0]).toMatchObject({ stage: 'KAFKA_PRODUCE', class_name: 'org.apache.kafka.connect.runtime.WorkerSourceTask', count: 1 })
    expect((await clusters.valuesIn('topic-k')).sort()).toEqual(['first', 'last'])
    await clusters.client.admin.alterTopicConfigs(new Map([['topic-k', [{ name: 'max.message.bytes', operation: 0, value: '100000' }]]]))
    expect(await worker.replayDeadLetters('k', { all: true })).toMatchObject({ delivered: 1, failed: 0 })
    expect((await clusters.valuesIn('topic-k')).at(-1)).toBe(large)
  })

  test('skips a record whose letter is too large as well: it would fail the task again after each restart', async () => {
    const script = new ScriptedSource()
    const worker = await clusters.start(clusters.settings(), [script.connector])
    await smallTopic('topic-l')
    await smallTopic('dead-l')
    await worker.create('l', scripted('l'), 'RUNNING')
    script.give({ values: ['first', 'x'.repeat(1_000), 'last'] })
    await until(async () => (await worker.offsets('l'))[0]?.offset?.n === 3, 'the position is after it')
    expect((await clusters.valuesIn('topic-l')).sort()).toEqual(['first', 'last'])
    expect((await worker.deadLetters('l', {})).groups).toEqual([])
    await inState(worker, 'l', 'RUNNING RUNNING')
  })

  test('runs without the topic of its letters, and needs it with the first one', async () => {
    const script = new ScriptedSource()
    const worker = await clusters.start(clusters.settings({ 'auto.restart.enable': 'false' }), [script.connector])
    await worker.create('m', { ...scripted('m'), 'errors.deadletterqueue.topic.name': 'not a topic' }, 'RUNNING')
    script.give({ values: ['first'] })
    await until(async () => (await worker.offsets('m'))[0]?.offset?.n === 1, 'it is sent')
    await worker.putConfig('m', { ...scripted('m'), 'errors.deadletterqueue.topic.name': 'not a topic', ...broken })
    await until(() => script.starts.length === 2, 'it has the new config')
    script.give({ values: ['second'] })
    await inState(worker, 'm', 'RUNNING FAILED')
    expect(worker.taskStatus('m', 0).trace).toContain('not a topic')
    expect((await worker.offsets('m'))[0]?.offset?.n).toBe(1)
  })

  test('with errors.tolerance=none the record that fails the task is a letter too, and no position is stored after it', async () => {
    const worker = await clusters.start(clusters.settings())
    await worker.create('g', source('g', { count: '5', ...dead('g', 'false'), ...broken, 'errors.tolerance': 'none' }), 'RUNNING')
    await inState(worker, 'g', 'RUNNING FAILED')
    expect(await clusters.valuesIn('dead-g')).toEqual(['{"schema":null,"payload":"0:0"}'])
    expect(await worker.offsets('g')).toEqual([])
    expect(worker.taskStatus('g', 0).restart).toEqual({ restarts: 0, next: null, reason: 'cannot-mend' })
  })
})
