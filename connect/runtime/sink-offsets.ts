/**
 * What a sink task has been given, has taken and has committed, partition by partition. Values only.
 */
import type { CommitOffset, TopicPartition } from '../../core/client/types.ts'
import type { RawRecord } from './pipeline.ts'

interface SinkPartition {
  topic: string
  partition: number
  /** The first offset that was handed over since the partition came. */
  first: number | null
  /** The next offset to hand over. */
  next: number | null
  committed: number | null
}

const id = (topic: string, partition: number) => `${topic}-${partition}`

export class SinkOffsets {
  readonly #stands = new Map<string, SinkPartition>()
  /** Partitions that went while a batch is in hand. One that came back is read anew from its commit: what is in hand of it is too old. */
  readonly #left = new Set<string>()
  dirty = false

  assigned(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions)
      this.#stands.set(id(topic, partition), { topic, partition, first: null, next: null, committed: null })
  }

  gone(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      this.#stands.delete(id(topic, partition))
      this.#left.add(id(topic, partition))
    }
    this.#look()
  }

  #look(): void {
    this.dirty = [...this.#stands.values()].some(({ next, committed }) => next !== null && next !== committed)
  }

  partitions(): TopicPartition[] {
    return [...this.#stands.values()].map(({ topic, partition }) => ({ topic, partition }))
  }

  /** A batch has been read: all of it is ours to deliver. */
  inHand(): void {
    this.#left.clear()
  }

  delivered(topic: string, partition: number, nextOffset: number): void {
    const stand = this.#stands.get(id(topic, partition))
    if (!stand || this.#left.has(id(topic, partition))) return
    stand.next = nextOffset
    this.dirty = true
  }

  /** Which of the records in hand are still ours to deliver; null where all are. */
  stillOurs(raw: readonly RawRecord[]): boolean[] | null {
    if (this.#left.size === 0) return null
    return raw.map(({ topic, partition }) => !this.#left.has(id(topic, partition)))
  }

  uncommitted(): CommitOffset[] {
    return [...this.#stands.values()]
      .filter(({ next, committed }) => next !== null && next !== committed)
      .map(({ topic, partition, next }) => ({ topic, partition, offset: next! }))
  }

  committed(offsets: readonly CommitOffset[]): void {
    for (const { topic, partition, offset } of offsets) {
      const stand = this.#stands.get(id(topic, partition))
      if (stand) stand.committed = offset
    }
    this.#look()
  }

  /** Notes where a partition's reading began, for one that has no commit yet. */
  began(topic: string, partition: number, offset: number): void {
    const stand = this.#stands.get(id(topic, partition))
    if (stand && stand.first === null) stand.first = offset
  }

  /** Where to read on from when everything since the last commit must be handed over again. */
  beginning({ topic, partition }: TopicPartition, stored: number | undefined): number | undefined {
    return stored ?? this.#stands.get(id(topic, partition))?.first ?? undefined
  }

  rewound(): void {
    for (const stand of this.#stands.values()) stand.next = null
    this.dirty = false
  }
}
