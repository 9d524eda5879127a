/**
 * Goal: the threads of many tasks load their code a few at a time, so that the worker keeps its processor, stays in its group and runs
 * all of them. Method: a real worker, and a plugin that notes when its import begins and ends.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { until } from '../until.ts'
import { workersInProcess } from '../worker-in-process.ts'

const LIMIT = Math.max(2, availableParallelism())
const TASKS = LIMIT + 3
const START_MS = 120_000

const plugin = (notes: string) => `
import { appendFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { defineConnector, defineSource } from 'tributary/connect/sdk'
appendFileSync(${JSON.stringify(notes)}, '+')
await pause(300)
appendFileSync(${JSON.stringify(notes)}, '-')
export default defineConnector({
  name: 'many',
  doc: 'Has many tasks.',
  source: defineSource({
    class: 'test.ManySourceConnector',
    settings: {},
    tasks: (_config, most) => Array.from({ length: most }, () => ({})),
    async *read({ signal }) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    },
  }),
})
`

test('no more threads load at a time than there are processors, and all tasks run', { timeout: 2 * START_MS }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-many-'))
  const notes = join(folder, 'notes')
  writeFileSync(join(folder, 'many.mjs'), plugin(notes))
  const workers = await workersInProcess()
  onTestFinished(async () => {
    await workers.stop()
    rmSync(folder, { recursive: true })
  })
  const worker = await workers.start({ settings: workers.settings({ 'plugin.path': folder }) })
  await worker.create('many', { name: 'many', 'connector.class': 'ManySource', 'tasks.max': String(TASKS) }, 'RUNNING')
  const runs = () => worker.status('many').tasks.filter(({ state }) => state === 'RUNNING').length
  await until(() => runs() === TASKS, 'all tasks run', START_MS)
  let loading = 0
  let most = 0
  for (const mark of readFileSync(notes, 'utf8')) {
    loading += mark === '+' ? 1 : -1
    most = Math.max(most, loading)
  }
  expect(most).toBeLessThanOrEqual(LIMIT)

  // Those that wait for their turn are stopped at once.
  await worker.stop('many')
  await until(() => worker.status('many').tasks.length === 0, 'all have stopped', START_MS)
})
