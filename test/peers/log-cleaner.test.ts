/**
 * Goal: a log that we have cleaned is the log that Apache Kafka would have left: the same segments, batches, records, indexes and aborted
 * transactions, also when it is cleaned a second time and tombstones and markers go; and Kafka's tools read it. Method: a random history
 * in two parts; after each part both clean a copy of the same folder.
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openLogs } from '../../core/log/index.ts'
import type { LogConfig } from '../../core/log/types.ts'
import { realSystem } from '../../core/system/index.ts'
import { attributes } from '../../core/wire/batch-header.ts'
import { batches, decodeRecords } from '../../core/wire/record-batch.ts'
import { clean, rangeOf } from '../core/log/cleaner/compacted-log.ts'
import { History } from '../core/log/cleaner/history.ts'
import { config, options, TOPIC_ID } from '../core/log/scratch-log.ts'
import { seededRandom } from '../random.ts'
import { until } from '../until.ts'
import { type KafkaBroker, kafkaTool, startApacheKafka } from './apache-kafka.ts'

const DUMP_LOG = 'org.apache.kafka.tools.DumpLogSegments'
const SEGMENT_FILE = /^\d{20}\.(log|index|timeindex|txnindex|snapshot)$/
/** Three starts of Kafka, and its tools. */
const SLOW_MS = 480_000
const MERGED_BYTES = 1024 * 1024
const compacted: LogConfig = {
  ...config,
  cleanupPolicy: ['compact'],
  segmentBytes: 1200,
  indexIntervalBytes: 150,
  deleteRetentionMs: 0,
  fileDeleteDelayMs: 0,
}

const root = mkdtempSync(join(tmpdir(), 'tributary-peers-cleaner-'))
let kafka: KafkaBroker
beforeAll(async () => {
  kafka = await startApacheKafka({ 'log.cleaner.backoff.ms': 200, 'log.flush.offset.checkpoint.interval.ms': 1000 })
  const settings = ['cleanup.policy=compact', 'min.cleanable.dirty.ratio=0.001', 'delete.retention.ms=0', 'index.interval.bytes=150']
  await kafkaTool([
    'kafka-topics',
    ...['--bootstrap-server', kafka.address, '--create', '--topic', 't', '--partitions', '1', '--replication-factor', '1'],
    ...[...settings, `segment.bytes=${MERGED_BYTES}`, 'file.delete.delay.ms=0'].flatMap((setting) => ['--config', setting]),
  ])
  await kafka.exit()
}, SLOW_MS)
afterAll(async () => {
  await kafka?.stop()
  rmSync(root, { recursive: true, force: true })
})

const segmentFiles = (folder: string) => readdirSync(folder).filter((name) => SEGMENT_FILE.test(name))
const baseOf = (name: string) => Number(name.slice(0, 20))

/** Another process may have the port for a moment. */
const startAgain = () =>
  until(
    () =>
      kafka.start().then(
        () => true,
        () => false,
      ),
    'Kafka starts again',
    240_000,
  )

/** Puts the segments of `folder` from `fromOffset` on into Kafka's folder and waits until it has cleaned up to `endOffset`. */
async function cleanByKafka(folder: string, fromOffset: number, endOffset: number): Promise<string> {
  const into = join(kafka.dir, 't-0')
  for (const name of segmentFiles(into)) if (baseOf(name) >= fromOffset) rmSync(join(into, name))
  for (const name of segmentFiles(folder)) if (baseOf(name) >= fromOffset) cpSync(join(folder, name), join(into, name))
  // With an old high watermark Kafka cleans up to it first, and then the rest: markers would be a cleaning ahead.
  rmSync(join(kafka.dir, 'replication-offset-checkpoint'), { force: true })
  const checkpoint = join(kafka.dir, 'cleaner-offset-checkpoint')
  await startAgain()
  await until(
    () => existsSync(checkpoint) && readFileSync(checkpoint, 'latin1').includes(`t 0 ${endOffset}\n`),
    'Kafka has cleaned',
    120_000,
  )
  await kafka.exit()
  return into
}

/** What must be the same of the rolled segments: the delete horizon is the time of the cleaning, and compressed bytes may differ. */
function describeFolder(folder: string, endOffset: number) {
  const names = segmentFiles(folder).filter((name) => baseOf(name) < endOffset && !name.endsWith('.snapshot'))
  const logs = names.filter((name) => name.endsWith('.log'))
  const found = logs.map((name) => ({
    name,
    batches: [...batches(readFileSync(join(folder, name)))].map(({ header, bytes }) => {
      const { crc: _crc, sizeBytes, baseTimestamp, ...same } = header
      const hasHorizon = (header.attributes & attributes.deleteHorizon) !== 0
      const isPlain = (header.attributes & attributes.codecMask) === 0 && !hasHorizon
      const isControl = (header.attributes & attributes.control) !== 0
      return {
        ...same,
        ...(isPlain && { sizeBytes }),
        ...(!hasHorizon && { baseTimestamp }),
        records: decodeRecords(Buffer.from(bytes)).map(({ offset, timestamp, key, value }) =>
          isControl ? `${offset} ${timestamp}` : `${offset} ${timestamp} ${key}=${value}`,
        ),
      }
    }),
  }))
  const transactions = names
    .filter((name) => name.endsWith('.txnindex'))
    .map((name) => [name, readFileSync(join(folder, name)).toString('hex')])
  return { found, transactions: transactions.filter(([, content]) => content !== '') }
}

async function dump(folder: string): Promise<void> {
  const pathsOf = (suffix: string) =>
    segmentFiles(folder)
      .filter((name) => name.endsWith(suffix))
      .map((name) => join(folder, name))
  const records = await kafkaTool(['class', DUMP_LOG, '--deep-iteration', '--print-data-log', '--files', pathsOf('.log').join(',')])
  expect(records).toContain('isvalid: true')
  expect(records).not.toContain('isvalid: false')
  const indexes = await kafkaTool(['class', DUMP_LOG, '--files', [...pathsOf('.index'), ...pathsOf('.timeindex')].join(',')])
  expect(indexes).not.toMatch(/mismatch|out of order|Found/i)
}

test(
  'two cleanings leave what Kafka leaves',
  async () => {
    const random = seededRandom()
    const history = new History(random, Date.now() - 10 * 3600_000)
    const dir = join(root, 'ours')
    const folder = join(dir, 't-0')
    let cleanedTo = 0
    for (let part = 0; part < 2; part++) {
      const logs = await openLogs(options(dir), realSystem('silent'))
      const log = await logs.open('t', TOPIC_ID, 0, compacted)
      for (let step = 0; step < 150; step++) await history.step(log)
      await history.endAll(log)
      for (let step = 0; step < 10; step++) await history.step(log)
      const { firstUncleanableOffset } = rangeOf(log, cleanedTo, Date.now())
      await logs.close()
      const raw = join(root, `raw-${part}`)
      cpSync(folder, raw, { recursive: true })

      const again = await openLogs(options(dir), realSystem('silent'))
      const ours = await again.open('t', TOPIC_ID, 0, { ...compacted, segmentBytes: MERGED_BYTES })
      const result = await clean(ours, { from: cleanedTo, nowMs: Date.now() })
      expect(result).toMatchObject({ isComplete: true, endOffset: firstUncleanableOffset })
      expect(result!.stats.recordsKept).toBeLessThan(result!.stats.recordsRead)
      await history.check(ours, firstUncleanableOffset)
      await again.close()
      const theirs = await cleanByKafka(raw, cleanedTo, firstUncleanableOffset)
      expect(describeFolder(folder, firstUncleanableOffset)).toEqual(describeFolder(theirs, firstUncleanableOffset))
      await dump(folder)
      cleanedTo = firstUncleanableOffset
    }
  },
  SLOW_MS,
)

test(
  'Kafka starts on a folder that we have cleaned',
  async () => {
    const into = join(kafka.dir, 't-0')
    for (const name of segmentFiles(into)) rmSync(join(into, name))
    for (const name of segmentFiles(join(root, 'ours', 't-0'))) cpSync(join(root, 'ours', 't-0', name), join(into, name))
    await startAgain()
    const read = await kafkaTool([
      'kafka-console-consumer',
      ...[
        '--bootstrap-server',
        kafka.address,
        '--topic',
        't',
        '--from-beginning',
        '--timeout-ms',
        '30000',
        '--isolation-level',
        'read_committed',
      ],
      ...['--property', 'print.key=true'],
    ])
    const keys = new Set(read.split('\n').flatMap((line) => (line.includes('\t') ? [line.split('\t')[0]] : [])))
    expect(keys.size).toBeGreaterThan(3)
  },
  SLOW_MS,
)
