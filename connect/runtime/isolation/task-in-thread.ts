/**
 * A task inside its thread: it is built and run as in the worker itself, with clients of its own; positions, active topics, reports,
 * metrics and log lines go to the owner as messages, none of them per record.
 */
import type { MessagePort } from 'node:worker_threads'
import { realSystem } from '../../../core/system/index.ts'
import { versionRange } from '../../plugins/version-range.ts'
import type { Plugins } from '../../plugins.ts'
import { OffsetBackingStore } from '../../storage/offset-backing-store.ts'
import { ConnectorOffsetStores } from '../connector-offset-stores.ts'
import { ConnectMetrics } from '../observation/connect-metrics.ts'
import { ObservedParts } from '../observation/observed-parts.ts'
import { openTracing } from '../observation/tracing.ts'
import { buildTask } from '../task-builder.ts'
import { TaskControl } from '../task-control.ts'
import { TaskProgress } from '../task-progress.ts'
import { workerClients } from '../worker-clients.ts'
import { parseWorkerSettings } from '../worker-settings.ts'
import { RemoteFencing } from './remote-fencing.ts'
import { RemoteOffsetLog } from './remote-offset-log.ts'
import { ReplaysInThread } from './replays-in-thread.ts'
import { threadLogger } from './thread-logger.ts'
import type { FromThread, TaskRequest, ToThread } from './thread-messages.ts'

const ALIVE_MS = 1_000

/** Settles as the task's run does. */
export async function runTask(request: TaskRequest, plugins: Plugins, port: MessagePort): Promise<void> {
  const tell = (message: FromThread) => port.postMessage(message)
  const real = realSystem('silent')
  const system = { ...real, logger: threadLogger(tell, real.clock, request.logsDebug) }
  const config = parseWorkerSettings(request.properties)
  const log = new RemoteOffsetLog(request.connector, (id, call) => tell({ type: 'offsets', id, call }))
  const offsets = new OffsetBackingStore(log, (message, key) => system.logger.warn({ key }, message))
  const fencing = new RemoteFencing((id, step) => tell({ type: 'fence', id, step }))
  const control = new TaskControl(request.paused, new TaskProgress(real.clock))
  const replays = new ReplaysInThread(tell)
  const started = Promise.withResolvers<void>()
  port.on('message', (message: ToThread) => {
    if (message.type === 'offsets') log.onAnswer(message.id, message.value, message.error)
    else if (message.type === 'fenced') fencing.onAnswer(message.id, message.error)
    else if (message.type === 'pause') control.pause()
    else if (message.type === 'resume') control.resume()
    else if (message.type === 'stop') control.stop()
    else if (message.type === 'cancel') control.cancel()
    else if (message.type === 'run') started.resolve()
    else if (message.type === 'replay') void replays.run(message.id, message.letters)
    else if (message.type === 'marked') replays.onMarked(message.id, message.error)
  })
  const sendMetrics = async () => {
    const metrics = await system.metrics.snapshot()
    tell({ type: 'alive', metrics, progress: control.progress.ages(), work: control.progress.work })
  }
  const clients = workerClients(request.properties, config, request.workerId, request.systemProperties, system)
  const topics = new Set<string>()
  const alive = system.clock.every(ALIVE_MS, () => {
    // They are told again from time to time: a user may have reset them.
    topics.clear()
    void sendMetrics()
  })
  const metrics = new ConnectMetrics(system.metrics, () => real.clock.now(), true)
  metrics.windows = { windowMs: config['metrics.sample.window.ms'], samples: config['metrics.num.samples'] }
  const tracing = await openTracing(config['tracing.otlp.endpoint'], request.workerId, system)
  try {
    await offsets.start()
    const plugin = plugins.connector(request.connectorClass, versionRange(request.connectorVersion))
    const task = await buildTask(plugin, request, request.config, control, {
      clients: clients.ofConnectors,
      plugins,
      properties: request.properties,
      config,
      offsets,
      offsetStores: new ConnectorOffsetStores({
        config,
        properties: request.properties,
        ofWorker: offsets,
        isStandalone: request.isStandalone,
        system,
      }),
      fencingOf: () => fencing,
      system,
      isolation: null,
      metrics,
      observe: (connector, number, type, facts, stages) =>
        new ObservedParts(
          metrics.taskStarted(connector, number, type, facts, stages),
          tracing?.task(connector, number) ?? null,
          real.clock,
        ),
      secrets: request.secrets,
      recordActiveTopic(_connector, _task, topic) {
        if (topics.has(topic)) return
        topics.add(topic)
        tell({ type: 'topic', topic })
      },
      reportFlow: (_connector, _task, report) => tell({ type: 'report', report }),
    })
    try {
      tell({ type: 'built' })
      await started.promise
      replays.task = task
      await task.run(control)
    } finally {
      replays.task = null
      await task.release?.()
    }
  } finally {
    alive.cancel()
    await clients.close()
    await tracing?.close()
    await sendMetrics()
  }
}
