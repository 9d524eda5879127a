/**
 * The file of signals: one in JSON on each
 * line. What was read is taken out of it.
 */
import { readFile, stat, truncate } from 'node:fs/promises'
import type { TaskLogger } from '../../connect/sdk/index.ts'
import type { Signal } from './signal-message.ts'

/** A larger file holds no signals: nobody writes so many. */
const MAX_BYTES = 1024 * 1024

export class SignalFile {
  readonly #path: string
  readonly #log: TaskLogger
  readonly #timer: NodeJS.Timeout
  #reading: Promise<void> | null = null
  #lastProblem = ''

  /** `take` gets signals as they are read, every `intervalMs`. */
  constructor(path: string, intervalMs: number, log: TaskLogger, take: (signals: readonly Signal[]) => void) {
    this.#path = path
    this.#log = log
    this.#timer = setInterval(() => {
      this.#reading ??= this.#read(take).finally(() => (this.#reading = null))
    }, intervalMs)
    this.#timer.unref()
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#reading
  }

  async #read(take: (signals: readonly Signal[]) => void): Promise<void> {
    try {
      const text = await this.#lines()
      if (text !== '') take(text.split('\n').flatMap((line) => this.#signal(line)))
      this.#lastProblem = ''
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      // It may come later.
      if (code !== 'ENOENT') this.#problem(`The file of signals ${this.#path} cannot be read: ${message}`)
    }
  }

  /** Whole lines; what follows the last one is still being written. */
  async #lines(): Promise<string> {
    const { size } = await stat(this.#path)
    if (size === 0) return ''
    if (size > MAX_BYTES) {
      this.#problem(`The file of signals ${this.#path} has more than ${MAX_BYTES} bytes and is not read`)
      return ''
    }
    const text = await readFile(this.#path, 'utf8')
    if (!text.endsWith('\n') && text.length > 0 && !isJson(text.split('\n').at(-1)!)) return ''
    await truncate(this.#path, 0)
    return text
  }

  #signal(line: string): Signal[] {
    if (line.trim() === '') return []
    try {
      const { id, type, data } = JSON.parse(line) as Record<string, unknown>
      return [{ id: String(id), type: String(type), data: data === undefined || data === null ? null : JSON.stringify(data) }]
    } catch (error) {
      this.#log.warn(`A line of the file of signals ${this.#path} is ignored: ${(error as Error).message}`)
      return []
    }
  }

  /** Once, not each time. */
  #problem(message: string): void {
    if (message !== this.#lastProblem) this.#log.warn(message)
    this.#lastProblem = message
  }
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}
