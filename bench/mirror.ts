/**
 * How fast does a mirror replicate from one broker to another? Two brokers, one mirror process, six partitions: uncompressed 1 KiB records,
 * and 200-byte records in lz4, in batches of 64 KiB. Timed from the first record on the target to the last.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import listOffsets from '../core/apis/02-list-offsets.ts'
import { startTestBroker } from '../test/running-broker.ts'
import { until } from '../test/until.ts'
import { batchOf } from './batches.ts'
import { createTopic, produceTo } from './produce.ts'
import { RawConnection } from './raw-connection.ts'
import { type Row, show, usage } from './table.ts'

const PARTITIONS = 6

async function recordCount(connection: RawConnection, topic: string): Promise<number> {
  const { topics } = await connection.request(listOffsets, 5, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: topic, partitions: Array.from({ length: PARTITIONS }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1 })) }],
  })
  return topics[0]!.partitions.reduce((sum, { offset, errorCode }) => sum + (errorCode === 0 ? offset : 0), 0)
}

async function replicate(source: string, topic: string): Promise<Row> {
  const target = await startTestBroker()
  const folder = mkdtempSync(join(tmpdir(), 'bench-mirror-'))
  const file = join(folder, 'mm2.properties')
  writeFileSync(
    file,
    [
      'clusters = us, central',
      `us.bootstrap.servers = ${source}`,
      `central.bootstrap.servers = ${target.address}`,
      'us->central.enabled = true',
      `us->central.topics = ${topic}`,
      'replication.factor = 1',
      'checkpoints.topic.replication.factor = 1',
      'heartbeats.topic.replication.factor = 1',
      'offset-syncs.topic.replication.factor = 1',
      'offset.storage.replication.factor = 1',
    ].join('\n'),
  )
  const startedMs = performance.now()
  const mirror = spawn(join(import.meta.dirname, '../bin/tributary'), ['mirror', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, TRIBUTARY_LOG_LEVEL: 'warn' },
  })
  try {
    const [from, to] = [await RawConnection.open(source), await RawConnection.open(target.address)]
    const total = await recordCount(from, topic)
    await until(async () => (await recordCount(to, `us.${topic}`)) > 0, `the first record of ${topic}`, 60_000)
    const firstRecordMs = performance.now()
    const countAtStart = await recordCount(to, `us.${topic}`)
    await until(async () => (await recordCount(to, `us.${topic}`)) >= total, `${total} records of ${topic}`, 300_000)
    const seconds = (performance.now() - firstRecordMs) / 1000
    const { cpuS, peakMb } = usage(mirror.pid!)
    from.close()
    to.close()
    return {
      topic,
      'first record s': (firstRecordMs - startedMs) / 1000,
      'records/s': (total - countAtStart) / seconds,
      'CPU s/million': (cpuS / total) * 1e6,
      'peak MB': peakMb,
    }
  } finally {
    const ended = new Promise((resolve) => mirror.once('exit', resolve))
    mirror.kill('SIGTERM')
    await ended
    await target.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function main(): Promise<void> {
  const source = await startTestBroker()
  try {
    const cases = [
      { topic: 'plain', ...batchOf(65_536, 1024), bytes: 1000 * 2 ** 20, recordBytes: 1024 },
      { topic: 'lz4', ...batchOf(65_536, 200, 'lz4'), bytes: 250 * 2 ** 20, recordBytes: 200 },
    ]
    const rows: Row[] = []
    for (const { topic, batch, bytes, recordBytes } of cases) {
      await createTopic(source.address, topic, PARTITIONS)
      await produceTo(source.address, topic, batch, bytes)
      const row = await replicate(source.address, topic)
      rows.push({ ...row, 'MB/s of records': (Number(row['records/s']) * recordBytes) / 2 ** 20 })
    }
    show('How fast does a mirror replicate from one broker to another?', rows)
  } finally {
    await source.stop()
  }
}

if (import.meta.main) await main()
