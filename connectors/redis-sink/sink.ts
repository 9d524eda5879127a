/**
 * Writes records to Redis: what `write` was given has been executed when it resolves. What is known to be written is not written again
 * where the rest of a batch must be.
 */
import { BadRecord, Retriable, type SinkContext, type SinkRecord, type SinkTask, UnwritableRecord } from '../../connect/sdk/index.ts'
import { RedisConnection } from '../redis-driver/connection.ts'
import { redisConnectionOptions } from '../redis-driver/connection-settings.ts'
import type { RedisArgument } from './charset.ts'
import { CommandBuilder, OFFSET_ID_END, type RecordCommands, sizeOf } from './commands.ts'
import { type Entry, PipelineWriter, textOf } from './pipeline-writer.ts'
import type { SinkConfig } from './settings.ts'

/** The bytes of one pipeline, at most, as far as more than one record is in it (Invariant 13). */
const MAX_PIPELINE_BYTES = 8 * 1024 * 1024

/** Redis's words for an id that a stream has passed. */
const PASSED_ID = /equal or smaller than the target stream top item/

export class RedisSink implements SinkTask {
  readonly #context: SinkContext<SinkConfig>
  readonly #connection: RedisConnection
  readonly #builder: CommandBuilder
  readonly #writer: PipelineWriter
  readonly #idIsOffset: boolean
  readonly #counts = { written: 0, deleted: 0, skipped: 0, repeated: 0, rejected: 0 }
  /** Of a batch that will be delivered again: the records that are written or rejected already, by their places. */
  #done = new Map<string, BadRecord | null>()

  constructor(context: SinkContext<SinkConfig>) {
    const { config } = context
    this.#context = context
    this.#connection = new RedisConnection(redisConnectionOptions(config), context)
    this.#builder = new CommandBuilder(config)
    this.#writer = new PipelineWriter(this.#connection, {
      // An id must be greater than the last: an entry that is refused for a while cannot follow those after it.
      isTransaction: config['redis.multiexec'] || (config['redis.type'] === 'STREAM' && config['redis.stream.id'] !== 'auto'),
      waitReplicas: config['redis.wait.replicas'],
      waitTimeoutMs: config['redis.wait.timeout'],
    })
    this.#idIsOffset = config['redis.type'] === 'STREAM' && config['redis.stream.id'] === 'offset'
  }

  async write(records: readonly SinkRecord[]): Promise<void> {
    const bad: BadRecord[] = []
    const done = new Map<string, BadRecord | null>()
    const before = this.#done
    this.#done = new Map()
    try {
      let entries: Entry[] = []
      let size = 0
      for (let index = 0; index < records.length; index++) {
        const record = records[index]!
        const known = before.size > 0 ? before.get(placeOf(record)) : undefined
        if (known !== undefined) {
          done.set(placeOf(record), known)
          if (known) bad.push(this.#bad(record, index, known.cause as Error))
          continue
        }
        const commands = this.#commands(record, index, bad, done)
        if (!commands) continue
        const bytes = commands.commands.reduce((sum, command) => sum + sizeOf(command), 0)
        if (entries.length >= this.#context.config['batch.size'] || (size + bytes > MAX_PIPELINE_BYTES && entries.length > 0)) {
          await this.#writeEntries(records, entries, bad, done)
          entries = []
          size = 0
        }
        entries.push({ ...commands, index })
        size += bytes
      }
      if (entries.length > 0) await this.#writeEntries(records, entries, bad, done)
    } catch (error) {
      if (error instanceof Retriable) this.#done = done
      throw error
    } finally {
      this.#report()
    }
    const [first, ...also] = bad.sort((a, b) => a.index - b.index)
    if (first) throw new BadRecord(first.index, first.message, { cause: first.cause, also })
  }

  /** `write` has executed everything. */
  async flush(): Promise<void> {}

  stop(): void {
    this.#connection.close()
  }

  #commands(record: SinkRecord, index: number, bad: BadRecord[], done: Map<string, BadRecord | null>): RecordCommands | null {
    try {
      const commands = this.#builder.build(record)
      if (!commands) this.#counts.skipped++
      return commands
    } catch (error) {
      if (!(error instanceof UnwritableRecord)) throw error
      this.#counts.rejected++
      const rejected = this.#bad(record, index, error)
      bad.push(rejected)
      done.set(placeOf(record), rejected)
      return null
    }
  }

  async #writeEntries(
    records: readonly SinkRecord[],
    entries: readonly Entry[],
    bad: BadRecord[],
    done: Map<string, BadRecord | null>,
  ): Promise<void> {
    const passed = new Map<string, RedisArgument>()
    await this.#writer.write(entries, {
      written: ({ index, deletes }) => {
        this.#counts[deletes ? 'deleted' : 'written']++
        done.set(placeOf(records[index]!), null)
      },
      rejected: ({ index, key }, error) => {
        const record = records[index]!
        if (this.#idIsOffset && PASSED_ID.test(error.message) && !record.replayOf) {
          passed.set(textOf(key), key)
          this.#counts.repeated++
          done.set(placeOf(record), null)
          return
        }
        this.#counts.rejected++
        const rejected = this.#bad(record, index, this.#idIsOffset && PASSED_ID.test(error.message) ? passedLetter(error) : error)
        bad.push(rejected)
        done.set(placeOf(record), rejected)
      },
    })
    for (const key of passed.values()) await this.#requireOffsetIds(key)
  }

  /** A stream that others write too, with ids of their own, would seem to have each record already. */
  async #requireOffsetIds(key: RedisArgument): Promise<void> {
    const info = await this.#connection.run(async (client) => (await client.xinfo('STREAM', key as string)) as unknown[])
    const last = String(info[info.indexOf('last-generated-id') + 1])
    if (!last.endsWith(OFFSET_ID_END))
      throw new Error(
        `The stream ${textOf(key)} has entries of others (the last is ${last}), and takes no ids that are offsets: name another in redis.keyspace, or set redis.stream.id=auto.`,
      )
  }

  #bad({ topic, partition, offset }: SinkRecord, index: number, cause: Error): BadRecord {
    return new BadRecord(index, `The record ${topic}-${partition}@${offset} cannot be written to Redis: ${cause.message}`, { cause })
  }

  #report(): void {
    const { gauge } = this.#context
    if (!gauge) return
    const { written, deleted, skipped, repeated, rejected } = this.#counts
    this.#context.gauge!('records-written', written)
    this.#context.gauge!('records-deleted', deleted)
    this.#context.gauge!('records-skipped', skipped)
    this.#context.gauge!('records-rejected', rejected)
    if (this.#idIsOffset) this.#context.gauge!('records-already-written', repeated)
  }
}

const passedLetter = (cause: Error): Error =>
  new Error(
    'the stream has entries of later records already, and with redis.stream.id=offset none can come before them: replay the letter with another connector, whose redis.stream.id is auto and whose redis.keyspace is another',
    { cause },
  )

const placeOf = ({ topic, partition, offset, replayOf }: SinkRecord): string =>
  replayOf ? `${replayOf.topic}-${replayOf.partition}@${replayOf.offset}` : `${topic}-${partition}@${offset}`
