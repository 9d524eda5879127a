/**
 * Goal: after repeated kill -9 of a mirror under load the target equals the source: each record once, in order (Invariants 2, 6 and 11).
 * Method: two of our brokers; writers that never pause, in small batches of several codecs; the mirror process is killed at random moments,
 * mostly while it lags. At the end every partition is read on both sides. The seed is logged; TRIBUTARY_TEST_SEED=n repeats its moments.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { caughtUp, content, createTopic, mirrorOf, ourCluster, properties, readAll } from '../mirror/clusters.ts'
import { writeProperties } from '../properties-file.ts'
import { seededRandom } from '../random.ts'
import { until } from '../until.ts'

const ROUNDS = 8
const PARTITIONS = 3
const TOPIC = 'chaos'
const root = resolve(import.meta.dirname, '../..')

test('after repeated kill -9 of the mirror the target equals the source', async () => {
  const random = seededRandom()
  const folder = mkdtempSync(join(tmpdir(), 'tributary-chaos-mirror-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const [us, central] = await Promise.all([ourCluster(), ourCluster()])
  await createTopic(us, TOPIC, PARTITIONS)

  let writing = true
  let written = 0
  const writers = (['none', 'lz4', 'zstd'] as const).map(async (compressionType, writer) => {
    const producer = us.client.producer({ compressionType, batchSize: 1_500, lingerMs: 1 })
    for (let serial = 0; writing; serial += 200) {
      const sent = await producer.send(
        Array.from({ length: 200 }, (_, i) => ({
          topic: TOPIC,
          partition: (serial + i) % PARTITIONS,
          key: null,
          value: Buffer.from(`${writer}/${serial + i}`),
        })),
      )
      if (sent.failures) throw sent.failures.values().next().value
      written += 200
      await pause(2)
    }
    await producer.close()
  })

  const given = properties(us, central, { 'us->central.topics': TOPIC, listeners: '', 'emit.heartbeats.enabled': 'false' })
  const file = writeProperties(join(folder, 'mm2.properties'), given)
  let output = ''
  const start = (): ChildProcess => {
    const child = spawn(join(root, 'bin/tributary'), ['mirror', file], { stdio: ['ignore', 'pipe', 'pipe'] })
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-65_536)
    }
    child.stdout!.on('data', keep)
    child.stderr!.on('data', keep)
    return child
  }
  const mirrored = async (): Promise<number> => {
    if (!(await central.client.topic(`us.${TOPIC}`, { refresh: true }))) return 0
    const ends = await central.client.admin.listOffsets(
      Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: `us.${TOPIC}`, partition, spec: 'latest' as const })),
    )
    return ends.reduce((sum, end) => sum + Math.max(0, end.offset), 0)
  }
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const before = await mirrored()
      const child = start()
      const exited = new Promise((done) => child.once('exit', done))
      await until(async () => (await mirrored()) > before, `round ${round}: records are mirrored\n${output}`, 30_000)
      await pause(random() * 300)
      child.kill('SIGKILL')
      await exited
    }
  } finally {
    writing = false
    await Promise.all(writers)
  }
  const last = await mirrorOf(given)
  await caughtUp(last, 'us->central', written)
  const status = last.status('us->central')
  console.log(`${written} records over ${ROUNDS} kills`)
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const source = await readAll(us, TOPIC, partition)
    const target = await readAll(central, `us.${TOPIC}`, partition)
    expect(target.records.length, `partition ${partition}`).toBe(source.records.length)
    expect(content(target.records)).toEqual(content(source.records))
    expect(target.payloads).toEqual(source.payloads)
  }
  expect(status).toMatchObject({ lostRecords: 0, repeatedRecords: 0 })
})
