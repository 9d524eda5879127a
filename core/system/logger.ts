/**
 * Structured logs on standard error, one JSON line each (pino), or a readable line where a person looks on. A line names what happened,
 * where, and carries the error as `err`. Secrets never come here (Invariant 12).
 */
import { pino } from 'pino'

export interface Logger {
  error(details: object, message: string): void
  warn(details: object, message: string): void
  info(details: object, message: string): void
  debug(details: object, message: string): void
  child(bindings: object): Logger
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'silent'

export function createLogger(level: LogLevel = 'info'): Logger {
  return pino({ level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: true }))
}

const ignore = () => {}
export const silentLogger: Logger = { error: ignore, warn: ignore, info: ignore, debug: ignore, child: () => silentLogger }
