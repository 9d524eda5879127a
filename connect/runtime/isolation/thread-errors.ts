/**
 * Errors that pass from one thread to another. A structured clone keeps neither the names of our errors nor their codes: here they are
 * plain data, with their causes, and become errors again that look the same in traces and logs.
 */
import { ConnectError } from '../../types.ts'

export interface PlainError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  /** A ConnectError's. */
  readonly status: number | undefined
  readonly code: string | number | undefined
  readonly cause: PlainError | string | undefined
}

/** Causes of causes, as deep as a trace shows them. */
const MAX_CAUSES = 10
/** A message or a stack is cut there. */
const MAX_TEXT = 64 * 1024

export const cut = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)} …` : text)

/** What was thrown may have getters that throw, or no text. */
function textOf(read: () => unknown): string {
  try {
    return cut(String(read()))
  } catch {
    return 'what was thrown cannot be read'
  }
}
const codeOf = (error: Error): string | number | undefined => {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' || typeof code === 'number' ? code : undefined
}

/** What was thrown and is no error is a text. It never throws: what cannot be read of an error is said to be so. */
export function plainError(thrown: unknown, depth = 0): PlainError {
  try {
    return readError(thrown instanceof Error ? thrown : new Error(cut(String(thrown))), depth)
  } catch {
    const error = new Error(textOf(() => (thrown as { message?: unknown }).message))
    return readError(error, MAX_CAUSES)
  }
}

function readError(error: Error, depth: number): PlainError {
  const { cause } = error
  return {
    name: String(error.name),
    message: cut(String(error.message)),
    stack: error.stack === undefined ? undefined : cut(String(error.stack)),
    status: error instanceof ConnectError ? error.status : undefined,
    code: codeOf(error),
    cause:
      cause === undefined || cause === null || depth >= MAX_CAUSES
        ? undefined
        : cause instanceof Error
          ? plainError(cause, depth + 1)
          : textOf(() => cause),
  }
}

export function errorOf({ name, message, stack, status, code, cause }: PlainError): Error {
  const options = cause === undefined ? undefined : { cause: typeof cause === 'string' ? cause : errorOf(cause) }
  const error = status === undefined ? new Error(message, options) : new ConnectError(status, message, options)
  if (error.name !== name) Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  error.stack = stack
  if (code !== undefined) Object.assign(error, { code })
  return error
}

/** Details of a log line: errors are plain data in them, and what no thread can pass on is text. */
export function plainDetails(details: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => [name, value instanceof Error ? { [ERROR]: plainError(value) } : cloneable(value)]),
  )
}

const ERROR = '@error'

export function detailsOf(plain: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(plain).map(([name, value]) => {
      const error = typeof value === 'object' && value !== null ? (value as Record<string, PlainError>)[ERROR] : undefined
      return [name, error ? errorOf(error) : value]
    }),
  )
}

/** What is longer than a text may be is cut: it would keep the owner busy. */
function cloneable(value: unknown): unknown {
  if (typeof value === 'string') return cut(value)
  if (value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol')) return value
  try {
    const text = jsonOf(value)
    return text !== undefined && text.length > MAX_TEXT ? cut(text) : structuredClone(value)
  } catch {
    // A class with methods, or a function: what it prints is all that a log line shows of it.
    return textOf(() => value)
  }
}

/** Undefined where it has none, as of a circle. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}
