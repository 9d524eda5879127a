/**
 * A process that runs until it is told to stop: the first SIGINT, SIGTERM or SIGHUP stops it cleanly within 5 s with exit code 0, a second
 * ends it at once; what nohup started goes on after a SIGHUP. What is still starting is given up after 2 s. What nobody caught is logged and ends the process with 1: a process that goes
 * on in a state nobody knows is worse than one that ends.
 */
import type { System } from '../core/system/index.ts'
import type { Running } from './command.ts'
import { explain } from './user-error.ts'

export const STOP_DEADLINE_MS = 5_000
/** What is still starting may end what it is at; it holds nothing yet that a crash would not leave whole. */
const GIVE_UP_STARTING_MS = 2_000
/** One Ctrl-C comes twice where npm started us: from the terminal, and again from npm, which passes it on. */
const SAME_PRESS_MS = 500
/** 128 and the number of the signal, as a shell tells it. */
const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
type Signal = keyof typeof codes

export interface Lifecycle {
  readonly stopping: AbortSignal
  /** Asks it to stop, as a signal does; asking again changes nothing. */
  stop(): void
  /** Resolves with the exit code when the process was asked to stop and has. */
  runs(running: Running): Promise<number>
}

/** `endsByItself`: what runs is no service that starts, and clears up after itself however early it is stopped. */
export function lifecycle(system: System, { endsByItself = false } = {}): Lifecycle {
  const stop = new AbortController()
  // the process ends when it is told to, and never because all that it waits for happens not to hold it
  setInterval(() => {}, 2 ** 30)
  let started = endsByItself
  let askedAt = Number.NEGATIVE_INFINITY
  const ask = () => {
    if (stop.signal.aborted) return
    askedAt = performance.now()
    setTimeout(() => {
      if (!started) process.exit(0)
    }, GIVE_UP_STARTING_MS)
    setTimeout(() => {
      process.stderr.write(`tributary: not stopped within ${STOP_DEADLINE_MS / 1000} s; ending now.\n`)
      process.exit(1)
    }, STOP_DEADLINE_MS)
    stop.abort()
  }
  for (const signal of Object.keys(codes) as Signal[]) {
    process.on(signal, () => {
      if (signal === 'SIGHUP' && process.env.TRIBUTARY_NOHUP) return
      if (stop.signal.aborted && performance.now() - askedAt > SAME_PRESS_MS) process.exit(codes[signal])
      ask()
    })
  }

  const onStray = (kind: string) => (error: unknown) => {
    system.logger.error({ err: error }, kind)
    process.stderr.write(`tributary: ${kind}: ${explain(error)}\nThis is a fault of Tributary's own; the log has its stack.\n`)
    process.exit(1)
  }
  process.on('uncaughtException', onStray('an error that nobody handled'))
  process.on('unhandledRejection', onStray('a rejection that nobody handled'))

  return {
    stopping: stop.signal,
    stop: ask,
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
