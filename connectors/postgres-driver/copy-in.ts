/**
 * COPY … FROM STDIN as a query of the driver: it sends all rows at once, and its callback gets the error of the server, if there is one.
 */
import type pg from 'pg'

/** The messages of a connection that the driver has and its types leave out. */
interface CopyConnection {
  query(text: string): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
}

const CHUNK_BYTES = 256 * 1024

export class CopyIn implements pg.Submittable {
  readonly #text: string
  readonly #data: Buffer
  #failed = false
  /** The driver calls it, too, when a response takes too long. */
  callback: (error: Error | null) => void

  constructor(text: string, data: Buffer, callback: (error: Error | null) => void) {
    this.#text = text
    this.#data = data
    this.callback = callback
  }

  submit(connection: pg.Connection): void {
    ;(connection as unknown as CopyConnection).query(this.#text)
  }

  handleCopyInResponse(connection: CopyConnection): void {
    for (let from = 0; from < this.#data.length; from += CHUNK_BYTES)
      connection.sendCopyFromChunk(this.#data.subarray(from, from + CHUNK_BYTES))
    connection.endCopyFrom()
  }

  handleError(error: Error): void {
    this.#failed = true
    this.callback(error)
  }

  handleReadyForQuery(): void {
    if (!this.#failed) this.callback(null)
  }

  // The driver calls these of every query.
  handleCommandComplete(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
}
