/**
 * How fast does the broker append batches at acks=all (each acknowledged after its fdatasync)? Six connections, five requests in flight on
 * each, six partitions, frames encoded beforehand.
 */
import type { ConnectionOptions } from 'node:tls'
import produce from '../core/apis/00-produce.ts'
import createTopics from '../core/apis/19-create-topics.ts'
import { startTestBroker } from '../test/running-broker.ts'
import { batchOf } from './batches.ts'
import { decodeResponse, frame, RawConnection } from './raw-connection.ts'
import { quantile, type Row, show, usage } from './table.ts'

const CONNECTIONS = 6
const IN_FLIGHT = 5
const VERSION = 7

export async function produceTo(
  address: string,
  topic: string,
  batch: Buffer,
  totalBytes: number,
  tls?: ConnectionOptions,
): Promise<{ seconds: number; batches: number; latencies: number[] }> {
  const latencies: number[] = []
  const batches = Math.ceil(totalBytes / batch.length)
  let left = batches
  const start = performance.now()
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, partition) => {
      const connection = await RawConnection.open(address, tls)
      const bytes = frame(produce, VERSION, {
        transactionalId: null,
        acks: -1,
        timeoutMs: 30_000,
        topicData: [{ name: topic, partitionData: [{ index: partition, records: batch }] }],
      })
      await Promise.all(
        Array.from({ length: IN_FLIGHT }, async () => {
          while (left-- > 0) {
            const sentMs = performance.now()
            const { responses } = decodeResponse(produce, VERSION, await connection.send(bytes))
            const { errorCode } = responses[0]!.partitionResponses[0]!
            if (errorCode !== 0) throw new Error(`the broker failed a produce request with error ${errorCode}`)
            latencies.push(performance.now() - sentMs)
          }
        }),
      )
      connection.close()
    }),
  )
  return { seconds: (performance.now() - start) / 1000, batches, latencies }
}

export async function createTopic(address: string, name: string, numPartitions = CONNECTIONS): Promise<void> {
  const connection = await RawConnection.open(address)
  const { topics } = await connection.request(createTopics, 5, {
    topics: [{ name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }],
    timeoutMs: 30_000,
    validateOnly: false,
  })
  connection.close()
  if (topics[0]!.errorCode !== 0) throw new Error(`topic ${name}: error ${topics[0]!.errorCode}`)
}

async function main(): Promise<void> {
  const broker = await startTestBroker()
  try {
    const rows: Row[] = []
    await createTopic(broker.address, 'warm')
    await produceTo(broker.address, 'warm', batchOf(65_536, 1024).batch, 300e6)
    for (const [codec, kib, recordBytes, megabytes] of [
      ['none', 64, 1024, 1500],
      ['none', 64, 100, 1500],
      ['none', 16, 1024, 600],
      ['none', 1, 1024, 60],
      ['lz4', 64, 1024, 300],
      ['zstd', 64, 1024, 150],
    ] as const) {
      const { batch, records } = batchOf(kib * 1024, recordBytes, codec)
      const topic = `${codec}-${kib}-${recordBytes}`
      await createTopic(broker.address, topic)
      const before = usage(broker.pid)
      const { seconds, batches, latencies } = await produceTo(broker.address, topic, batch, megabytes * 2 ** 20)
      const after = usage(broker.pid)
      const megabytesMoved = (batches * batch.length) / 2 ** 20
      rows.push({
        codec,
        'batch KiB': kib,
        'record bytes': recordBytes,
        'sent KiB': batch.length / 1024,
        'records/s': (batches * records) / seconds,
        'MB/s': megabytesMoved / seconds,
        'p50 ms': quantile(latencies, 0.5),
        'p99 ms': quantile(latencies, 0.99),
        'CPU s/GB': ((after.cpuS - before.cpuS) / megabytesMoved) * 1024,
        'peak MB': after.peakMb,
      })
    }
    show('How fast does the broker append batches at acks=all?', rows)
  } finally {
    await broker.stop()
  }
}

if (import.meta.main) await main()
