/**
 * The code of a thread with plugins: it loads them with this worker's SDK, and scans, checks, validates, calls or runs a task, as its owner
 * says. What a plugin does to this thread stays in it. It keeps nothing: its owner may terminate it at any time.
 */
import { enableCompileCache } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import { realClock } from '../../../core/system/clock.ts'
import { loadPlugins } from '../../plugins/plugin-loading.ts'
import { joined, type PluginSet } from '../../plugins/plugin-module.ts'
import { plainError } from './thread-errors.ts'
import type { FromThread, PluginModule, ThreadData, ThreadPurpose } from './thread-messages.ts'

const ALIVE_MS = 1_000
/** A question to a system ends by itself a while after nobody waits for it. */
const SYSTEM_CALL_MS = 10_000

const port = parentPort!
const tell = (message: FromThread) => port.postMessage(message)

async function loadAll(modules: readonly PluginModule[]): Promise<PluginSet> {
  return joined(...(await Promise.all(modules.map(loadPlugins))))
}

/** Loads what of the worker the purpose needs, and returns what is to be done with the plugins. */
async function prepare(purpose: ThreadPurpose): Promise<() => Promise<unknown>> {
  if (purpose.purpose === 'scan') {
    const { descriptionsOf } = await import('../../plugins/plugin-description.ts')
    return async () => descriptionsOf(await loadPlugins(purpose.module))
  }
  if (purpose.purpose === 'contract') {
    const { checkInThread } = await import('./contract-in-thread.ts')
    return async () => await checkInThread(purpose.request, (plugin, check) => tell({ type: 'check', plugin, check }))
  }
  const { threadPlugins } = await import('./thread-plugins.ts')
  const plugins = async () => threadPlugins(purpose.descriptions, await loadAll(purpose.modules))
  if (purpose.purpose === 'task') {
    const { runTask } = await import('./task-in-thread.ts')
    return async () => await runTask(purpose.task, await plugins(), port)
  }
  const { callPlugin, validateWithPlugins } = await import('./plugin-calls-in-thread.ts')
  if (purpose.purpose === 'validate') return async () => validateWithPlugins(await plugins(), purpose.call)
  return async () => {
    const ending = new AbortController()
    realClock.after(SYSTEM_CALL_MS, () => ending.abort())
    return await callPlugin(await plugins(), purpose.call, ending.signal)
  }
}

async function run(purpose: ThreadPurpose): Promise<unknown> {
  const work = await prepare(purpose)
  // From now on code of plugins runs, and the owner expects signs of life. A task sends its metrics with its own.
  tell({ type: 'alive', metrics: null })
  if (purpose.purpose !== 'task') realClock.every(ALIVE_MS, () => tell({ type: 'alive', metrics: null }))
  return await work()
}

// Without a listener the thread would end while a plugin waits.
port.on('message', () => {})
const { purpose, compileCache } = workerData as ThreadData
if (compileCache !== null) enableCompileCache(compileCache)
run(purpose)
  .then((value) => tell({ type: 'done', value }))
  .catch(async (error: unknown) => {
    // Only here is the error still of its class.
    const mends = purpose.purpose === 'task' ? (await import('../restart-decision.ts')).waitingMends(error) : true
    tell({ type: 'failed', error: plainError(error), mends })
  })
