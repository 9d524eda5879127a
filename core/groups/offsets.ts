/**
 * The offsets that a group committed. What a reader sees is durable (Invariant 1), and what is written later wins, in whatever order the
 * disk confirms (Invariant 3).
 */
import { consumerSubscription } from '../wire/structs/consumer-protocol.ts'
import { type Group, metadataOf } from './group.ts'

export interface OffsetAndMetadata {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
  /** Wall time in ms. */
  readonly timestamp: number
  /** Only where the client named a retention of its own (OffsetCommit up to v4). */
  readonly expireTimestamp: number | null
}

interface PartitionOffset {
  committed: OffsetAndMetadata | null
  /** The write that `commit` came with. */
  order: number
  /** Writes that the disk has not confirmed. */
  pendingWrites: number
}

/** A write of one partition's offset, or of its tombstone, on its way to the disk. */
export interface PendingOffsetCommit {
  readonly topic: string
  readonly partition: number
  readonly commit: OffsetAndMetadata | null
  readonly order: number
}

export class GroupOffsets {
  readonly #topics = new Map<string, Map<number, PartitionOffset>>()
  #order = 0

  get isEmpty(): boolean {
    return this.#topics.size === 0
  }

  get(topic: string, partition: number): OffsetAndMetadata | null {
    return this.#topics.get(topic)?.get(partition)?.committed ?? null
  }

  /** Topics with at least one offset that readers see. */
  *committed(): Iterable<[topic: string, commits: [partition: number, commit: OffsetAndMetadata][]]> {
    for (const [topic, partitions] of this.#topics) {
      const commits = [...partitions].flatMap(([partition, { committed: commit }]) =>
        commit ? [[partition, commit] as [number, OffsetAndMetadata]] : [],
      )
      if (commits.length > 0) yield [topic, commits]
    }
  }

  /** All partitions that have, or are about to have, an offset: what a deletion must cover. */
  keys(only?: string): { topic: string; partition: number }[] {
    const found: { topic: string; partition: number }[] = []
    for (const [topic, partitions] of this.#topics)
      if (only === undefined || only === topic) for (const partition of partitions.keys()) found.push({ topic, partition })
    return found
  }

  /** Call in the order of the appends. */
  prepareCommit(topic: string, partition: number, commit: OffsetAndMetadata | null): PendingOffsetCommit {
    const slot = this.#partition(topic, partition)
    slot.pendingWrites++
    this.#order++
    return { topic, partition, commit, order: this.#order }
  }

  completeCommit({ topic, partition, commit, order }: PendingOffsetCommit, stored: boolean): void {
    const slot = this.#partition(topic, partition)
    slot.pendingWrites--
    if (stored && order > slot.order) {
      slot.committed = commit
      slot.order = order
    }
    this.#removeIfEmpty(topic, partition, slot)
  }

  /** What a record of the topic says, at start. */
  restore(topic: string, partition: number, commit: OffsetAndMetadata | null): void {
    const slot = this.#partition(topic, partition)
    slot.committed = commit
    this.#removeIfEmpty(topic, partition, slot)
  }

  /** Partitions whose offsets have outlived their time. One with a write under way is alive. */
  expired(group: Group, now: number, retentionMs: number): { topic: string; partition: number }[] {
    const rule = expiryOf(group)
    if (!rule) return []
    const found: { topic: string; partition: number }[] = []
    for (const [topic, partitions] of this.#topics) {
      if (rule.subscribed?.has(topic)) continue
      for (const [partition, { committed: commit, pendingWrites: underWay }] of partitions) {
        if (!commit || underWay > 0) continue
        const ended = commit.expireTimestamp === null ? now - rule.since(commit) >= retentionMs : now >= commit.expireTimestamp
        if (ended) found.push({ topic, partition })
      }
    }
    return found
  }

  #partition(topic: string, partition: number): PartitionOffset {
    let partitions = this.#topics.get(topic)
    if (!partitions) this.#topics.set(topic, (partitions = new Map()))
    let slot = partitions.get(partition)
    if (!slot) partitions.set(partition, (slot = { committed: null, order: 0, pendingWrites: 0 }))
    return slot
  }

  #removeIfEmpty(topic: string, partition: number, slot: PartitionOffset): void {
    if (slot.committed !== null || slot.pendingWrites > 0) return
    const partitions = this.#topics.get(topic)
    partitions?.delete(partition)
    if (partitions?.size === 0) this.#topics.delete(topic)
  }
}

interface Expiry {
  /** The moment from which retention counts. */
  since(commit: OffsetAndMetadata): number
  /** Topics whose offsets stay while somebody reads them. */
  subscribed: ReadonlySet<string> | null
}

/** Retention counts from when the group lost its last member; without members at all, or for topics nobody reads any more, from the commit. */
function expiryOf(group: Group): Expiry | null {
  if (group.protocolType === null) return { since: (commit) => commit.timestamp, subscribed: null }
  if (group.state === 'Empty')
    return { since: (commit) => (group.stateTimestamp < 0 ? commit.timestamp : group.stateTimestamp), subscribed: null }
  if (group.state !== 'Stable' || group.protocolType !== 'consumer') return null
  const subscribed = subscribedTopics(group)
  return subscribed && { since: (commit) => commit.timestamp, subscribed }
}

/** Null where a member's subscription cannot be read: then nothing is known to be unread. */
function subscribedTopics(group: Group): Set<string> | null {
  const topics = new Set<string>()
  for (const member of group.members.values()) {
    try {
      for (const topic of consumerSubscription.read(newestKnown(metadataOf(member, group.protocol))).topics) topics.add(topic)
    } catch {
      // The bytes are the clients' own business: not readable here means not expired here.
      return null
    }
  }
  return topics
}

/** A subscription of a later version begins with the fields of ours. */
function newestKnown(metadata: Buffer): Buffer {
  const newest = consumerSubscription.versions[1]
  if (metadata.length < 2 || metadata.readInt16BE(0) <= newest) return metadata
  const copy = Buffer.from(metadata)
  copy.writeInt16BE(newest, 0)
  return copy
}
