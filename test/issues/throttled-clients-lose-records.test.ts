/**
 * Goal: a worker and a mirror whose clients are throttled on every cluster lose and double no record, keep their tasks, and tell of their
 * lag until they have caught up. Method: brokers in this process with quotas for every client, far below what is sent; the whole content
 * is compared.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startWorker } from '../../connect/index.ts'
import type { RateQuota } from '../../core/quotas/rate-quota.ts'
import { realSystem } from '../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { caughtUp, connectTo, content, createTopic, mirrorOf, properties, readAll, write } from '../mirror/clusters.ts'
import { until } from '../until.ts'

const PATIENT_MS = 90_000

async function startBroker(): Promise<BrokerInProcess> {
  const server = await brokerInProcess()
  onTestFinished(() => server.stop())
  return server
}

async function setQuota({ broker }: BrokerInProcess, key: string, value: number | null): Promise<void> {
  const ops = [{ key, value: value ?? 0, remove: value === null }]
  const outcomes = await broker.cluster.alterClientQuotas([{ entity: [{ entityType: 'client-id', entityName: null }], ops }], false)
  expect(outcomes).toMatchObject([{ error: null }])
}

/** Client ids that have been throttled. */
const throttledBy = ({ sensors }: RateQuota, now: number) =>
  [...sensors.all()].filter(({ throttleTimes }) => throttleTimes.mean(now) > 0).map(({ entity }) => entity.clientId)

test('a mirror', async () => {
  const [source, target] = [await startBroker(), await startBroker()]
  const [us, central] = [connectTo(`127.0.0.1:${source.port}`), connectTo(`127.0.0.1:${target.port}`)]
  await createTopic(us, 't')
  await write(us, 't', 2000)
  await setQuota(source, 'consumer_byte_rate', 15_000)
  await setQuota(target, 'producer_byte_rate', 10_000)
  const mirror = await mirrorOf(properties(us, central, { 'us->central.topics': 't', 'emit.heartbeats.enabled': 'false' }))
  const lag = () => mirror.status('us->central').partitions.find(({ topic }) => topic === 't')?.lagRecords ?? null
  await until(() => (lag() ?? 0) > 0, 'there is a lag', PATIENT_MS)
  await caughtUp(mirror, 'us->central', 2000, PATIENT_MS)
  const { quotas } = source.broker
  expect(throttledBy(quotas.fetch, quotas.now())).not.toEqual([])
  expect(throttledBy(target.broker.quotas.produce, quotas.now())).not.toEqual([])
  await setQuota(target, 'producer_byte_rate', null)
  await setQuota(source, 'consumer_byte_rate', null)
  expect(content((await readAll(central, 'us.t')).records)).toEqual(content((await readAll(us, 't')).records))
}, 200_000)

test('a worker', async () => {
  const server = await startBroker()
  const folder = mkdtempSync(join(tmpdir(), 'throttled-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  await setQuota(server, 'producer_byte_rate', 40_000)
  // As with Apache Kafka, a batch that is larger than ten seconds of it would never be read.
  await setQuota(server, 'consumer_byte_rate', 40_000)
  const strings = 'org.apache.kafka.connect.storage.StringConverter'
  const worker = await startWorker(
    {
      'bootstrap.servers': `127.0.0.1:${server.port}`,
      'group.id': 'throttled',
      ...Object.fromEntries(['config', 'offset', 'status'].map((what) => [`${what}.storage.replication.factor`, '1'])),
      'key.converter': strings,
      'value.converter': strings,
    },
    realSystem('silent'),
  )
  onTestFinished(() => worker.close())
  const lines = Array.from({ length: 10_000 }, (_, n) => `line ${n} `.padEnd(80, '.'))
  const [input, output] = [join(folder, 'in.txt'), join(folder, 'out.txt')]
  writeFileSync(input, `${lines.join('\n')}\n`)
  writeFileSync(output, '')
  await worker.create('source', { 'connector.class': 'FileStreamSource', file: input, topic: 'lines' }, 'RUNNING')
  await worker.create('sink', { 'connector.class': 'FileStreamSink', file: output, topics: 'lines' }, 'RUNNING')
  const arrived = () => readFileSync(output, 'utf8').split('\n').slice(0, -1)
  await until(() => arrived().length >= lines.length, 'all lines have arrived', PATIENT_MS).catch((error) => {
    throw new Error(`${arrived().length} lines: ${JSON.stringify([worker.status('source'), worker.status('sink')])}`, { cause: error })
  })
  expect(arrived()).toEqual(lines)
  const { quotas } = server.broker
  for (const quota of [quotas.produce, quotas.fetch]) expect(throttledBy(quota, quotas.now())).not.toEqual([])
  for (const name of ['source', 'sink']) expect(worker.status(name).tasks.map((task) => task.state)).toEqual(['RUNNING'])
}, 200_000)
