/**
 * Structured logs on standard error, one JSON line each (pino), or a readable line where a person looks on. A line names what happened,
 * where, and carries the error as `err`. Secrets never come here (Invariant 12). Levels can be changed while the process runs.
 */
import { type Logger as Pino, pino } from 'pino'
import { readableLine } from './readable-log.ts'

export interface Logger {
  error(details: object, message: string): void
  warn(details: object, message: string): void
  info(details: object, message: string): void
  debug(details: object, message: string): void
  child(bindings: object): Logger
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'silent'

/** The name of the logger that all others come from. */
export const ROOT_LOGGER = 'root'

/** The levels of a logger and of all that came from it. A child made with `{ part: 'name' }` has that name; the others follow the root. */
export interface LogLevels {
  list(): Map<string, LogLevel>
  /** Sets the level of one name, or of all where it is `root`; the names whose level is another now. */
  set(name: string, level: LogLevel): string[]
}

const forPeople = { write: (line: string) => void process.stderr.write(readableLine(line)) }

/** Pino's own lines have a number, which people and log collectors would have to look up. */
const asWord = (level: string) => ({ level })

const levelsOf = new WeakMap<Logger, LogLevels>()

export function createLogger(level: LogLevel = 'info'): Logger {
  const named = new Map<string, LogLevel>()
  const children = new Children()
  const options = { level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: asWord }, onChild }
  const root: Pino = pino(options, process.stderr.isTTY ? forPeople : pino.destination({ dest: 2, sync: true }))

  function onChild(child: Pino): void {
    const name = partOf(child)
    children.add(child)
    if (name === undefined) return
    const wanted = named.get(name) ?? (root.level as LogLevel)
    named.set(name, wanted)
    child.level = wanted
  }

  levelsOf.set(root, {
    list: () => new Map([[ROOT_LOGGER, root.level as LogLevel], ...named]),
    set(name, to) {
      const changed: string[] = []
      for (const each of name === ROOT_LOGGER ? [ROOT_LOGGER, ...named.keys()] : [name]) {
        const before = each === ROOT_LOGGER ? root.level : named.get(each)
        if (before !== to) changed.push(each)
        if (each === ROOT_LOGGER) root.level = to
        else named.set(each, to)
      }
      children.each((child) => {
        if (name === ROOT_LOGGER || partOf(child) === name) child.level = to
      })
      return changed
    },
  })
  return root
}

/** Nothing for a logger whose levels cannot be changed, as the silent one's. */
export const logLevels = (logger: Logger): LogLevels | undefined => levelsOf.get(logger)

function partOf(child: Pino): string | undefined {
  const { part } = child.bindings() as { part?: unknown }
  return typeof part === 'string' ? part : undefined
}

/** Loggers come and go with connections and tasks: they are held weakly, and the empty holds are swept as their number doubles. */
class Children {
  #held: WeakRef<Pino>[] = []
  #sweepAt = 64

  add(child: Pino): void {
    this.#held.push(new WeakRef(child))
    if (this.#held.length < this.#sweepAt) return
    this.#held = this.#held.filter((held) => held.deref() !== undefined)
    this.#sweepAt = Math.max(64, this.#held.length * 2)
  }

  each(visit: (child: Pino) => void): void {
    for (const held of this.#held) {
      const child = held.deref()
      if (child) visit(child)
    }
  }
}

const ignore = () => {}
export const silentLogger: Logger = { error: ignore, warn: ignore, info: ignore, debug: ignore, child: () => silentLogger }
