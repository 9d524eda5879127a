/**
 * How long does a broker without topics take to start on its own data, and how much memory does it have when nothing happens? Compared with
 * Apache Kafka. The first start, which formats the folder, is not measured; memory is taken two seconds after the second.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { startContender, turnAbout } from './contenders.ts'
import { show } from './table.ts'

const SETTLE_MS = 2_000

async function main(): Promise<void> {
  const rows = await turnAbout(async (side, comparison) => {
    const broker = await startContender(side)
    try {
      await broker.exit()
      comparison.add(side, 'start until Metadata is answered, s', await broker.start())
      await pause(SETTLE_MS)
      comparison.add(side, 'memory idle, MB', broker.memoryMb())
    } finally {
      await broker.stop()
    }
  })
  show('How long does an empty broker take to start, and how much memory?', rows)
}

if (import.meta.main) await main()
