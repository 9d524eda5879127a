/**
 * What do threads for tasks cost and bring? A source that computes much, with one task and with two, in the worker's own thread and in
 * threads of their own: records a second; the time until a task runs, and the memory that it takes.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { startWorker } from '../connect/index.ts'
import { realSystem } from '../core/system/index.ts'
import { startTestBroker } from '../test/running-broker.ts'
import { until } from '../test/until.ts'
import { type Row, show } from './table.ts'
import hashing from './task-threads/plugin.ts'

const COUNT = 4_000
const ROUNDS = 200
const LIMIT_MS = 300_000
const ROUNDS_OF_ALL = 3

async function measure(inThreads: boolean, tasks: number, address: string, run: number): Promise<Row> {
  const group = `threads-${inThreads}-${tasks}-${run}`
  const settings: Record<string, string> = {
    'bootstrap.servers': address,
    'group.id': group,
    'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'offset.storage.partitions': '1',
    'status.storage.partitions': '1',
  }
  for (const what of ['config', 'offset', 'status']) {
    settings[`${what}.storage.topic`] = `${group}-${what}`
    settings[`${what}.storage.replication.factor`] = '1'
  }
  if (inThreads) settings['plugin.path'] = `${import.meta.dirname}/task-threads`
  const worker = await startWorker(settings, realSystem('warn'), { connectors: inThreads ? [] : [hashing] })
  try {
    const name = `c-${group}`
    const config = {
      name,
      'connector.class': 'HashingSource',
      topic: name,
      count: String(COUNT),
      rounds: String(ROUNDS),
      'tasks.max': String(tasks),
    }
    await until(() => worker.health().status === 'healthy', 'the worker is ready')
    const memory = process.memoryUsage().rss
    const created = performance.now()
    await worker.create(name, config, 'RUNNING')
    await until(() => worker.topics(name).length > 0, 'a task has sent something', LIMIT_MS)
    const started = performance.now()
    const cpu = process.cpuUsage()
    const done = async () => (await worker.offsets(name)).filter(({ offset }) => offset?.n === COUNT).length === tasks
    await until(done, 'all records', LIMIT_MS)
    const seconds = (performance.now() - started) / 1000
    const { user, system } = process.cpuUsage(cpu)
    return {
      tasks: `${tasks} in ${inThreads ? 'threads' : 'the main thread'}`,
      'records/s': (tasks * COUNT) / seconds,
      'processors used': (user + system) / 1e6 / seconds,
      'first record, s': (started - created) / 1000,
      'memory, MB': (process.memoryUsage().rss - memory) / 1024 / 1024,
    }
  } finally {
    await worker.close()
    await pause(500)
  }
}

async function main(): Promise<void> {
  const broker = await startTestBroker()
  const rows: Row[] = []
  try {
    for (let run = 0; run < ROUNDS_OF_ALL; run++)
      for (const inThreads of [false, true]) for (const tasks of [1, 2]) rows.push(await measure(inThreads, tasks, broker.address, run))
  } finally {
    await broker.stop()
  }
  show(
    'What do threads for tasks bring?',
    rows.sort((a, b) => String(a.tasks).localeCompare(String(b.tasks))),
  )
}

if (import.meta.main) await main()
