/**
 * The logger of a thread: its lines go to the owner, who writes them. A plugin that logs without end does not keep the owner busy: what is
 * too much in a second is counted and left out, and what is too long is cut.
 */
import type { Clock } from '../../../core/system/clock.ts'
import type { Logger } from '../../../core/system/logger.ts'
import { cut, plainDetails } from './thread-errors.ts'
import type { FromThread, LogLevelName } from './thread-messages.ts'

/** The lines of a thread in a second (Invariant 13). */
const MAX_LINES = 500
const PERIOD_MS = 1_000

export function threadLogger(tell: (message: FromThread) => void, clock: Clock, logsDebug: boolean): Logger {
  let lines = 0
  let since = clock.monotonic()
  const write = (level: LogLevelName, bindings: object, details: object, message: string) => {
    const now = clock.monotonic()
    if (now - since >= PERIOD_MS) {
      if (lines > MAX_LINES)
        tell({ type: 'log', level: 'warn', details: { left: lines - MAX_LINES }, message: 'a task logs too much: log lines were left out' })
      since = now
      lines = 0
    }
    if (++lines <= MAX_LINES)
      tell({ type: 'log', level, details: plainDetails({ ...bindings, ...details }), message: cut(String(message)) })
  }
  const of = (bindings: object): Logger => ({
    error: (details, message) => write('error', bindings, details, message),
    warn: (details, message) => write('warn', bindings, details, message),
    info: (details, message) => write('info', bindings, details, message),
    debug: (details, message) => {
      if (logsDebug) write('debug', bindings, details, message)
    },
    child: (more) => of({ ...bindings, ...more }),
    isLevelEnabled: (level) => level !== 'debug' || logsDebug,
  })
  return of({})
}
