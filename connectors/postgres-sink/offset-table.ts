/**
 * The offsets of what is written, in a table of the same database and in the transactions of the rows: each record is written once. A task
 * takes a partition over by raising its epoch, so that a task that has lost it, and does not know yet, can write nothing more.
 */
import type { SinkOffset, SinkRecord, SinkTopicPartition, TaskLogger } from '../../connect/sdk/index.ts'
import { partitionKey, Retriable } from '../../connect/sdk/index.ts'
import { type PostgresConnection, sqlStateOf } from '../postgres-driver/connection.ts'
import { tableName } from './names.ts'

interface StoredRow {
  topic: string
  partition: number
  next_offset: string
  last_timestamp: string | null
  rejected: string[]
  epoch: string
}

interface Claim extends SinkTopicPartition {
  epoch: string
  next: number
  lastTimestamp: number | null
  /**
   * Offsets before `next` of records that were rejected, until the dead-letter queue is known to have them: they are delivered again after
   * a crash, and must be rejected again.
   */
  rejected: Set<number>
}

interface Progress {
  next: number
  lastTimestamp: number | null
}

export interface OffsetTableOptions {
  connection: PostgresConnection
  /** May name a schema before a dot. */
  table: string
  connector: string
  committed: (() => Promise<readonly SinkOffset[]>) | undefined
  log: TaskLogger
}

export class OffsetTable {
  readonly #options: OffsetTableOptions
  readonly #sql: string
  readonly #claims = new Map<string, Claim>()
  #exists = false
  /** The offsets of the flush before: when the next one begins, its dead letters are durable. */
  #flushed: readonly SinkOffset[] = []
  #pending = new Map<Claim, Progress>()

  constructor(options: OffsetTableOptions) {
    this.#options = options
    const dot = options.table.indexOf('.')
    this.#sql = tableName(dot < 0 ? null : options.table.slice(0, dot), options.table.slice(dot + 1)).sql
  }

  /** Partitions that come or go are taken over again when they have records. */
  forget(partitions: readonly SinkTopicPartition[]): void {
    for (const partition of partitions) this.#claims.delete(partitionKey(partition))
  }

  /** After an error nobody knows whether the last transaction was committed. */
  forgetAll(): void {
    this.#claims.clear()
  }

  /** Takes over the partitions of these records. Replayed dead letters have none: they are written whenever they are replayed. */
  async prepare(records: readonly SinkRecord[]): Promise<void> {
    const missing = new Map<string, SinkTopicPartition>()
    for (const { topic, partition, replayOf } of records) {
      if (replayOf) continue
      const key = partitionKey({ topic, partition })
      if (!this.#claims.has(key) && !missing.has(key)) missing.set(key, { topic, partition })
    }
    if (missing.size === 0) return
    if (!this.#exists) await this.#create()
    await this.#claim([...missing.values()])
  }

  /** Whether the row of a record is in the database, or the dead-letter queue has the record. @throws where the topic is another one */
  isWritten({ topic, partition, offset, timestamp, replayOf }: SinkRecord): boolean {
    if (replayOf) return false
    const claim = this.#claimOf(topic, partition)
    if (offset >= claim.next) return false
    if (offset === claim.next - 1 && claim.lastTimestamp !== null && timestamp !== null && timestamp !== claim.lastTimestamp)
      throw new Error(
        `The record ${topic}-${partition}@${offset} is another one than that which was written with this offset: the topic was created again. ` +
          `Delete the rows of the topic from ${this.#sql} to write it from its beginning.`,
      )
    return !claim.rejected.has(offset)
  }

  reject({ topic, partition, offset, replayOf }: SinkRecord): void {
    if (!replayOf) this.#claims.get(partitionKey({ topic, partition }))?.rejected.add(offset)
  }

  /** Stores, in the transaction of the connection, that these records are written. @throws where another task has the partition */
  async store(records: readonly SinkRecord[]): Promise<void> {
    const progress = new Map<Claim, Progress>()
    for (const { topic, partition, offset, timestamp, replayOf } of records) {
      if (replayOf) continue
      const claim = this.#claimOf(topic, partition)
      // A record that was rejected before a crash is behind, and no longer to be rejected if it is written now.
      if (offset >= claim.next) progress.set(claim, { next: offset + 1, lastTimestamp: timestamp })
      else if (claim.rejected.delete(offset) && !progress.has(claim))
        progress.set(claim, { next: claim.next, lastTimestamp: claim.lastTimestamp })
    }
    this.#pending = progress
    if (progress.size === 0) return
    const claims = [...progress.keys()]
    const updated = await this.#options.connection.query<{ topic: string; partition: number }>(
      `UPDATE ${this.#sql} AS t SET next_offset = r.next_offset, last_timestamp = r.last_timestamp, rejected = r.rejected::bigint[]
        FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[])
          AS r(topic, partition, epoch, next_offset, last_timestamp, rejected)
        WHERE t.connector = $1 AND t.topic = r.topic AND t.partition = r.partition AND t.epoch = r.epoch
        RETURNING t.topic, t.partition`,
      [
        this.#options.connector,
        claims.map(({ topic }) => topic),
        claims.map(({ partition }) => partition),
        claims.map(({ epoch }) => epoch),
        claims.map((claim) => progress.get(claim)!.next),
        claims.map((claim) => progress.get(claim)!.lastTimestamp),
        claims.map(({ rejected }) => `{${[...rejected].join(',')}}`),
      ],
    )
    if (updated.length === claims.length) return
    const kept = new Set(updated.map(partitionKey))
    const lost = claims.map(partitionKey).filter((key) => !kept.has(key))
    throw new Error(
      `Another task has taken over ${lost.join(', ')}: this one writes nothing more. If it is none of this worker's cluster, give one of the ` +
        'two connectors another name, or another exactly.once.offsets.table.',
    )
  }

  /** @throws Retriable where the partition was taken away from the task in the middle of its write: that of a task that is cancelled */
  #claimOf(topic: string, partition: number): Claim {
    const key = partitionKey({ topic, partition })
    const claim = this.#claims.get(key)
    if (!claim) throw new Retriable(`${key} was taken away while its records were being written: they are written by the task that has it`)
    return claim
  }

  /** The transaction of the last `store` is committed. */
  stored(): void {
    for (const [claim, { next, lastTimestamp }] of this.#pending) Object.assign(claim, { next, lastTimestamp })
    this.#pending = new Map()
  }

  flushing(offsets: readonly SinkOffset[]): void {
    for (const { topic, partition, offset } of this.#flushed) {
      const claim = this.#claims.get(partitionKey({ topic, partition }))
      for (const rejected of claim?.rejected ?? []) if (rejected < offset) claim!.rejected.delete(rejected)
    }
    this.#flushed = offsets
  }

  async #create(): Promise<void> {
    const { connection } = this.#options
    // CREATE TABLE IF NOT EXISTS needs the right to create also where the table exists.
    const [found] = await connection.query('SELECT 1 WHERE to_regclass($1::text) IS NOT NULL', [this.#sql])
    if (!found) {
      try {
        await connection.query(
          `CREATE TABLE IF NOT EXISTS ${this.#sql} (connector text, topic text, partition integer, next_offset bigint NOT NULL,
            last_timestamp bigint, rejected bigint[] NOT NULL, epoch bigint NOT NULL, PRIMARY KEY (connector, topic, partition))`,
        )
      } catch (error) {
        // Another task has created it at the same time.
        if (!['42P07', '23505', '42710'].includes(sqlStateOf(error) ?? '')) throw error
      }
    }
    this.#exists = true
  }

  async #claim(partitions: readonly SinkTopicPartition[]): Promise<void> {
    const { connection, connector, committed, log } = this.#options
    const rows = await connection.query<StoredRow>(
      `INSERT INTO ${this.#sql} AS t (connector, topic, partition, next_offset, rejected, epoch)
        SELECT $1, r.topic, r.partition, 0, '{}', 1 FROM unnest($2::text[], $3::integer[]) AS r(topic, partition) ORDER BY 2, 3
        ON CONFLICT (connector, topic, partition) DO UPDATE SET epoch = t.epoch + 1
        RETURNING topic, partition, next_offset, last_timestamp, rejected::text[], epoch`,
      [connector, partitions.map(({ topic }) => topic), partitions.map(({ partition }) => partition)],
    )
    const consumed = new Map((await committed?.())?.map((offset) => [partitionKey(offset), offset.offset]))
    for (const { topic, partition, next_offset, last_timestamp, rejected, epoch } of rows) {
      const key = partitionKey({ topic, partition })
      const next = Number(next_offset)
      const from = consumed.get(key)
      this.#claims.set(key, {
        topic,
        partition,
        epoch,
        next,
        lastTimestamp: last_timestamp === null ? null : Number(last_timestamp),
        rejected: new Set(rejected.map(Number).filter((offset) => from === undefined || offset >= from)),
      })
      if (committed && (from ?? 0) < next)
        log.info(
          `${key}: the table ${this.#sql} says that records before offset ${next} are written, and the group has committed ` +
            `${from === undefined ? 'nothing' : `offset ${from}`}: those between are skipped`,
        )
    }
  }
}
