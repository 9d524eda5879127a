/**
 * How far each partition is written to a queue: a hash beside the keys of the queue, which the script that adds the jobs changes. A record
 * is added again only where it is known not to be a job. Pure.
 */
import { partitionKey, type SinkOffset, type SinkRecord } from '../../connect/sdk/index.ts'
import type { PartitionChange } from './write-script.ts'

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

function parse(text: string | undefined): Written {
  if (!text) return NOTHING
  const [next, timestamp, missing] = text.split(' ')
  return {
    next: Number(next),
    timestamp: timestamp ? Number(timestamp) : null,
    missing: missing ? missing.split(',').map(Number) : [],
  }
}

/** A topic was deleted and created again: its offsets say nothing about those that were written. */
export class OtherTopic extends Error {
  override name = 'OtherTopic'
}

export class WrittenOffsets {
  readonly #key: string
  readonly #partitions = new Map<string, { readonly before: string; readonly place: number; written: Written }>()

  /** `texts` are the values of the hash `key`, by field; `flushed` the offsets of a flush whose dead letters are durable. */
  constructor(key: string, texts: ReadonlyMap<string, string>, flushed: readonly SinkOffset[]) {
    this.#key = key
    const durable = new Map(flushed.map((offset) => [partitionKey(offset), offset.offset]))
    for (const [field, text] of texts) {
      const written = parse(text)
      const missing = written.missing.filter((offset) => offset >= (durable.get(field) ?? 0))
      this.#partitions.set(field, { before: text, place: this.#partitions.size, written: { ...written, missing } })
    }
  }

  /** Whether a record of the partition `field` is a job. @throws OtherTopic */
  isWritten(field: string, record: SinkRecord): boolean {
    const { topic, partition, offset, timestamp } = record
    const { next, timestamp: last, missing } = this.#partitions.get(field)?.written ?? NOTHING
    if (offset >= next) return false
    if (offset === next - 1 && last !== null && timestamp !== null && timestamp !== last)
      throw new OtherTopic(
        `The record ${topic}-${partition}@${offset} is another one than that which was added with this offset: the topic was created again. ` +
          `Delete the key ${this.#key} in Redis (DEL) to add the records of the topic from its beginning.`,
      )
    return !missing.includes(offset)
  }

  /** The place of a record's partition in `changes`, which has it as written then; -1 for a partition that is not there. */
  write(field: string, { offset, timestamp }: SinkRecord): number {
    const partition = this.#partitions.get(field)
    if (!partition) return -1
    const { next, missing } = partition.written
    const rest = missing.includes(offset) ? missing.filter((one) => one !== offset) : missing
    partition.written = offset >= next ? { next: offset + 1, timestamp, missing: rest } : { ...partition.written, missing: rest }
    return partition.place
  }

  changes(): PartitionChange[] {
    return [...this.#partitions].map(
      ([
        field,
        {
          before,
          written: { next, timestamp, missing },
        },
      ]) => ({
        field,
        before,
        after: `${next} ${timestamp ?? ''} `,
        missing: missing.join(','),
      }),
    )
  }
}
