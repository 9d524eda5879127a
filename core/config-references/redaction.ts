/**
 * Removes what references stand for from texts for people: errors, traces, log lines (Invariant 12). A value is also found as JSON and URLs
 * write it, without white space around it, as a list, and line by line. It cannot find a part of a value that somebody else has cut out.
 */
import type { Logger } from '../system/logger.ts'

/** A shorter value is replaced only where it is a word of its own: `1` or `yes` in other words is no secret. */
const SHORT = 4
/** How deep the details of a log line are searched. */
const MAX_DEPTH = 8

export type Redact = (text: string) => string

/** The forms in which a value occurs in texts. */
function formsOf(value: string): string[] {
  const items = value.split(',').map((item) => item.trim())
  const lines = value.split(/\r?\n/).map((line) => line.trim())
  const forms = [value, value.trim(), JSON.stringify(value).slice(1, -1), encodeURIComponent(value.toWellFormed()), items.join(', ')]
  return [...forms, ...[...items, ...lines].filter((part) => part.length >= SHORT)]
}

const WORD = /[\p{L}\p{N}_]/u
const isWordAt = (text: string, at: number): boolean => WORD.test(text.charAt(at))

/** `shown` has what to write instead of each value: its reference. One pass over the text: what is written instead is not searched. */
export function redaction(shown: ReadonlyMap<string, string>): Redact {
  const instead = new Map<string, string>()
  for (const [value, reference] of shown)
    for (const form of formsOf(value)) if (form !== '' && !instead.has(form)) instead.set(form, reference)
  if (instead.size === 0) return (text) => text
  // The longest first: a value may be a part of another.
  const byFirst = Map.groupBy(
    [...instead.keys()].sort((a, b) => b.length - a.length),
    (form) => form[0]!,
  )
  const isAt = (text: string, form: string, at: number) =>
    text.startsWith(form, at) && (form.length >= SHORT || !(isWordAt(text, at - 1) || isWordAt(text, at + form.length)))
  return (text) => {
    let redacted = ''
    let copied = 0
    for (let at = 0; at < text.length; at++) {
      const found = byFirst.get(text[at]!)?.find((form) => isAt(text, form, at))
      if (found === undefined) continue
      redacted += text.slice(copied, at) + instead.get(found)!
      copied = at + found.length
      at = copied - 1
    }
    return redacted + text.slice(copied)
  }
}

/** What errors have that is not enumerable. */
const ERROR_PARTS = ['message', 'stack', 'cause', 'errors']

function redactError(error: Error, redact: Redact, depth: number): Error {
  const copy: Error = Object.create(Object.getPrototypeOf(error), Object.getOwnPropertyDescriptors(error))
  for (const name of new Set([...ERROR_PARTS, ...Object.keys(error)])) {
    const value: unknown = Reflect.get(error, name)
    if (value === undefined) continue
    const enumerable = Object.prototype.propertyIsEnumerable.call(error, name)
    Object.defineProperty(copy, name, { value: redactAll(value, redact, depth + 1), enumerable, configurable: true, writable: true })
  }
  return copy
}

/** A copy of the details of a log line, or of an error, with its texts redacted. */
export function redactAll<T>(details: T, redact: Redact, depth?: number): T
export function redactAll(details: unknown, redact: Redact, depth = 0): unknown {
  if (typeof details === 'string') return redact(details)
  if (typeof details !== 'object' || details === null) return details
  if (depth > MAX_DEPTH) return '…'
  if (details instanceof Error) return redactError(details, redact, depth)
  if (Array.isArray(details)) return details.map((item) => redactAll(item, redact, depth + 1))
  const prototype: unknown = Object.getPrototypeOf(details)
  if (prototype !== Object.prototype && prototype !== null) return details
  return Object.fromEntries(Object.entries(details).map(([name, value]) => [name, redactAll(value, redact, depth + 1)]))
}

/** Writes to `logger` what `redact` leaves. */
export function redactingLogger(logger: Logger, redact: Redact): Logger {
  const write = (level: 'error' | 'warn' | 'info' | 'debug') => (details: object, message: string) => {
    if (logger.isLevelEnabled?.(level) === false) return
    logger[level](redactAll(details, redact), redact(message))
  }
  return {
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: write('debug'),
    child: (bindings) => redactingLogger(logger.child(redactAll(bindings, redact)), redact),
    isLevelEnabled: (level) => logger.isLevelEnabled?.(level) ?? true,
  }
}
