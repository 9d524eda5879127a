/**
 * Goal: a partition's folder has one format for Apache Kafka and for us. Method: kafka-dump-log reads folders that we wrote (records,
 * indexes, producer state, aborted transactions); we open the data of an Apache Kafka broker after a clean stop and after kill -9, find
 * every record, append, and start the broker on it again, which serves its records and ours.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openLogs } from '../../core/log/index.ts'
import type { PartitionLog } from '../../core/log/types.ts'
import { realSystem } from '../../core/system/index.ts'
import { batchOf, config, options, readRecords, scratch, T0 } from '../core/log/scratch-log.ts'
import { type KafkaBroker, kafkaTool, startApacheKafka } from './apache-kafka.ts'

/** What bin/kafka-dump-log.sh runs. */
const DUMP_LOG = 'org.apache.kafka.tools.DumpLogSegments'
const tool = (...args: string[]): Promise<string> => kafkaTool(args)

const marker = (producerId: number, committed: boolean) => ({
  producerId,
  producerEpoch: 3,
  committed,
  coordinatorEpoch: 7,
  transactionVersion: 0,
})

describe('kafka-dump-log reads our folders', () => {
  const room = scratch()
  afterAll(() => room.remove())

  test('records, indexes, producers, aborted transactions', async () => {
    const { logs, log } = await room.openLog({ segmentBytes: 15_000, indexIntervalBytes: 500 })
    for (let index = 0; index < 300; index++) {
      const codec = (['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)[index % 5]!
      const over = {
        codec,
        timestamp: T0 + ((index * 7) % 300) * 1000,
        producerId: 42,
        producerEpoch: 3,
        baseSequence: index * 2,
        transactional: true,
      }
      log.append(batchOf([`a${index}`.padEnd(200, '.'), `b${index}`], over), 'client', 'disabled')
      if (index % 50 === 49) log.appendEndTxnMarker(marker(42, index % 100 === 99))
    }
    await log.append(batchOf(['end'])).durable
    await logs.close()
    const names = readdirSync(room.partitionDir)
    const pathsOf = (suffix: string) => names.filter((name) => name.endsWith(suffix)).map((name) => join(room.partitionDir, name))
    expect(pathsOf('.log').length).toBeGreaterThan(2)
    expect(pathsOf('.txnindex').length).toBeGreaterThan(0)

    const records = await tool('class', DUMP_LOG, '--deep-iteration', '--print-data-log', '--files', pathsOf('.log').join(','))
    expect(records.match(/ payload: a\d+\./g)?.length).toBe(300)
    expect(records).toContain('payload: end')
    expect(records.match(/endTxnMarker: ABORT/g)?.length).toBe(3)
    expect(records.match(/isvalid: true/g)?.length).toBe(307)
    expect(records).not.toContain('isvalid: false')

    const indexes = await tool('class', DUMP_LOG, '--files', [...pathsOf('.index'), ...pathsOf('.timeindex')].join(','))
    expect(indexes.match(/^offset: \d+ position: \d+/gm)?.length).toBeGreaterThan(50)
    expect(indexes.match(/^timestamp: \d+ offset: \d+/gm)?.length).toBeGreaterThan(5)
    expect(indexes).not.toMatch(/mismatch|out of order|not found|Found/i)
    expect(await tool('class', DUMP_LOG, '--index-sanity-check', '--files', pathsOf('.index').join(','))).not.toMatch(/fail|mismatch/i)

    const others = await tool('class', DUMP_LOG, '--files', [...pathsOf('.snapshot'), ...pathsOf('.txnindex')].join(','))
    expect(others).toMatch(
      /producerId: 42 producerEpoch: 3 coordinatorEpoch: 7 currentTxnFirstOffset: OptionalLong.empty lastTimestamp: \d+ .*lastSequence: 599/,
    )
    expect(others).toMatch(/version: 0 producerId: 42 firstOffset: 0 lastOffset: 100 lastStableOffset: 101/)
  })
})

describe("an Apache Kafka broker's folder", () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-peers-log-'))
  let broker: KafkaBroker
  beforeAll(async () => {
    broker = await startApacheKafka()
  }, 120_000)
  afterAll(async () => {
    await broker?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const produce = (count: number) =>
    tool('kafka-producer-perf-test', '--topic', 'theirs', '--num-records', String(count), '--record-size', '300', '--throughput', '-1',
      '--producer-props', `bootstrap.servers=${broker.address}`, 'compression.type=lz4', 'batch.size=2000', 'enable.idempotence=true') // biome-ignore format: one command line

  /** The topic's log in `dir`, opened by us. */
  async function opened(dir: string, work: (log: PartitionLog) => Promise<void>): Promise<void> {
    const logs = await openLogs(options(dir), realSystem('silent'))
    const id = /topic_id: (\S+)/.exec(readFileSync(join(dir, 'theirs-0', 'partition.metadata'), 'utf8'))![1]!
    await work(await logs.open('theirs', id, 0, { ...config, segmentBytes: 1024 * 1024 }))
    await logs.close()
  }

  const offsetsOf = (records: { offset: number }[]) => records.map(({ offset }) => offset)
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)

  test('opens here with every record, and is served by Apache Kafka with our records appended', async () => {
    await tool('kafka-topics', '--bootstrap-server', broker.address, '--create', '--topic', 'theirs', '--config', 'segment.bytes=1048576')
    await produce(10_000)
    await broker.kill()
    const killed = join(folder, 'killed')
    cpSync(broker.dir, killed, { recursive: true })
    await opened(killed, async (log) => {
      expect(log.logEndOffset).toBe(10_000)
      expect(offsetsOf(await readRecords(log))).toEqual(upTo(10_000))
      expect(await log.offsetForTimestamp(0)).toMatchObject({ offset: 0 })
    })

    await broker.start()
    await produce(1_000)
    await broker.exit()
    await opened(broker.dir, async (log) => {
      expect(offsetsOf(await readRecords(log, 9_000))).toEqual(upTo(11_000).slice(9_000))
      for (let index = 0; index < 500; index++)
        log.append(batchOf([`ours ${index}`.padEnd(3000, '.')], { producerId: 9000, producerEpoch: 0, baseSequence: index }))
      await log.append(batchOf(['ours at last'])).durable
      expect(log.logEndOffset).toBe(11_501)
    })

    await broker.start()
    expect(await tool('kafka-get-offsets', '--bootstrap-server', broker.address, '--topic', 'theirs')).toContain('theirs:0:11501')
    const consumed = await tool('kafka-console-consumer', '--bootstrap-server', broker.address, '--topic', 'theirs', '--partition', '0', '--offset', '10999', '--max-messages', '502') // biome-ignore format: one command line
    const lines = consumed.split('\n').filter((line) => line !== '')
    expect([lines.length, lines[1]?.slice(0, 6), lines.at(-1)]).toEqual([502, 'ours 0', 'ours at last'])
  }, 240_000)
})
