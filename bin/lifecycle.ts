/**
 * The signals and the exit of a process with services. The first SIGINT, SIGTERM or SIGHUP stops it cleanly within 5 s with exit code 0, a
 * second one ends it at once; under nohup it ignores SIGHUP. A process that is still starting ends after 2 s. An error that was not caught
 * is logged and ends the process with exit code 1, because its state is unknown.
 */
import type { System } from '../core/system/index.ts'
import { exitProcess } from '../core/system/process-exit.ts'
import type { Running } from './command.ts'
import { releaseStartupMemory } from './startup-memory.ts'
import { explain } from './user-error.ts'

const STOP_DEADLINE_MS = 5_000
/** A command that is still starting may end its current step; a crash at this point loses nothing. */
const START_DEADLINE_MS = 2_000
/** Under npm one Ctrl-C arrives twice: from the terminal, and again from npm. */
const SAME_PRESS_MS = 500
/** 128 and the number of the signal, as in a shell. */
const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
type Signal = keyof typeof codes

export interface Lifecycle {
  readonly stopping: AbortSignal
  /** Stops it as a signal does; a second call changes nothing. */
  stop(): void
  /** Resolves with the exit code after the services have stopped. */
  runs(running: Running): Promise<number>
}

/** `endsByItself`: the command is not a service, and cleans up even if it is stopped while it starts. */
export function lifecycle(system: System, { endsByItself = false } = {}): Lifecycle {
  const stop = new AbortController()
  // Keeps the process alive until it is stopped, even if no socket or timer does.
  setInterval(() => {}, 2 ** 30)
  let started = endsByItself
  let stoppedAt = Number.NEGATIVE_INFINITY
  const requestStop = () => {
    if (stop.signal.aborted) return
    stoppedAt = performance.now()
    setTimeout(() => {
      if (!started) exitProcess(0)
    }, START_DEADLINE_MS)
    setTimeout(() => {
      process.stderr.write(`tributary: not stopped within ${STOP_DEADLINE_MS / 1000} s; ending now.\n`)
      exitProcess(1)
    }, STOP_DEADLINE_MS)
    stop.abort()
  }
  for (const signal of Object.keys(codes) as Signal[]) {
    process.on(signal, () => {
      if (signal === 'SIGHUP' && process.env.TRIBUTARY_NOHUP) return
      if (stop.signal.aborted && performance.now() - stoppedAt > SAME_PRESS_MS) exitProcess(codes[signal])
      requestStop()
    })
  }

  const onUncaught = (kind: string) => (error: unknown) => {
    system.logger.error({ err: error }, kind)
    process.stderr.write(`tributary: ${kind}: ${explain(error)}\nThis is a bug in Tributary; the log has the stack trace.\n`)
    exitProcess(1)
  }
  process.on('uncaughtException', onUncaught('uncaught error'))
  process.on('unhandledRejection', onUncaught('unhandled promise rejection'))

  return {
    stopping: stop.signal,
    stop: requestStop,
    async runs(running) {
      started = true
      const keepMemory = releaseStartupMemory()
      try {
        await (running.failed ? Promise.race([aborted(stop.signal), running.failed]) : aborted(stop.signal))
      } finally {
        keepMemory()
        await running.stop()
      }
      return 0
    },
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
