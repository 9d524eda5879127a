/**
 * How fast does the broker take batches at acks=all (each answered after its fdatasync)? Six connections, five requests in flight on each,
 * six partitions, frames made beforehand.
 */

import produce from '../core/apis/00-produce.ts'
import createTopics from '../core/apis/19-create-topics.ts'
import { startTestBroker } from '../test/running-broker.ts'
import { batchOf } from './batches.ts'
import { answer, frame, RawConnection } from './raw-connection.ts'
import { quantile, type Row, show, usage } from './table.ts'

const CONNECTIONS = 6
const IN_FLIGHT = 5
const VERSION = 7

export async function produceTo(
  address: string,
  topic: string,
  batch: Buffer,
  totalBytes: number,
): Promise<{ seconds: number; batches: number; latencies: number[] }> {
  const latencies: number[] = []
  const batches = Math.ceil(totalBytes / batch.length)
  let left = batches
  const start = performance.now()
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, partition) => {
      const connection = await RawConnection.open(address)
      const bytes = frame(produce, VERSION, {
        transactionalId: null,
        acks: -1,
        timeoutMs: 30_000,
        topicData: [{ name: topic, partitionData: [{ index: partition, records: batch }] }],
      })
      await Promise.all(
        Array.from({ length: IN_FLIGHT }, async () => {
          while (left-- > 0) {
            const begun = performance.now()
            const { responses } = answer(produce, VERSION, await connection.send(bytes))
            const { errorCode } = responses[0]!.partitionResponses[0]!
            if (errorCode !== 0) throw new Error(`the broker answered a produce request with error ${errorCode}`)
            latencies.push(performance.now() - begun)
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
  const { topics } = await connection.ask(createTopics, 5, {
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
    for (const [kib, megabytes] of [
      [64, 1500],
      [16, 600],
      [1, 60],
    ] as const) {
      const { batch, records } = batchOf(kib * 1024, 1024)
      await createTopic(broker.address, `t${kib}`)
      const before = usage(broker.pid)
      const { seconds, batches, latencies } = await produceTo(broker.address, `t${kib}`, batch, megabytes * 2 ** 20)
      const after = usage(broker.pid)
      const megabytesMoved = (batches * batch.length) / 2 ** 20
      rows.push({
        'batch KiB': kib,
        'records/s': (batches * records) / seconds,
        'MB/s': megabytesMoved / seconds,
        'p50 ms': quantile(latencies, 0.5),
        'p99 ms': quantile(latencies, 0.99),
        'CPU s/GB': ((after.cpuS - before.cpuS) / megabytesMoved) * 1024,
        'peak MB': after.peakMb,
      })
    }
    show('How fast does the broker take batches at acks=all?', rows)
  } finally {
    await broker.stop()
  }
}

if (import.meta.main) await main()
