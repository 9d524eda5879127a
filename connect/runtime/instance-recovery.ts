/**
 * What a worker does about its connectors and tasks that fail or stall, and about long work: the status says it, the history keeps it, the
 * log and the metrics show it, and what waiting may mend is restarted.
 */
import type { Redact } from '../../core/config-references/redaction.ts'
import type { TaskWork } from '../sdk/index.ts'
import type { FailureHistory } from '../storage/failure-history.ts'
import type { Status, StatusDetails } from '../storage/status-backing-store.ts'
import type { ConnectorConfig } from '../types.ts'
import { AutomaticRestarts } from './automatic-restarts.ts'
import { CONNECTOR_TASK, connectorTaskId } from './connect-protocol.ts'
import { workerMetrics } from './metrics.ts'
import { type Recovery, recoveryOf } from './recovery-settings.ts'
import { StallWatch } from './stall-watch.ts'
import type { WorkerServices } from './task-builder.ts'
import type { Stall, TaskProgress } from './task-progress.ts'
import { WorkWatch } from './work-watch.ts'

interface Watched {
  stalls: StallWatch
  work: WorkWatch
}

export interface RecoveryOwner {
  workerId: string
  /** Whether the key is still to run here. */
  mayRestart(key: string): boolean
  restart(key: string): void
  writeStatus(key: string, state: 'FAILED' | 'RUNNING', trace: string | null, details: Pick<Status, 'version'> & StatusDetails): void
}

export class InstanceRecovery {
  readonly #services: Pick<WorkerServices, 'config' | 'system'>
  readonly #failures: FailureHistory
  readonly #owner: RecoveryOwner
  readonly #restarts: AutomaticRestarts
  readonly #watches = new Map<string, Watched>()

  constructor(services: Pick<WorkerServices, 'config' | 'system'>, failures: FailureHistory, owner: RecoveryOwner) {
    this.#services = services
    this.#failures = failures
    this.#owner = owner
    this.#restarts = new AutomaticRestarts(services.system, (key) => this.#restart(key))
  }

  /** Throws where a setting of the connector is invalid: then its start fails. */
  settingsOf(config: ConnectorConfig): Recovery {
    return recoveryOf(this.#services.config, config)
  }

  started(key: string): void {
    this.#restarts.started(key)
  }

  /** It is stopped, or a user starts it: failures before do not count. */
  forget(key: string): void {
    this.#restarts.forget(key)
  }

  failed(key: string, trace: string, error: unknown, recovery: Recovery, version: string | null): void {
    const { logger, clock, metrics } = this.#services.system
    const { connector, task } = connectorTaskId(key)
    const plan = this.#owner.mayRestart(key) ? this.#restarts.failed(key, recovery.restart, error) : null
    const restartTime = plan?.nextTime ?? null
    const what = task === CONNECTOR_TASK ? 'a connector' : 'a task'
    const then = restartTime === null ? 'stays FAILED until it is restarted' : `is restarted at ${new Date(restartTime).toISOString()}`
    workerMetrics(metrics).failures.inc({ connector, task: String(task) })
    logger.error({ connector, task, trace, ...(plan ? { restart: plan } : {}) }, `${what} has failed, and ${then}`)
    this.#owner.writeStatus(key, 'FAILED', trace, { version, ...(plan ? { restart: plan } : {}) })
    this.#failures
      .add(connector, { time: clock.now(), task, workerId: this.#owner.workerId, trace, action: plan?.reason ?? 'stopping', restartTime })
      .catch((cause) => logger.warn({ err: cause, connector, task }, 'a failure could not be added to the history'))
  }

  #restart(key: string): void {
    const { logger, metrics } = this.#services.system
    const { connector, task } = connectorTaskId(key)
    if (!this.#owner.mayRestart(key)) return
    workerMetrics(metrics).restarts.inc({ connector, task: String(task) })
    logger.info({ connector, task, restarts: this.#restarts.restartsOf(key) }, 'a failed connector or task is restarted')
    this.#owner.restart(key)
  }

  /** A task runs. */
  watch(key: string, progress: TaskProgress, { stallTimeoutMs }: Recovery, version: string | null, redact: Redact): void {
    this.endWatch(key)
    const { clock } = this.#services.system
    const details: StatusDetails = {}
    const write = () => this.#owner.writeStatus(key, 'RUNNING', null, { version, ...details })
    const stalls = new StallWatch(clock, progress, stallTimeoutMs, (stall) => {
      this.#onStall(key, stall, stallTimeoutMs)
      if (stall) details.stalled = stall
      else delete details.stalled
      write()
    })
    const work = new WorkWatch(clock, progress, (shown) => {
      if (shown) details.progress = redactedWork(shown, redact)
      else delete details.progress
      write()
    })
    this.#watches.set(key, { stalls, work })
  }

  /** It pauses, fails or stops. */
  endWatch(key: string): void {
    const watch = this.#watches.get(key)
    if (!watch) return
    watch.stalls.cancel()
    watch.work.cancel()
    this.#watches.delete(key)
    const { connector, task } = connectorTaskId(key)
    workerMetrics(this.#services.system.metrics).stalled.remove({ connector, task: String(task) })
  }

  #onStall(key: string, stall: Stall | null, timeoutMs: number): void {
    const { logger, metrics } = this.#services.system
    const { connector, task } = connectorTaskId(key)
    const labels = { connector, task: String(task) }
    workerMetrics(metrics).stalled.set(labels, stall ? 1 : 0)
    if (stall) {
      workerMetrics(metrics).stalls.inc(labels)
      const since = new Date(stall.since).toISOString()
      logger.warn({ connector, task, stall }, `a task has made no progress for ${timeoutMs} ms: it waits in ${stall.stage} since ${since}`)
    } else logger.info({ connector, task }, 'a task that had stalled makes progress again')
  }

  close(): void {
    this.#restarts.close()
    for (const key of [...this.#watches.keys()]) this.endWatch(key)
  }
}

/** A connector may quote its config. */
const redactedWork = (work: TaskWork, redact: Redact): TaskWork =>
  Object.fromEntries(
    Object.entries(work).map(([name, value]) => [name, typeof value === 'string' ? redact(value) : value]),
  ) as unknown as TaskWork
