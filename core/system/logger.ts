/**
 * Structured logs on standard error: one JSON line each (pino), or a readable line on a terminal. A line says what happened and where, and
 * has the error as `err`. Secrets are never logged (Invariant 12). Levels can be changed while the process runs, as with Kafka's loggers.
 */
import { type Logger as Pino, pino } from 'pino'
import { readableLine } from './readable-log.ts'

export interface Logger {
  error(details: object, message: string): void
  warn(details: object, message: string): void
  info(details: object, message: string): void
  debug(details: object, message: string): void
  child(bindings: object): Logger
  /** Whether lines of the level are written: lines that are costly to build ask first. A logger without it writes all. */
  isLevelEnabled?(level: LogLevel): boolean
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'silent'

/** Kafka's levels. FATAL and TRACE do not exist here and mean the nearest level. */
export const kafkaLevels: Readonly<Record<string, LogLevel>> = {
  OFF: 'silent',
  FATAL: 'error',
  ERROR: 'error',
  WARN: 'warn',
  INFO: 'info',
  DEBUG: 'debug',
  TRACE: 'debug',
}
export const kafkaLevelNames: Readonly<Record<LogLevel, string>> = {
  silent: 'OFF',
  error: 'ERROR',
  warn: 'WARN',
  info: 'INFO',
  debug: 'DEBUG',
}

/** The name of the logger that all others are children of. */
export const ROOT_LOGGER = 'root'

/**
 * The levels of a logger and its children. A child that is created with `{ part: 'name' }` has that name; the other children have the
 * root's level.
 */
export interface LogLevels {
  list(): Map<string, LogLevel>
  /** Sets the level of one name, or of all where it is `root`. Returns the names whose level has changed. */
  set(name: string, level: LogLevel): string[]
  /** As Kafka Connect: also of those below it, `name.…`. Returns those whose level has changed, in order, and notes the time. */
  setNamespace(name: string, level: LogLevel, nowMs: number): string[]
  /** When `setNamespace` has changed a name; null where it has not. */
  changedAt(name: string): number | null
}

const terminal = { write: (line: string) => void process.stderr.write(readableLine(line)) }

/** Writes the level's name instead of pino's number. */
const levelName = (level: string) => ({ level })

const levelsOf = new WeakMap<Logger, LogLevels>()

export function createLogger(level: LogLevel = 'info'): Logger {
  const named = new Map<string, LogLevel>()
  const changedAt = new Map<string, number>()
  const children = new Children()
  const options = { level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: levelName }, onChild }
  const root: Pino = pino(options, process.stderr.isTTY ? terminal : pino.destination({ dest: 2, sync: true }))

  function onChild(child: Pino): void {
    const name = partOf(child)
    children.add(child)
    if (name === undefined) return
    const childLevel = named.get(name) ?? (root.level as LogLevel)
    named.set(name, childLevel)
    child.level = childLevel
  }

  const levels: LogLevels = {
    changedAt: (name) => changedAt.get(name) ?? null,
    setNamespace(name, to, nowMs) {
      const below = name === ROOT_LOGGER ? [] : [...named.keys()].filter((other) => other.startsWith(`${name}.`))
      // A name that has not logged yet has the level of the root.
      const isNew = name !== ROOT_LOGGER && !named.has(name)
      const same = isNew && root.level === to ? [name] : []
      const changed = [name, ...below].flatMap((target) => levels.set(target, to)).filter((target) => !same.includes(target))
      for (const target of changed) changedAt.set(target, nowMs)
      return changed.sort()
    },
    list: () => new Map([[ROOT_LOGGER, root.level as LogLevel], ...named]),
    set(name, to) {
      const changed: string[] = []
      for (const target of name === ROOT_LOGGER ? [ROOT_LOGGER, ...named.keys()] : [name]) {
        const before = target === ROOT_LOGGER ? root.level : named.get(target)
        if (before !== to) changed.push(target)
        if (target === ROOT_LOGGER) root.level = to
        else named.set(target, to)
      }
      children.forEach((child) => {
        if (name === ROOT_LOGGER || partOf(child) === name) child.level = to
      })
      return changed
    },
  }
  levelsOf.set(root, levels)
  return root
}

/** Undefined for a logger whose levels cannot be changed, for example the silent one. */
export const logLevels = (logger: Logger): LogLevels | undefined => levelsOf.get(logger)

function partOf(child: Pino): string | undefined {
  const { part } = child.bindings() as { part?: unknown }
  return typeof part === 'string' ? part : undefined
}

/** Child loggers, which end with their connections and tasks: weak references. Ended ones are removed whenever the number has doubled. */
class Children {
  #references: WeakRef<Pino>[] = []
  #sweepAt = 64

  add(child: Pino): void {
    this.#references.push(new WeakRef(child))
    if (this.#references.length < this.#sweepAt) return
    this.#references = this.#references.filter((reference) => reference.deref() !== undefined)
    this.#sweepAt = Math.max(64, this.#references.length * 2)
  }

  forEach(visit: (child: Pino) => void): void {
    for (const reference of this.#references) {
      const child = reference.deref()
      if (child) visit(child)
    }
  }
}

const ignore = () => {}
export const silentLogger: Logger = {
  error: ignore,
  warn: ignore,
  info: ignore,
  debug: ignore,
  child: () => silentLogger,
  isLevelEnabled: () => false,
}
