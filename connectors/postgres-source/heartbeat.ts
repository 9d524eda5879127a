/**
 * Heartbeats: a record in a topic of their own from time to time, so that positions are stored though nothing is captured, and a statement
 * that is run with each. Where the statement fails for a reason that lasts, the task fails.
 */
import { type Header, Retriable, type SourceRecord, schemas, sourceRecord, type TaskLogger } from '../../connect/sdk/index.ts'
import type { Database } from './database.ts'

const KEY_SCHEMA = schemas.struct({ serverName: schemas.string() }, { name: 'io.debezium.connector.common.ServerNameKey', version: 1 })
const VALUE_SCHEMA = schemas.struct({ ts_ms: schemas.int64() }, { name: 'io.debezium.connector.common.Heartbeat', version: 1 })

export interface HeartbeatOptions {
  /** 0 is never. */
  intervalMs: number
  topic: string
  prefix: string
  actionQuery: string | null
  database: Database
  headers: readonly Header[]
  log: TaskLogger
}

export class Heartbeat {
  readonly #options: HeartbeatOptions
  #dueMs: number
  #running: Promise<void> | null = null
  #failure: Error | null = null

  /** `nowMs` is of a clock that never goes back, as everywhere here. */
  constructor(options: HeartbeatOptions, nowMs: number) {
    this.#options = options
    this.#dueMs = nowMs + options.intervalMs
  }

  /** How long until the next one, in ms. */
  dueInMs(nowMs: number): number {
    return this.#options.intervalMs === 0 ? Number.POSITIVE_INFINITY : Math.max(this.#dueMs - nowMs, 0)
  }

  /** The record, where one is due. Throws what made the statement of an earlier one fail. */
  next(nowMs: number): SourceRecord | null {
    if (this.#failure) throw this.#failure
    const { intervalMs, topic, prefix, headers } = this.#options
    if (intervalMs === 0 || nowMs < this.#dueMs) return null
    this.#dueMs = nowMs + intervalMs
    this.#act()
    return sourceRecord({
      topic,
      partition: 0,
      key: { serverName: prefix },
      keySchema: KEY_SCHEMA,
      value: { ts_ms: Date.now() },
      valueSchema: VALUE_SCHEMA,
      headers,
    })
  }

  /** The stream does not wait for the statement, and one that is slow is not run again meanwhile. */
  #act(): void {
    const { actionQuery, database, log } = this.#options
    if (actionQuery === null || this.#running) return
    this.#running = database
      .query(actionQuery)
      .then(
        () => {},
        (error: Error) => {
          if (error instanceof Retriable)
            log.warn(`heartbeat.action.query failed and is run again with the next heartbeat: ${error.message}`)
          else
            this.#failure = new Error(`heartbeat.action.query fails: ${error.message}. Correct it, or grant what it needs.`, {
              cause: error,
            })
        },
      )
      .finally(() => {
        this.#running = null
      })
  }
}
