/**
 * The offsets of a sink task's partitions: consumed, delivered to the sink, committed (Invariant 7). Values only: WorkerSinkTask fetches,
 * flushes and commits.
 */
import type { CommitOffset, TopicPartition } from '../../core/client/types.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import type { SinkBatch } from './pipeline.ts'

interface SinkPartition extends TopicPartition {
  /** The first offset that was consumed since the partition was assigned. */
  firstOffset: number | null
  /** The next offset to deliver. */
  nextOffset: number | null
  committedOffset: number | null
}

export class SinkOffsets {
  readonly #partitions = new Map<string, SinkPartition>()
  /**
   * Partitions that were revoked since the last poll. If one is assigned again, it is read from its commit: its polled records are too old.
   */
  readonly #revoked = new Set<string>()
  /** Whether anything was delivered and not committed. */
  dirty = false

  assigned(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions)
      this.#partitions.set(partitionKey({ topic, partition }), {
        topic,
        partition,
        firstOffset: null,
        nextOffset: null,
        committedOffset: null,
      })
  }

  revoked(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) {
      const key = partitionKey(partition)
      this.#partitions.delete(key)
      this.#revoked.add(key)
    }
    this.#updateDirty()
  }

  #updateDirty(): void {
    this.dirty = [...this.#partitions.values()].some(
      ({ nextOffset, committedOffset }) => nextOffset !== null && nextOffset !== committedOffset,
    )
  }

  partitions(): TopicPartition[] {
    return [...this.#partitions.values()].map(({ topic, partition }) => ({ topic, partition }))
  }

  /** A poll has returned records: all of them are of partitions that are assigned now. */
  polled(): void {
    this.#revoked.clear()
  }

  /** Stores the first consumed offset of a partition: a partition without a committed offset is rewound to it. */
  consumed(partition: TopicPartition, offset: number): void {
    const entry = this.#partitions.get(partitionKey(partition))
    if (entry && entry.firstOffset === null) entry.firstOffset = offset
  }

  delivered(partition: TopicPartition, nextOffset: number): void {
    const key = partitionKey(partition)
    const entry = this.#partitions.get(key)
    if (!entry || this.#revoked.has(key)) return
    entry.nextOffset = nextOffset
    this.dirty = true
  }

  /** Which of the polled records are of partitions that are still assigned; null where all are. */
  stillAssigned({ records, originalAt }: SinkBatch): boolean[] | null {
    if (this.#revoked.size === 0) return null
    return records.map((_, index) => !this.#revoked.has(partitionKey(originalAt(index)!)))
  }

  uncommitted(): CommitOffset[] {
    return [...this.#partitions.values()]
      .filter(({ nextOffset, committedOffset }) => nextOffset !== null && nextOffset !== committedOffset)
      .map(({ topic, partition, nextOffset }) => ({ topic, partition, offset: nextOffset! }))
  }

  /**
   * What is committed after a flush: all that was delivered, or what the sink names of it. Offsets of partitions that are not the task's
   * any more are left out. Throws where the sink names records that it was not given, or two offsets of a partition.
   */
  committable(named: readonly CommitOffset[] | null): CommitOffset[] {
    if (named === null) return this.uncommitted()
    const seen = new Set<SinkPartition>()
    return named.filter(({ topic, partition, offset }) => {
      const entry = this.#partitions.get(partitionKey({ topic, partition }))
      if (!entry || entry.nextOffset === null) return false
      if (seen.has(entry)) throw new Error(`flush of the sink has returned two offsets of ${topic}-${partition}: return the one to commit`)
      seen.add(entry)
      if (offset > entry.nextOffset)
        throw new Error(
          `flush of the sink has returned ${topic}-${partition}@${offset}, and it was given records up to ${entry.nextOffset}`,
        )
      return offset !== entry.committedOffset
    })
  }

  committed(offsets: readonly CommitOffset[]): void {
    for (const offset of offsets) {
      const entry = this.#partitions.get(partitionKey(offset))
      if (entry) entry.committedOffset = offset.offset
    }
    this.#updateDirty()
  }

  /** The offset from which everything since the last commit is delivered again; undefined where nothing was consumed. */
  rewindOffset(partition: TopicPartition, storedOffset: number | undefined): number | undefined {
    return storedOffset ?? this.#partitions.get(partitionKey(partition))?.firstOffset ?? undefined
  }

  rewound(): void {
    for (const entry of this.#partitions.values()) entry.nextOffset = null
    this.dirty = false
  }
}
