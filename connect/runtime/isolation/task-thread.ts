/**
 * A task whose code runs in a thread of its own, as the worker sees it: it starts, pauses and stops like any other. What it sends is stored
 * and logged here. Invariant 9: once the task is cancelled nothing of it is stored, and its thread is ended.
 */
import { aborted } from '../../../core/system/condition.ts'
import { within } from '../../../core/system/within.ts'
import type { TaskServices, WorkerServices } from '../task-builder.ts'
import type { RunnableTask, TaskControl } from '../task-control.ts'
import type { IsolationConfig } from './isolation-settings.ts'
import { PluginThread } from './plugin-thread.ts'
import { plainError } from './thread-errors.ts'
import type { FencingStep, FromThread, OffsetsCall, TaskRequest, ThreadPlugins } from './thread-messages.ts'
import { ThreadReplays } from './thread-replays.ts'

/** A cancelled task may close its connections for so long. */
const CANCEL_MS = 2_000

/** `services.system` has the logger of the task. */
export async function startTaskThread(
  task: TaskRequest,
  plugins: ThreadPlugins,
  limits: IsolationConfig,
  control: TaskControl,
  services: TaskServices,
): Promise<RunnableTask> {
  const { system, offsets } = services
  const built = Promise.withResolvers<void>()
  const metrics = system.metrics.follow()

  async function answer(id: number, call: OffsetsCall): Promise<void> {
    try {
      if (control.cancelled) throw new Error('the task is cancelled and stores nothing more')
      let value: unknown = null
      if (call.method === 'append') await offsets.append(call.records)
      else {
        await offsets.refresh()
        value = offsets.stored(call.connector)
      }
      thread.send({ type: 'offsets', id, value, error: null })
    } catch (error) {
      thread.send({ type: 'offsets', id, value: null, error: plainError(error) })
    }
  }

  const fencing = services.fencingOf(task)
  async function fence(id: number, step: FencingStep): Promise<void> {
    try {
      await (step === 'verify' ? fencing.verify() : fencing.fenceOlder(control.signal))
      thread.send({ type: 'fenced', id, error: null })
    } catch (error) {
      thread.send({ type: 'fenced', id, error: plainError(error) })
    }
  }

  function onMessage(message: FromThread): void {
    if (message.type === 'built') built.resolve()
    else if (message.type === 'alive') {
      if (message.metrics) metrics.update(message.metrics)
      if (message.progress) control.progress.follow(message.progress)
      if (message.work !== undefined) control.progress.show(message.work)
    } else if (message.type === 'replayed' || message.type === 'replay ended') replays.onMessage(message)
    else if (message.type === 'topic') services.recordActiveTopic(task.connector, task.task, message.topic)
    else if (message.type === 'report') services.reportFlow(task.connector, task.task, message.report)
    else if (message.type === 'offsets') void answer(message.id, message.call)
    else if (message.type === 'fence') void fence(message.id, message.step)
  }

  const thread = new PluginThread(
    { purpose: 'task', task, ...plugins },
    {
      system,
      what: `task ${task.task} of connector ${task.connector}`,
      unresponsiveMs: limits['task.unresponsive.timeout.ms'],
      maxHeapMb: limits['task.heap.max.mb'],
      onMessage,
    },
  )
  const replays = new ThreadReplays((message) => thread.send(message))
  const end = async () => {
    replays.close()
    await thread.end()
    metrics.end()
  }
  try {
    // A task that is stopped while its plugins load runs nothing.
    await Promise.race([built.promise, thread.result, aborted(control.signal)])
  } catch (error) {
    await end()
    throw error
  }
  return {
    run: (given) => runInThread(thread, task.paused, given, services),
    replay: (letters, done) => replays.replay(letters, done),
    release: end,
  }
}

async function runInThread(thread: PluginThread, paused: boolean, control: TaskControl, { system }: WorkerServices): Promise<void> {
  const ended = new AbortController()
  const stop = () => thread.send({ type: 'stop' })
  const cancel = () => {
    thread.send({ type: 'cancel' })
    void within(system.clock, CANCEL_MS, thread.result).then(() => thread.end())
  }
  const followPauses = async () => {
    const over = AbortSignal.any([ended.signal, control.signal])
    for (let told = paused; !over.aborted; ) {
      if (control.paused !== told) {
        told = control.paused
        thread.send({ type: told ? 'pause' : 'resume' })
      }
      if (told) await Promise.race([control.awaitUnpause(), aborted(over)])
      else await aborted(AbortSignal.any([control.pauseSignal, over]))
    }
  }
  if (control.stopping) return
  control.signal.addEventListener('abort', stop, { once: true })
  control.cancellation.addEventListener('abort', cancel, { once: true })
  void followPauses()
  thread.send({ type: 'run' })
  try {
    await thread.result
  } catch (error) {
    if (!control.cancelled) throw error
  } finally {
    ended.abort()
    control.signal.removeEventListener('abort', stop)
    control.cancellation.removeEventListener('abort', cancel)
  }
}
