/**
 * Goal: a flow runs exactly while its task is not paused and not stopped. Method: the real task, a store in memory, and a flow whose runs
 * the test ends.
 */
import { expect, test } from 'vitest'
import { findPlugins } from '../../../connect/plugins.ts'
import { type CommonConfig, connectorSettings } from '../../../connect/runtime/connector-settings.ts'
import { RetryWithToleranceOperator } from '../../../connect/runtime/retry-with-tolerance-operator.ts'
import { TaskControl } from '../../../connect/runtime/task-control.ts'
import { TaskProgress } from '../../../connect/runtime/task-progress.ts'
import { WorkerFlowTask } from '../../../connect/runtime/worker-flow-task.ts'
import { defineFlow, parseSettings } from '../../../connect/sdk/index.ts'
import { MemoryLog } from '../../../connect/storage/memory-log.ts'
import { OffsetBackingStore } from '../../../connect/storage/offset-backing-store.ts'
import { realSystem } from '../../../core/system/index.ts'
import { until } from '../../until.ts'

const system = realSystem('silent')
const plugins = await findPlugins()

async function flowTask() {
  const runs: { signal: AbortSignal; end(): void }[] = []
  const side = defineFlow({
    class: 'x',
    type: 'source',
    settings: {},
    run: ({ signal }) => new Promise<void>((resolve) => void runs.push({ signal, end: resolve })),
  })
  const common = parseSettings(connectorSettings(plugins, null), { name: 'x', 'connector.class': 'x' }) as CommonConfig
  const offsets = new OffsetBackingStore(new MemoryLog(), () => {})
  await offsets.start()
  const control = new TaskControl(false, new TaskProgress(system.clock))
  const log = { info() {}, warn() {}, error() {} }
  const running = new WorkerFlowTask({
    side,
    context: { connector: 'x', task: 0, config: {}, log, report() {}, raw: {}, worker: {} },
    offsets,
    retryWithTolerance: new RetryWithToleranceOperator(common, system, { connector: 'x', task: 0 }),
    system,
  }).run(control)
  await until(() => runs.length === 1, 'the flow runs')
  return { control, runs, running }
}

test('a pause stops the flow, and a resume runs it again', async () => {
  const { control, runs, running } = await flowTask()
  control.pause()
  expect(runs[0]!.signal.aborted).toBe(true)
  runs[0]!.end()
  control.resume()
  await until(() => runs.length === 2, 'it runs again')
  expect(runs[1]!.signal.aborted).toBe(false)
  control.stop()
  expect(runs[1]!.signal.aborted).toBe(true)
  runs[1]!.end()
  await running
})

test('a flow that is resumed before it has stopped for the pause runs again', async () => {
  const { control, runs, running } = await flowTask()
  control.pause()
  control.resume()
  runs[0]!.end()
  await until(() => runs.length === 2, 'it runs again')
  control.stop()
  runs[1]!.end()
  await running
})

test('a flow that ends by itself is not run again', async () => {
  const { control, runs, running } = await flowTask()
  runs[0]!.end()
  control.pause()
  control.resume()
  control.stop()
  await running
  expect(runs).toHaveLength(1)
})
