/**
 * How many lines a second does a file source write in transactions, compared with Kafka Connect on the same broker? Both have
 * exactly.once.source.support=enabled, transaction.boundary poll, and a file of lines that is complete before the source starts. The
 * first run of a worker warms it up and is not measured.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '../core/client/index.ts'
import { realSystem } from '../core/system/index.ts'
import { until } from '../test/until.ts'
import { flag, KAFKA, type Side, startContender, TRIBUTARY, turnAbout } from './contenders.ts'
import { show } from './table.ts'
import { startWorkerContender, type WorkerContender } from './worker-contenders.ts'

const LINES = Number(flag('lines') ?? 500_000)
const WARM_UP_LINES = 50_000
const RUN_MS = 600_000
const line = (number: number): string => `line ${number} ${'x'.repeat(80)}\n`

/** Until the last stable offset is past the lines. It counts markers too: some hundreds, less than a tenth of a percent. */
async function measure(worker: WorkerContender, broker: string, folder: string, name: string, lines: number): Promise<number> {
  const file = join(folder, `${name}.txt`)
  writeFileSync(file, Array.from({ length: lines }, (_, number) => line(number)).join(''))
  const client = createClient({ bootstrapServers: broker, clientId: 'bench' }, realSystem('silent'))
  try {
    await client.admin.createTopics([{ name, partitions: 1, replicationFactor: 1 }])
    const startMs = performance.now()
    await worker.ask('POST', '/connectors', {
      name,
      config: { 'connector.class': 'FileStreamSource', 'tasks.max': '1', file, topic: name, 'batch.size': '2000' },
    })
    const partition = { topic: name, partition: 0 }
    await until(
      async () => (await client.admin.listOffsets([{ ...partition, spec: 'latest' }], 1))[0]!.offset > lines,
      `${lines} lines are committed`,
      RUN_MS,
    )
    return lines / ((performance.now() - startMs) / 1000)
  } finally {
    await client.close()
    await worker.ask('DELETE', `/connectors/${name}`)
  }
}

async function main(): Promise<void> {
  const brokerSide = (flag('broker') ?? 'tributary') === 'kafka' ? KAFKA : TRIBUTARY
  const rows = await turnAbout(async (side: Side, comparison) => {
    const folder = mkdtempSync(join(tmpdir(), 'bench-exactly-once-'))
    const broker = await startContender(brokerSide)
    try {
      const worker = await startWorkerContender(side, broker.address, { 'exactly.once.source.support': 'enabled' })
      try {
        await measure(worker, broker.address, folder, 'warm-up', WARM_UP_LINES)
        const before = worker.usage().cpuS
        comparison.add(side, 'lines/s', await measure(worker, broker.address, folder, 'measured', LINES))
        comparison.add(side, 'CPU s per million lines', ((worker.usage().cpuS - before) / LINES) * 1e6)
      } finally {
        await worker.stop()
      }
    } finally {
      await broker.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  })
  show(`How fast is an exactly-once file source, on a broker of ${brokerSide}?`, rows)
}

if (import.meta.main) await main()
