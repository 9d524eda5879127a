/**
 * Reads the rows of COPY … TO STDOUT in text format. It reads ahead up to a limit and then leaves the rest in the socket, so that the
 * server waits. Fields are decoded once; there is no promise per row.
 */
import type pg from 'pg'
import type { TextRow } from './types.ts'

/**
 * Rows are read ahead up to this size (Invariant 13). Those of more would outlive the collections of new objects, which costs more than
 * reading them.
 */
const READ_AHEAD_BYTES = 256 * 1024

const NEWLINE = 0x0a
const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

/** The part of pg's connection that is used: its messages go to the query that was submitted. */
interface Wire {
  query(text: string): void
  stream: { pause(): void; resume(): void }
}

/** The fields of a line of COPY's text format. */
export function copyFields(line: string): (string | null)[] {
  const fields: (string | null)[] = line.split('\t')
  // Without a backslash there is neither NULL nor an escape.
  if (line.indexOf('\\') === -1) return fields
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index]!
    if (field === '\\N') fields[index] = null
    else if (field.indexOf('\\') !== -1) fields[index] = unescaped(field)
  }
  return fields
}

const unescaped = (field: string): string => field.replace(/\\(.)/gs, (_, character: string) => ESCAPES[character] ?? character)

export class CopyReader {
  readonly #readAheadRows: number
  #wire: Wire | null = null
  #rows: TextRow[] = []
  #bytes = 0
  #partial: Buffer | null = null
  #paused = false
  #done = false
  #error: unknown = null
  #wake: (() => void) | null = null

  /** `sql` is a COPY … TO STDOUT. One at a time on a client. */
  constructor(client: pg.Client, sql: string, readAheadRows: number) {
    this.#readAheadRows = readAheadRows
    // The shape of what pg calls a submittable: it gets the messages of its query.
    client.query({
      submit: (wire: Wire) => {
        this.#wire = wire
        wire.query(sql)
      },
      handleCopyData: (message: { chunk: Buffer }) => this.#take(message.chunk),
      handleCommandComplete: () => {},
      handleReadyForQuery: () => this.#end(null),
      handleError: (error: unknown) => this.#end(error),
    } as never)
  }

  /** The next rows, as many as have arrived; none at the end. Rejects with the error of the server or of the connection. */
  async next(): Promise<readonly TextRow[]> {
    while (this.#rows.length === 0 && !this.#done) await new Promise<void>((resolve) => (this.#wake = resolve))
    if (this.#error) throw this.#error
    const rows = this.#rows
    this.#rows = []
    this.#bytes = 0
    if (this.#paused) {
      this.#paused = false
      this.#wire?.stream.resume()
    }
    return rows
  }

  #take(chunk: Buffer): void {
    // Each message is a row so far, but the protocol lets a server divide rows as it likes.
    const data = this.#partial ? Buffer.concat([this.#partial, chunk]) : chunk
    this.#partial = null
    let start = 0
    if (data[data.length - 1] === NEWLINE && data.indexOf(NEWLINE) === data.length - 1) {
      this.#rows.push(copyFields(data.toString('utf8', 0, data.length - 1)))
      start = data.length
    }
    for (let end = data.indexOf(NEWLINE, start); end !== -1; end = data.indexOf(NEWLINE, start)) {
      this.#rows.push(copyFields(data.toString('utf8', start, end)))
      start = end + 1
    }
    if (start < data.length) this.#partial = Buffer.from(data.subarray(start))
    this.#bytes += chunk.length
    if (!this.#paused && (this.#rows.length >= this.#readAheadRows || this.#bytes >= READ_AHEAD_BYTES)) {
      this.#paused = true
      this.#wire?.stream.pause()
    }
    this.#wakeReader()
  }

  #end(error: unknown): void {
    this.#error ??= error
    this.#done = true
    this.#wakeReader()
  }

  #wakeReader(): void {
    const wake = this.#wake
    this.#wake = null
    wake?.()
  }
}
