/**
 * Symptom: the newest segment of the metadata log was removed or emptied; the broker started from its snapshot, took the topics after it
 * for deleted ones, and set their folders aside. Method: a broker with a snapshot and records after it loses the segment.
 */
import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startBroker } from '../../core/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { silentLogger } from '../../core/system/logger.ts'
import { until } from '../until.ts'

async function folderWithSnapshot() {
  const dir = mkdtempSync(join(tmpdir(), 'tributary-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const log = join(dir, '__cluster_metadata-0')
  const settings = { listeners: 'PLAINTEXT://127.0.0.1:0', 'log.dirs': dir, 'metadata.log.max.record.bytes.between.snapshots': '2000' }
  const start = () => startBroker(settings, { ...realSystem('silent'), logger: silentLogger })
  const broker = await start()
  for (let i = 0; i < 12; i++) await broker.cluster.createTopic({ name: `topic-${i}`, partitions: 3, replicationFactor: 1 })
  await until(() => readdirSync(log).some((name) => /^0*[1-9]\d*-\d+\.checkpoint$/.test(name)), 'a snapshot')
  await broker.cluster.createTopic({ name: 'last', partitions: 1, replicationFactor: 1 })
  await broker.close()
  const segment = readdirSync(log).findLast((name) => name.endsWith('.log'))!
  return { dir, start, segment: join(log, segment) }
}

test.each([
  ['removed', (path: string) => rmSync(path)],
  ['emptied', (path: string) => truncateSync(path, 0)],
])('a segment that was %s', async (_, damage) => {
  const { dir, start, segment } = await folderWithSnapshot()
  damage(segment)
  await expect(start()).rejects.toThrow(/the metadata log (has no records|ends at offset).*restore the folder from a copy/)
  expect(readdirSync(dir)).toContain('last-0')
})
