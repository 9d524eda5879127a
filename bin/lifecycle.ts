/**
 * A process that runs until it is told to stop: the first SIGINT or SIGTERM stops it cleanly within 5 s with exit code 0, a second ends it at
 * once. What is still starting is given up after 2 s. What nobody caught is logged and ends the process with 1: a process that goes on in a state nobody knows is worse than one that ends.
 */
import type { System } from '../core/system/index.ts'
import type { Running } from './command.ts'
import { explain } from './complaint.ts'

export const STOP_DEADLINE_MS = 5_000
/** What is still starting may end what it is at; it holds nothing yet that a crash would not leave whole. */
const GIVE_UP_STARTING_MS = 2_000
/** 128 and the number of the signal, as a shell tells it. */
const codes = { SIGINT: 130, SIGTERM: 143 } as const

export interface Lifecycle {
  readonly stopping: AbortSignal
  /** Resolves with the exit code when the process was asked to stop and has. */
  runs(running: Running): Promise<number>
}

export function lifecycle(system: System): Lifecycle {
  const stop = new AbortController()
  // the process ends when it is told to, and never because all that it waits for happens not to hold it
  setInterval(() => {}, 2 ** 30)
  let started = false
  const onSignal = (signal: 'SIGINT' | 'SIGTERM') => {
    if (stop.signal.aborted) process.exit(codes[signal])
    setTimeout(() => {
      if (!started) process.exit(0)
    }, GIVE_UP_STARTING_MS)
    setTimeout(() => {
      process.stderr.write(`tributary: not stopped within ${STOP_DEADLINE_MS / 1000} s; ending now.\n`)
      process.exit(1)
    }, STOP_DEADLINE_MS)
    stop.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)

  const onStray = (kind: string) => (error: unknown) => {
    system.logger.error({ err: error }, kind)
    process.stderr.write(`tributary: ${kind}: ${explain(error)}\nThis is a fault of Tributary's own; the log has its stack.\n`)
    process.exit(1)
  }
  process.on('uncaughtException', onStray('an error that nobody handled'))
  process.on('unhandledRejection', onStray('a rejection that nobody handled'))

  return {
    stopping: stop.signal,
    async runs(running) {
      started = true
      try {
        await (running.failed ? Promise.race([aborted(stop.signal), running.failed]) : aborted(stop.signal))
      } finally {
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
