/**
 * Reads streams without a group: the position in the offsets of the connector says where to go on, and Redis stores nothing. Each entry is
 * read once for each position that is stored.
 */
import { type Position, type SourceBatch, type SourceContext, type SourceRecord, sleep } from '../../connect/sdk/index.ts'
import type { RedisClient } from '../redis-driver/client.ts'
import { RedisConnection } from '../redis-driver/connection.ts'
import { redisConnectionOptions } from '../redis-driver/connection-settings.ts'
import { redisErrorCode } from '../redis-driver/errors.ts'
import { ReadSize } from '../redis-driver/read-size.ts'
import { MissedEntries } from './missed-entries.ts'
import { EntryRecords } from './records.ts'
import { type StreamSourceConfig, streamsOf } from './settings.ts'
import { streamState } from './stream-info.ts'
import { bytesOf, streamReplies } from './stream-replies.ts'
import { compareIds, missedByRank, NO_ENTRY, rankOf } from './trimming.ts'

interface StreamPosition {
  id: string
  /** How many entries the stream had got up to there; null where it is not known. */
  rank: number | null
  records: EntryRecords
  isAheadTold: boolean
}

export class PositionRun {
  readonly #context: SourceContext<StreamSourceConfig>
  readonly #connection: RedisConnection
  readonly #missed: MissedEntries
  readonly #streams = new Map<string, StreamPosition>()
  /** Entries of one stream in a read. */
  readonly #size: ReadSize
  #watchAt = 0
  #read = 0

  constructor(context: SourceContext<StreamSourceConfig>) {
    this.#context = context
    this.#connection = new RedisConnection(redisConnectionOptions(context.config), context)
    this.#missed = new MissedEntries(context)
    this.#size = new ReadSize(context.config['batch.size'])
  }

  abort(): void {
    this.#connection.close()
  }

  async close(): Promise<void> {
    this.#connection.close()
  }

  async *batches(): AsyncGenerator<SourceBatch, void, void> {
    const { signal, config } = this.#context
    const fresh = await this.#begin()
    // Where reading began at the end, a restart must go on there: not at the end that the stream has then.
    if (fresh.length > 0) yield { records: [], positions: fresh }
    const isTogether = this.#connection.options.mode !== 'cluster' || this.#streams.size === 1
    while (!signal.aborted) {
      await this.#watch()
      const groups = isTogether ? [[...this.#streams.keys()]] : [...this.#streams.keys()].map((stream) => [stream])
      let count = 0
      for (const streams of groups) {
        const batch = await this.#readOnce(streams, isTogether)
        if (!batch) continue
        count += batch.records.length
        yield batch
        if (signal.aborted) return
      }
      if (count === 0 && !isTogether) await sleep(config['redis.stream.block'], signal)
    }
  }

  /** The positions that begin now. */
  async #begin(): Promise<Position[]> {
    const { config, positions } = this.#context
    const fresh: Position[] = []
    const streams = streamsOf(config)
    for (const stream of streams) {
      // Redis's own connector stores one position, of no partition.
      const stored = (await positions.get({ stream })) ?? (streams.length === 1 ? await positions.get({}) : null)
      const records = new EntryRecords(stream, config.topic, config['redis.stream.body'])
      if (typeof stored?.offset === 'string') {
        const rank = typeof stored.rank === 'number' ? stored.rank : null
        this.#streams.set(stream, { id: stored.offset, rank, records, isAheadTold: false })
        continue
      }
      const offset = config['redis.stream.offset']
      const state = await this.#connection.run((client) => streamState(client, stream))
      const id = offset === '$' ? (state?.lastId ?? NO_ENTRY) : offset.includes('-') ? offset : `${offset}-0`
      const rank = state ? rankOf(state, id) : null
      const position = { id, rank, records, isAheadTold: false }
      this.#streams.set(stream, position)
      if (offset === '$') fresh.push(positionOf(stream, position))
    }
    return fresh
  }

  async #readOnce(streams: readonly string[], blocks: boolean): Promise<SourceBatch | null> {
    const { config, gauge } = this.#context
    const ids = streams.map((stream) => this.#streams.get(stream)!.id)
    const block = blocks ? ['BLOCK', config['redis.stream.block']] : []
    const read = (client: RedisClient) => client.callBuffer('XREAD', 'COUNT', this.#size.count, ...block, 'STREAMS', ...streams, ...ids)
    const reply = await this.#connection.run((client) =>
      read(client).catch(async (error) => {
        // A key that is no stream is named here.
        if (redisErrorCode(error) === 'WRONGTYPE') for (const stream of streams) await streamState(client, stream)
        throw error
      }),
    )
    const records: SourceRecord[] = []
    const positions: Position[] = []
    const now = Date.now()
    let bytes = 0
    for (const { stream, entries } of streamReplies(reply)) {
      bytes += bytesOf(entries)
      const position = this.#streams.get(stream)!
      for (const [rawId, fields] of entries) {
        const id = rawId.toString('latin1')
        records.push(position.records.record(id, fields!, now))
        position.id = id
      }
      if (position.rank !== null) position.rank += entries.length
      positions.push(positionOf(stream, position))
    }
    if (records.length === 0) return null
    this.#size.took(records.length, bytes, streams.length)
    this.#read += records.length
    gauge?.call(this.#context, 'entries-read', this.#read)
    return { records, positions }
  }

  async #watch(): Promise<void> {
    if (Date.now() < this.#watchAt) return
    for (const [stream, position] of this.#streams) {
      const state = await this.#connection.run((client) => streamState(client, stream))
      if (!state) continue
      if (position.rank === null) position.rank = rankOf(state, position.id)
      else {
        const missed = missedByRank(state, position.id, position.rank)
        if (missed !== null) {
          this.#missed.trimmed(stream, missed)
          position.rank = rankOf(state, position.id)
        }
      }
      if (compareIds(state.lastId, position.id) < 0 && !position.isAheadTold) {
        position.isAheadTold = true
        this.#context.log.warn(
          `The stream ${stream} ends at ${state.lastId}, before the position ${position.id}: it was deleted, or its server was restored. Entries up to the position are not read; to read them, reset the offsets of the connector.`,
        )
      }
    }
    this.#watchAt = Date.now() + this.#context.config['redis.stream.watch.interval.ms']
  }
}

const positionOf = (stream: string, { id, rank }: StreamPosition): Position => ({ partition: { stream }, offset: { offset: id, rank } })
