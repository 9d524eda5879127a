/**
 * Goal: the JSON of MirrorMaker 2's three connectors runs in a worker of ours: records, positions in the worker's own offsets, checkpoints,
 * heartbeats; what is disabled has no task. Method: two of our brokers, a real worker on the target with the mirror's connectors among its
 * plugins.
 */
import { expect, onTestFinished, test } from 'vitest'
import { startWorker } from '../../connect/index.ts'
import { parseSettings } from '../../connect/sdk/index.ts'
import { mirrorConnectors } from '../../mirror/index.ts'
import { until } from '../until.ts'
import { content, createTopic, ourCluster, quietSystem, readAll, write } from './clusters.ts'

test('source, checkpoint and heartbeat connectors, restarted from the positions of the worker', async () => {
  const [us, central] = await Promise.all([ourCluster(), ourCluster()])
  await createTopic(us, 't', 2)
  await write(us, 't', 100, { partitions: 2 })
  await us.client.admin.alterGroupOffsets('g', [{ topic: 't', partition: 0, offset: 20 }])
  const system = quietSystem()
  const storage = Object.fromEntries(
    ['config', 'offset', 'status'].flatMap((kind) => [
      [`${kind}.storage.topic`, `connect-${kind}s`],
      [`${kind}.storage.replication.factor`, '1'],
    ]),
  )
  const worker = await startWorker(
    { 'bootstrap.servers': central.address, 'group.id': 'connect', 'offset.flush.interval.ms': '200', ...storage },
    system,
    { connectors: mirrorConnectors(system) },
  )
  onTestFinished(() => worker.close())
  const common = {
    'source.cluster.alias': 'us',
    'target.cluster.alias': 'central',
    'source.cluster.bootstrap.servers': us.address,
    'target.cluster.bootstrap.servers': central.address,
    topics: 't',
    'emit.checkpoints.interval.seconds': '1',
    'offset.flush.interval.ms': '200',
  }
  for (const kind of ['Source', 'Checkpoint', 'Heartbeat'])
    await worker.putConfig(kind, { ...common, 'connector.class': `org.apache.kafka.connect.mirror.Mirror${kind}Connector` })
  const same = async (count: number) =>
    until(
      async () => {
        const parts = await Promise.all([0, 1].map((partition) => readAll(central, 'us.t', partition)))
        return parts.reduce((sum, part) => sum + part.records.length, 0) === count
      },
      `${count} records arrive`,
      30_000,
    )
  await same(100)
  await until(async () => (await worker.offsets('Source')).length === 2, "the worker's own positions", 20_000)
  expect(await worker.offsets('Source')).toEqual(
    expect.arrayContaining([{ partition: { cluster: 'us', partition: 0, topic: 't' }, offset: { offset: 49 } }]),
  )
  await until(async () => (await central.client.topic('us.checkpoints.internal', { refresh: true })) !== undefined, 'checkpoints', 20_000)
  await until(async () => (await readAll(central, 'heartbeats')).records.length > 0, 'heartbeats', 20_000)
  await worker.restart('Source', { includeTasks: true, onlyFailed: false })
  await write(us, 't', 50, { from: 100, partitions: 2 })
  await same(150)
  for (const partition of [0, 1])
    expect(content((await readAll(central, 'us.t', partition)).records)).toEqual(content((await readAll(us, 't', partition)).records))
})

test('a connector with nothing to emit has no tasks, as in MirrorMaker 2', async () => {
  const tasks = async (name: string, more: Record<string, string>) => {
    const side = mirrorConnectors(quietSystem()).find((connector) => connector.name === name)!.flow!
    const config = { 'source.cluster.alias': 'us', 'source.cluster.bootstrap.servers': 'us:9092', ...more }
    return side.tasks!(parseSettings(side.settings, config), 1)
  }
  expect(await tasks('mirror-source', {})).toHaveLength(1)
  expect(await tasks('mirror-heartbeat', {})).toHaveLength(1)
  expect(await tasks('mirror-heartbeat', { 'emit.heartbeats.enabled': 'false' })).toEqual([])
  expect(await tasks('mirror-checkpoint', { 'emit.checkpoints.enabled': 'false' })).toEqual([])
  expect(await tasks('mirror-checkpoint', { 'emit.checkpoints.enabled': 'false', 'sync.group.offsets.enabled': 'true' })).toHaveLength(1)
})
