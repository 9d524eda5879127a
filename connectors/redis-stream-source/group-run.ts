/**
 * Reads streams through a consumer group: what this consumer had taken before, then what the group has not got, and what dead consumers
 * keep. An entry is acknowledged to Redis when its record is in Kafka (at-least-once), or when it is read (at-most-once).
 */
import { type Position, type SourceBatch, type SourceContext, type SourceRecord, sleep } from '../../connect/sdk/index.ts'
import type { RedisClient } from '../redis-driver/client.ts'
import { RedisConnection } from '../redis-driver/connection.ts'
import { redisConnectionOptions, TASK_TOKEN } from '../redis-driver/connection-settings.ts'
import { redisErrorCode } from '../redis-driver/errors.ts'
import { ReadSize } from '../redis-driver/read-size.ts'
import { AckSender } from './ack-sender.ts'
import { Acknowledgements } from './acknowledgements.ts'
import { MissedEntries } from './missed-entries.ts'
import { EntryRecords, type RawEntry } from './records.ts'
import { type StreamSourceConfig, streamsOf } from './settings.ts'
import { groupState, streamState } from './stream-info.ts'
import { bytesOf, type StreamEntries, streamReplies } from './stream-replies.ts'
import { compareIds, GroupGaps, NO_ENTRY } from './trimming.ts'

/** Entries that are read and not yet in Kafka, at most: reading waits (Invariant 13). */
const MAX_UNACKNOWLEDGED = 100_000

/** What outlives a read: a task has one config object. */
const ledgers = new WeakMap<StreamSourceConfig, Acknowledgements>()

function ledgerOf(config: StreamSourceConfig): Acknowledgements {
  let ledger = ledgers.get(config)
  if (!ledger) {
    ledger = new Acknowledgements()
    ledgers.set(config, ledger)
  }
  return ledger
}

interface GroupStream {
  records: EntryRecords
  /** Up to where the group has read, as far as this task knows; null before it has asked. */
  id: string | null
  gaps: GroupGaps
}

export class GroupRun {
  readonly #context: SourceContext<StreamSourceConfig>
  readonly #group: string
  readonly #consumer: string
  readonly #acknowledges: boolean
  /** Waits for entries, and so cannot do anything else. */
  readonly #reader: RedisConnection
  readonly #commands: RedisConnection
  readonly #ledger: Acknowledgements
  readonly #acks: AckSender
  readonly #missed: MissedEntries
  readonly #streams = new Map<string, GroupStream>()
  /** Entries of one stream in a read. */
  readonly #size: ReadSize
  readonly #counts = { read: 0, claimed: 0 }
  #watchAt = 0

  constructor(context: SourceContext<StreamSourceConfig>) {
    const { config } = context
    this.#context = context
    this.#group = config['redis.stream.consumer.group']
    this.#consumer = config['redis.stream.consumer.name'].replaceAll(TASK_TOKEN, String(context.task))
    this.#acknowledges = config['redis.stream.delivery'] === 'at-least-once'
    const options = redisConnectionOptions(config)
    this.#reader = new RedisConnection(options, context)
    this.#commands = new RedisConnection(options, context)
    this.#ledger = ledgerOf(config)
    this.#acks = new AckSender(this.#commands, this.#group, this.#ledger)
    this.#missed = new MissedEntries(context)
    this.#size = new ReadSize(config['batch.size'])
  }

  abort(): void {
    this.#reader.close()
  }

  /** Redis hears of what is in Kafka. */
  async close(): Promise<void> {
    this.#reader.close()
    await this.#acks.finish()
    this.#commands.close()
  }

  async *batches(): AsyncGenerator<SourceBatch, void, void> {
    const { signal, config } = this.#context
    await this.#acks.send()
    for (const stream of streamsOf(config)) await this.#open(stream)
    if (this.#acknowledges) for (const stream of this.#streams.keys()) yield* this.#ownPending(stream)
    const isTogether = this.#reader.options.mode !== 'cluster' || this.#streams.size === 1
    while (!signal.aborted) {
      this.#acks.throwFailure()
      if (Date.now() >= this.#watchAt) yield* this.#watch()
      await this.#belowLimit()
      const groups = isTogether ? [[...this.#streams.keys()]] : [...this.#streams.keys()].map((stream) => [stream])
      let count = 0
      for (const streams of groups) {
        if (signal.aborted) return
        const batch = await this.#readNew(streams, isTogether)
        if (!batch) continue
        count += batch.records.length
        yield batch
      }
      if (count === 0 && !isTogether) await sleep(config['redis.stream.block'], signal)
    }
  }

  async #open(stream: string): Promise<void> {
    const { config, positions } = this.#context
    const stored = config['task.streams.shared'] ? null : await positions.get({ stream })
    this.#streams.set(stream, {
      records: new EntryRecords(stream, config.topic, config['redis.stream.body']),
      id: typeof stored?.offset === 'string' ? stored.offset : null,
      gaps: new GroupGaps(numberOf(stored?.missed), numberOf(stored?.read)),
    })
    await this.#createGroup(stream)
  }

  /** Where there is none. A group that was lost begins after what this task has read, if it reads the stream alone. */
  async #createGroup(stream: string): Promise<void> {
    const { config, log } = this.#context
    const reading = this.#streams.get(stream)!
    await this.#commands.run(async (client) => {
      const state = await streamState(client, stream)
      const group = state && (await groupState(client, stream, this.#group))
      if (group) {
        reading.id ??= group.delivered
        return
      }
      const offset = config['redis.stream.offset']
      // Other tasks may have read less: from the offset on nothing is lost. From the end on it would be.
      const known = config['task.streams.shared'] && offset !== '$' ? null : reading.id
      const first = offset === '$' ? (state?.lastId ?? NO_ENTRY) : offset
      // A stream that was deleted begins anew, and may have entries again already.
      const isSame = known !== null && state !== null && compareIds(state.lastId, known) >= 0
      const from = known === null ? first : isSame ? known : NO_ENTRY
      try {
        await client.xgroup('CREATE', stream, this.#group, from, 'MKSTREAM')
      } catch (error) {
        // Another task was faster.
        if (redisErrorCode(error) === 'BUSYGROUP') return
        throw error
      }
      log[reading.id === null ? 'info' : 'warn'](`The consumer group ${this.#group} of the stream ${stream} is created at ${from}.`)
      reading.id = from
      reading.gaps = new GroupGaps(0)
    })
  }

  /** What this consumer had taken before, and did not acknowledge. */
  async *#ownPending(stream: string): AsyncGenerator<SourceBatch, void, void> {
    for (let from = NO_ENTRY; !this.#context.signal.aborted; ) {
      const [reply] = await this.#readExisting([stream], [from], false)
      const last = reply?.entries.at(-1)
      if (!last) return
      from = last[0].toString('latin1')
      const batch = await this.#taken([reply!])
      if (batch) yield batch
      await this.#belowLimit()
    }
  }

  async #readNew(streams: readonly string[], blocks: boolean): Promise<SourceBatch | null> {
    const ids = streams.map(() => '>')
    const replies = await this.#readExisting(streams, ids, blocks)
    for (const { stream, entries } of replies) this.#streams.get(stream)!.gaps.took(entries.length)
    return replies.length === 0 ? null : await this.#taken(replies)
  }

  /** Nothing where the group was lost: it is created again. */
  async #readExisting(streams: readonly string[], ids: readonly string[], blocks: boolean): Promise<StreamEntries[]> {
    try {
      return await this.#readGroup(streams, ids, blocks)
    } catch (error) {
      if (!['NOGROUP', 'UNBLOCKED', 'WRONGTYPE'].includes(redisErrorCode((error as Error).cause)) || this.#context.signal.aborted)
        throw error
      // A key that is no stream is named here.
      for (const stream of streams) await this.#createGroup(stream)
      return []
    }
  }

  async #readGroup(streams: readonly string[], ids: readonly string[], blocks: boolean): Promise<StreamEntries[]> {
    const { config } = this.#context
    const block = blocks ? ['BLOCK', config['redis.stream.block']] : []
    const noAck = this.#acknowledges ? [] : ['NOACK']
    const options = ['COUNT', this.#size.count, ...block, ...noAck]
    const replies = streamReplies(
      await this.#reader.run((client) =>
        client.callBuffer('XREADGROUP', 'GROUP', this.#group, this.#consumer, ...options, 'STREAMS', ...streams, ...ids),
      ),
    )
    this.#took(replies, streams.length)
    return replies
  }

  #took(replies: readonly StreamEntries[], among = 1): void {
    let count = 0
    let bytes = 0
    for (const { entries } of replies) {
      count += entries.length
      bytes += bytesOf(entries)
    }
    this.#size.took(count, bytes, among)
  }

  /** A batch of the entries that this task does not have yet. */
  async #taken(replies: readonly StreamEntries[]): Promise<SourceBatch | null> {
    const { config, gauge } = this.#context
    const now = Date.now()
    const records: SourceRecord[] = []
    const positions: Position[] = []
    const taken: [stream: string, ids: string[]][] = []
    for (const { stream, entries } of replies) {
      const state = this.#streams.get(stream)!
      const ids: string[] = []
      const deleted: string[] = []
      for (const [rawId, fields] of entries) {
        const id = rawId.toString('latin1')
        if (this.#acknowledges && this.#ledger.has(stream, id)) continue
        if (fields === null) {
          deleted.push(id)
          continue
        }
        records.push(state.records.record(id, fields, now))
        ids.push(id)
        if (state.id === null || compareIds(id, state.id) > 0) state.id = id
      }
      if (deleted.length > 0) {
        this.#missed.trimmedPending(stream, deleted.length)
        this.#ledger.store(stream, deleted)
      }
      if (ids.length === 0) continue
      taken.push([stream, ids])
      if (this.#acknowledges && !config['task.streams.shared'])
        positions.push({ partition: { stream }, offset: { offset: state.id, missed: state.gaps.missed, read: state.gaps.leastRead } })
    }
    this.#counts.read += records.length
    gauge?.call(this.#context, 'entries-read', this.#counts.read)
    if (!this.#acknowledges) return records.length === 0 ? null : { records, positions }
    for (const [stream, ids] of taken) this.#ledger.give(stream, ids)
    gauge?.call(this.#context, 'entries-unacknowledged', this.#ledger.givenCount)
    if (records.length === 0) {
      await this.#acks.send()
      return null
    }
    return {
      records,
      positions,
      acknowledged: () => {
        for (const [stream, ids] of taken) this.#ledger.store(stream, ids)
        gauge?.call(this.#context, 'entries-unacknowledged', this.#ledger.givenCount)
        this.#acks.begin()
      },
    }
  }

  async *#watch(): AsyncGenerator<SourceBatch, void, void> {
    const { config } = this.#context
    for (const [stream, { gaps }] of this.#streams) {
      await this.#commands.run(async (client) => {
        const state = await streamState(client, stream)
        const group = state && (await groupState(client, stream, this.#group))
        if (state && group) this.#missed.trimmed(stream, gaps.newlyMissed(state, group) ?? 0)
      })
      if (this.#acknowledges && config['redis.stream.claim.idle.ms'] > 0) yield* this.#claim(stream)
    }
    this.#watchAt = Date.now() + config['redis.stream.watch.interval.ms']
  }

  /** Entries of consumers that have not acknowledged them for long. */
  async *#claim(stream: string): AsyncGenerator<SourceBatch, void, void> {
    const { config, log, gauge, signal } = this.#context
    let cursor = NO_ENTRY
    do {
      const claim = async (client: RedisClient) =>
        (await client.callBuffer(
          'XAUTOCLAIM',
          stream,
          this.#group,
          this.#consumer,
          config['redis.stream.claim.idle.ms'],
          cursor,
          'COUNT',
          this.#size.count,
        )) as [Buffer, RawEntry[], Buffer[]?]
      let reply: [Buffer, RawEntry[], Buffer[]?]
      try {
        reply = await this.#commands.run(claim)
      } catch (error) {
        // The next read creates the group again.
        if (redisErrorCode((error as Error).cause) === 'NOGROUP') return
        throw error
      }
      const [next, entries, deleted = []] = reply
      cursor = next.toString('latin1')
      const gone = deleted.filter((id) => !this.#ledger.has(stream, id.toString('latin1')))
      this.#missed.trimmedPending(stream, gone.length)
      // Redis 6.2 has null in the place of a deleted entry, and keeps it pending.
      const found = entries.filter((entry) => entry?.[1])
      this.#took([{ stream, entries: found }])
      const batch = found.length > 0 ? await this.#taken([{ stream, entries: found }]) : null
      if (batch) {
        this.#counts.claimed += batch.records.length
        gauge?.call(this.#context, 'entries-claimed', this.#counts.claimed)
        log.warn(
          `${batch.records.length} entries of the stream ${stream} are claimed: their consumer has not acknowledged them for ${config['redis.stream.claim.idle.ms']} ms.`,
        )
        yield batch
      }
      await this.#belowLimit()
    } while (cursor !== NO_ENTRY && !signal.aborted)
  }

  async #belowLimit(): Promise<void> {
    const { signal } = this.#context
    while (this.#ledger.givenCount >= MAX_UNACKNOWLEDGED && !signal.aborted) {
      const { promise, cancel } = this.#ledger.next()
      signal.addEventListener('abort', cancel, { once: true })
      await promise
      signal.removeEventListener('abort', cancel)
    }
  }
}

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0)
