/**
 * How far each partition is written to a queue: a hash beside the keys of the queue, which the transactions of the jobs change. A record is
 * added again only where it is known not to be a job. Pure, but for the script that Redis runs.
 */
import { partitionKey, type SinkOffset, type SinkRecord } from '../../connect/sdk/index.ts'

/** Of one partition, as the hash has it. */
interface Written {
  /** The next offset. */
  readonly next: number
  /** Of the record before `next`. */
  readonly timestamp: number | null
  /** Offsets before `next` whose jobs could not be added, until the group has committed an offset after them. */
  readonly missing: readonly number[]
}

const NOTHING: Written = { next: 0, timestamp: null, missing: [] }

/** The hash of a connector at a queue. BullMQ has no key with three parts after its prefix and queue but those of its schedules. */
export const offsetsKey = (prefix: string, queue: string, connector: string): string => `${prefix}:${queue}:tributary:${connector}`

const textOf = ({ next, timestamp }: Written): string => `${next} ${timestamp ?? ''} `

function parse(text: string | null | undefined): Written {
  if (!text) return NOTHING
  const [next, timestamp, missing] = text.split(' ')
  return {
    next: Number(next),
    timestamp: timestamp ? Number(timestamp) : null,
    missing: missing ? missing.split(',').map(Number) : [],
  }
}

/**
 * Runs last in the transaction: the jobs must be there then. Those that are not are listed in the hash as missing, so that a crash after
 * the transaction loses none of them.
 *
 * KEYS: the hash, then the keys of jobs. ARGV: how many partitions; for each its field, its text, and its missing offsets; then for each
 * job the number of its partition and its offset. Returns the places of the missing jobs.
 */
export const COMMIT_SCRIPT = {
  name: 'tributaryCommitJobs',
  lua: `
local partitions = tonumber(ARGV[1])
local missing = {}
for p = 1, partitions do missing[p] = ARGV[p * 3 + 1] end
local at = partitions * 3 + 1
local absent = {}
for i = 2, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 0 then
    local p, offset = tonumber(ARGV[at + 1]), ARGV[at + 2]
    missing[p] = missing[p] == '' and offset or missing[p] .. ',' .. offset
    absent[#absent + 1] = i - 2
  end
  at = at + 2
end
for p = 1, partitions do redis.call('HSET', KEYS[1], ARGV[p * 3 - 1], ARGV[p * 3] .. missing[p]) end
return absent
`,
} as const

/** A job that must be there when the transaction ends. */
export interface CheckedJob {
  readonly key: string
  readonly record: SinkRecord
}

/** A topic was deleted and created again: its offsets say nothing about those that were written. */
export class OtherTopic extends Error {
  override name = 'OtherTopic'
}

export class WrittenOffsets {
  readonly #key: string
  readonly #fields: readonly string[]
  readonly #written: ReadonlyMap<string, Written>

  /** `texts` are the values of the hash `key` for `fields`; `flushed` the offsets of a flush whose dead letters are durable. */
  constructor(key: string, fields: readonly string[], texts: readonly (string | null)[], flushed: readonly SinkOffset[]) {
    this.#key = key
    this.#fields = fields
    const durable = new Map(flushed.map((offset) => [partitionKey(offset), offset.offset]))
    this.#written = new Map(
      fields.map((field, index) => {
        const written = parse(texts[index])
        return [field, { ...written, missing: written.missing.filter((offset) => offset >= (durable.get(field) ?? 0)) }]
      }),
    )
  }

  /** Whether the record is a job. @throws OtherTopic */
  isWritten(record: SinkRecord): boolean {
    if (record.replayOf) return false
    const { topic, partition, offset, timestamp } = record
    const { next, timestamp: last, missing } = this.#written.get(partitionKey(record)) ?? NOTHING
    if (offset >= next) return false
    if (offset === next - 1 && last !== null && timestamp !== null && timestamp !== last)
      throw new OtherTopic(
        `The record ${topic}-${partition}@${offset} is another one than that which was added with this offset: the topic was created again. ` +
          `Delete the key ${this.#key} in Redis (DEL) to add the records of the topic from its beginning.`,
      )
    return !missing.includes(offset)
  }

  /** The arguments of the script, after which `records` are written. Replayed dead letters are older than what was written since. */
  commitArguments(records: readonly SinkRecord[], jobs: readonly CheckedJob[]): (string | number)[] {
    const after = new Map(this.#written)
    for (const record of records) {
      if (record.replayOf) continue
      const field = partitionKey(record)
      const { next, timestamp, missing } = after.get(field) ?? NOTHING
      const rest = missing.includes(record.offset) ? missing.filter((offset) => offset !== record.offset) : missing
      after.set(
        field,
        record.offset >= next
          ? { next: record.offset + 1, timestamp: record.timestamp, missing: rest }
          : { next, timestamp, missing: rest },
      )
    }
    const checked = jobs.filter(({ record }) => !record.replayOf)
    const places = new Map(this.#fields.map((field, index) => [field, index + 1]))
    return [
      checked.length + 1,
      this.#key,
      ...checked.map(({ key }) => key),
      this.#fields.length,
      ...this.#fields.flatMap((field) => {
        const written = after.get(field) ?? NOTHING
        return [field, textOf(written), written.missing.join(',')]
      }),
      ...checked.flatMap(({ record }) => [places.get(partitionKey(record))!, record.offset]),
    ]
  }
}
