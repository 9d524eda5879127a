/**
 * How fast does Kafka's own load tool write transactions of 100 ms? kafka-producer-perf-test with records of 1 KiB. Compared with Apache
 * Kafka, which does not sync to the disk: ours once as it is and once with log.flush=os.
 */

import { kafkaTool } from '../test/peers/apache-kafka.ts'
import { startContender, TRIBUTARY, turnAbout } from './contenders.ts'
import { createTopic } from './produce.ts'
import { show, usage } from './table.ts'

const RECORDS = 200_000
const RECORD_BYTES = 1024
const TRANSACTION_MS = 100
const LOAD_MS = 300_000

/** What the tool says in its last line, which is about the whole run. */
async function load(address: string, records: number): Promise<{ megabytesPerS: number; p99Ms: number }> {
  const what = ['--topic', 'load', '--num-records', `${records}`, '--record-size', `${RECORD_BYTES}`, '--throughput', '-1']
  const how = ['--transactional-id', 'load', '--transaction-duration-ms', `${TRANSACTION_MS}`]
  const settings = ['--command-property', 'acks=all', 'batch.size=65536', 'linger.ms=5']
  const out = await kafkaTool(['kafka-producer-perf-test', '--bootstrap-server', address, ...what, ...how, ...settings], '', LOAD_MS)
  const last = out.trim().split('\n').at(-1) ?? ''
  const megabytes = last.match(/\(([\d.]+) MB\/sec\)/)?.[1]
  const p99 = last.match(/([\d.]+) ms 99th/)?.[1]
  if (!megabytes || !p99) throw new Error(`kafka-producer-perf-test says: ${last}`)
  return { megabytesPerS: Number(megabytes), p99Ms: Number(p99) }
}

async function main(): Promise<void> {
  const rows = await turnAbout(async (side, comparison) => {
    for (const flush of side === TRIBUTARY ? ['commit', 'os'] : [null]) {
      const broker = await startContender(side, flush === null ? {} : { 'log.flush': flush })
      const ways = flush === null ? ['log.flush=commit', 'log.flush=os'] : [`log.flush=${flush}`]
      try {
        await createTopic(broker.address, 'load')
        await load(broker.address, RECORDS / 10)
        const before = usage(broker.pid).cpuS
        const { megabytesPerS, p99Ms } = await load(broker.address, RECORDS)
        const cpuPerGb = ((usage(broker.pid).cpuS - before) / (RECORDS * RECORD_BYTES)) * 2 ** 30
        for (const way of ways) {
          comparison.add(side, `MB/s, ${way}`, megabytesPerS)
          comparison.add(side, `p99 ms, ${way}`, p99Ms)
          comparison.add(side, `CPU s/GB, ${way}`, cpuPerGb)
        }
      } finally {
        await broker.stop()
      }
    }
  })
  show(`How fast does kafka-producer-perf-test write with transactions of ${TRANSACTION_MS} ms?`, rows)
}

if (import.meta.main) await main()
