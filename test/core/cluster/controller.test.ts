/**
 * Goal: kraft.version 1, once it is finalized, is the quorum of every later start, and a crash during the upgrade leaves the quorum before
 * it or the one after it. Method: real brokers with static voters; after the upgrade the metadata log is cut at each batch and inside of
 * it, as a kill -9 or a power cut leaves it.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type RunningBroker, startBroker } from '../../../core/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { silentLogger } from '../../../core/system/logger.ts'
import { attributes } from '../../../core/wire/batch-header.ts'
import { batches } from '../../../core/wire/record-batch.ts'
import { ZERO_UUID } from '../../../core/wire/types.ts'

const STATIC = { 'controller.quorum.voters': '1@127.0.0.1:29093', 'controller.listener.names': 'CONTROLLER' }
const LISTENERS = 'PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:29093'
const upgrade = { name: 'kraft.version', level: 1, upgradeType: 1 }
const another = { name: 'transaction.version', level: 1, upgradeType: 2 }

let root: string
const running: RunningBroker[] = []
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tributary-controller-'))
})
afterEach(async () => {
  for (const broker of running.splice(0)) await broker.close()
  rmSync(root, { recursive: true, force: true })
})

async function start(name: string, properties: Record<string, string> = STATIC): Promise<RunningBroker> {
  const broker = await startBroker(
    { 'process.roles': 'broker,controller', 'node.id': '1', listeners: LISTENERS, 'log.dirs': join(root, name), ...properties },
    { ...realSystem('silent'), logger: silentLogger },
  )
  running.push(broker)
  return broker
}

async function stop(broker: RunningBroker): Promise<void> {
  running.splice(running.indexOf(broker), 1)
  await broker.close()
}

/** The folder `to` is that of `from` after a kill -9. */
const kill = (from: string, to: string) =>
  cpSync(join(root, from), join(root, to), { recursive: true, filter: (path) => !/\.(lock|tmp)$/.test(path) })

const logOf = (name: string) => join(root, name, '__cluster_metadata-0', '00000000000000000000.log')

const quorumOf = ({ cluster }: RunningBroker) => ({
  kraft: cluster.finalizedFeature('kraft.version'),
  transaction: cluster.finalizedFeature('transaction.version'),
  directory: cluster.quorum().voter.voterDirectoryId,
})

test('after the upgrade every start has the quorum of the log, also without static voters in its file', async () => {
  const broker = await start('live')
  expect(quorumOf(broker)).toEqual({ kraft: 0, transaction: 2, directory: ZERO_UUID })
  await broker.cluster.updateFeatures([upgrade], true)
  expect(quorumOf(broker)).toMatchObject({ kraft: 0 })
  await broker.cluster.updateFeatures([upgrade], false)
  const upgraded = { kraft: 1, transaction: 2, directory: broker.logs.metadataDirectory.id }
  expect(quorumOf(broker)).toEqual(upgraded)
  const { endpoints } = broker.cluster.quorum().voter
  expect(endpoints).toEqual([{ name: 'CONTROLLER', host: '127.0.0.1', port: 29093 }])
  await broker.cluster.updateFeatures([upgrade], false)
  await stop(broker)
  for (const properties of [STATIC, { 'controller.listener.names': 'CONTROLLER' }, STATIC]) {
    const next = await start('live', properties)
    expect(quorumOf(next)).toEqual(upgraded)
    expect(next.cluster.quorum().voter.endpoints).toEqual(endpoints)
    await stop(next)
  }
})

test('the upgraded quorum is in the snapshots', async () => {
  const small = { ...STATIC, 'metadata.log.max.record.bytes.between.snapshots': '500' }
  const broker = await start('live', small)
  await broker.cluster.updateFeatures([upgrade], false)
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await broker.cluster.createTopic({ name, partitions: 1, replicationFactor: 1 })
  const { directory } = quorumOf(broker)
  await stop(broker)
  const folder = join(root, 'live', '__cluster_metadata-0')
  const written = readdirSync(folder).filter((name) => name.endsWith('.checkpoint') && !name.startsWith('0'.repeat(20)))
  expect(written.length).toBeGreaterThan(0)
  const next = await start('live', small)
  expect(quorumOf(next)).toEqual({ kraft: 1, transaction: 2, directory })
})

test('a crash before, inside or after the control records leaves one quorum or the other, and the broker starts', async () => {
  const broker = await start('live')
  const before = readFileSync(logOf('live')).length
  await broker.cluster.updateFeatures([upgrade, another], false)
  const { directory } = quorumOf(broker)
  kill('live', 'crashed')
  await stop(broker)
  const written = [...batches(readFileSync(logOf('crashed')).subarray(before))]
  expect(written.map(({ header }) => (header.attributes & attributes.control) !== 0)).toEqual([true, false])
  const [controls, records] = written.map(({ bytes }) => bytes.length) as [number, number]
  const old = { kraft: 0, transaction: 2, directory: ZERO_UUID }
  const half = { kraft: 1, transaction: 2, directory }
  const all = { kraft: 1, transaction: 1, directory }
  const ends: [number, object][] = [
    [before, old],
    [before + 30, old],
    [before + controls - 1, old],
    [before + controls, half],
    [before + controls + 30, half],
    [before + controls + records, all],
  ]
  for (const [end, expected] of ends) {
    kill('crashed', `cut-${end}`)
    truncateSync(logOf(`cut-${end}`), end)
    const next = await start(`cut-${end}`)
    expect(quorumOf(next), `cut at ${end - before}`).toEqual(expected)
    // The answer was lost: the tool is run again.
    await next.cluster.updateFeatures([upgrade, another], false)
    expect(quorumOf(next)).toEqual(all)
    await stop(next)
    const last = await start(`cut-${end}`)
    expect(quorumOf(last)).toEqual(all)
    await stop(last)
  }
})
