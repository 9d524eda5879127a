/**
 * How long do 100 connectors of one task take until all run, does one more stop the others, and how fast is the list of 1,000? Compared
 * with Kafka Connect, on one broker of ours. The sources wait for files that do not exist, so that nothing but the worker is at work.
 */
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { flag, startContender, TRIBUTARY, turnAbout } from './contenders.ts'
import { quantile, show } from './table.ts'
import { startWorkerContender, type WorkerContender } from './worker-contenders.ts'

const FEW = Number(flag('few') ?? 100)
const MANY = Number(flag('many') ?? 1_000)
const LISTS = 15
const SETTLE_MS = 3_000
/** A rebalance of Kafka Connect takes up to this time for each change; creating goes on in the meantime. */
const AT_A_TIME = 10

const config = (number: number) => ({
  'connector.class': 'FileStreamSource',
  'tasks.max': '1',
  file: join('/nonexistent', `${number}.txt`),
  topic: 'never',
})

async function create(worker: WorkerContender, from: number, to: number): Promise<void> {
  for (let first = from; first < to; first += AT_A_TIME) {
    const numbers = Array.from({ length: Math.min(AT_A_TIME, to - first) }, (_, index) => first + index)
    await Promise.all(numbers.map((number) => worker.ask('POST', '/connectors', { name: `c${number}`, config: config(number) })))
  }
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  await work()
  return (performance.now() - startMs) / 1000
}

async function main(): Promise<void> {
  const rows = await turnAbout(async (side, comparison) => {
    const broker = await startContender(TRIBUTARY)
    try {
      const worker = await startWorkerContender(side, broker.address)
      try {
        const first = await seconds(async () => {
          await create(worker, 0, FEW)
          await worker.running(FEW)
        })
        comparison.add(side, `${FEW} connectors: created and all RUNNING, s`, first)
        await pause(SETTLE_MS)
        comparison.add(side, `memory with ${FEW} connectors, MB`, worker.usage().residentMb)
        const next = await seconds(async () => {
          await create(worker, FEW, FEW + 1)
          await worker.running(FEW + 1)
        })
        comparison.add(side, 'one more: created and RUNNING, s', next)
        await create(worker, FEW + 1, MANY)
        await worker.running(MANY)
        await pause(SETTLE_MS)
        const lists: number[] = []
        for (let round = 0; round < LISTS; round++)
          lists.push(await seconds(() => worker.ask('GET', '/connectors?expand=info&expand=status')))
        comparison.add(side, `GET of ${MANY} connectors with expand, s`, quantile(lists, 0.5))
      } finally {
        await worker.stop()
      }
    } finally {
      await broker.stop()
    }
  })
  show('How does a worker do with many connectors?', rows)
}

if (import.meta.main) await main()
