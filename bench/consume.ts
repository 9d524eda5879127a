/**
 * How fast does the broker serve fetches? Six connections, one fetch in flight on each, six partitions, from the earliest offset; a
 * consumer that reaches the end starts again.
 */
import type { ConnectionOptions } from 'node:tls'
import fetch from '../core/apis/01-fetch.ts'
import { at, batchSize, readBatchHeader } from '../core/wire/batch-header.ts'
import { startTestBroker } from '../test/running-broker.ts'
import { batchOf } from './batches.ts'
import { createTopic, produceTo } from './produce.ts'
import { decodeResponse, frame, RawConnection } from './raw-connection.ts'
import { type Row, show, usage } from './table.ts'

const CONNECTIONS = 6
const VERSION = 11

export async function consumeFrom(
  address: string,
  topic: string,
  maxBytes: number,
  totalBytes: number,
  tls?: ConnectionOptions,
): Promise<{ seconds: number; bytes: number; records: number }> {
  let bytes = 0
  let records = 0
  const start = performance.now()
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, partition) => {
      const connection = await RawConnection.open(address, tls)
      let offset = 0
      while (bytes < totalBytes) {
        const request = frame(fetch, VERSION, {
          maxWaitMs: 500,
          minBytes: 1,
          maxBytes,
          isolationLevel: 0,
          topics: [{ topic, partitions: [{ partition, fetchOffset: offset, partitionMaxBytes: maxBytes }] }],
        })
        const { responses } = decodeResponse(fetch, VERSION, await connection.send(request))
        const { errorCode, records: batches, highWatermark } = responses[0]!.partitions[0]!
        if (errorCode !== 0) throw new Error(`the broker failed a fetch with error ${errorCode}`)
        for (let position = 0; batches && position + at.count < batches.length; position += batchSize(batches, position)) {
          if (position + batchSize(batches, position) > batches.length) break
          const header = readBatchHeader(batches, position)
          offset = header.lastOffset + 1
          records += header.count
        }
        bytes += batches?.length ?? 0
        if (offset >= highWatermark) offset = 0
      }
      connection.close()
    }),
  )
  return { seconds: (performance.now() - start) / 1000, bytes, records }
}

async function main(): Promise<void> {
  const broker = await startTestBroker()
  try {
    const rows: Row[] = []
    for (const kib of [64, 16]) {
      await createTopic(broker.address, `t${kib}`)
      await produceTo(broker.address, `t${kib}`, batchOf(kib * 1024, 1024).batch, 600 * 2 ** 20)
    }
    for (const [topic, kib, megabytes] of [
      ['t64', 1024, 4000],
      ['t16', 64, 1500],
    ] as const) {
      const before = usage(broker.pid)
      const { seconds, bytes, records } = await consumeFrom(broker.address, topic, kib * 1024, megabytes * 2 ** 20)
      const after = usage(broker.pid)
      rows.push({
        'fetch KiB': kib,
        'records/s': records / seconds,
        'MB/s': bytes / 2 ** 20 / seconds,
        'CPU s/GB': ((after.cpuS - before.cpuS) / bytes) * 2 ** 30,
        'peak MB': after.peakMb,
      })
    }
    show('How fast does the broker serve fetches?', rows)
  } finally {
    await broker.stop()
  }
}

if (import.meta.main) await main()
