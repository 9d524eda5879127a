/**
 * The committed offsets of a group. An offset is visible once it is durable (Invariant 1), and that of a transaction once the transaction
 * is committed (Invariant 4). A later commit wins, whatever the order in which writes and transactions complete (Invariant 3).
 */
import { consumerSubscription } from '../wire/structs/consumer-protocol.ts'
import { type Group, metadataOf } from './group.ts'

export interface OffsetAndMetadata {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
  /** Wall time in ms. */
  readonly timestamp: number
  /** Only where the client set a retention time (OffsetCommit up to v4). */
  readonly expireTimestamp: number | null
}

interface PartitionOffset {
  committed: OffsetAndMetadata | null
  /** The number of the write that set `committed`. */
  order: number
  /** The number of writes in progress. */
  pendingWrites: number
  /** Commits of ongoing transactions: the offset is not stable. Null for none, as nearly always. */
  transactional: Set<PendingOffsetCommit> | null
}

/** A write in progress of the offset of one partition, or of its tombstone; or a commit whose transaction is ongoing. */
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

  /** Topics with at least one committed offset. */
  *committed(): Iterable<[topic: string, commits: [partition: number, commit: OffsetAndMetadata][]]> {
    for (const [topic, partitions] of this.#topics) {
      const commits = [...partitions].flatMap(([partition, { committed: commit }]) =>
        commit ? [[partition, commit] as [number, OffsetAndMetadata]] : [],
      )
      if (commits.length > 0) yield [topic, commits]
    }
  }

  /** All partitions with a committed offset, a write in progress or an ongoing transaction: a deletion must cover them. */
  keys(topicFilter?: string): { topic: string; partition: number }[] {
    const result: { topic: string; partition: number }[] = []
    for (const [topic, partitions] of this.#topics)
      if (topicFilter === undefined || topicFilter === topic) for (const partition of partitions.keys()) result.push({ topic, partition })
    return result
  }

  /** To be called in the order of the appends. */
  prepareCommit(topic: string, partition: number, commit: OffsetAndMetadata | null): PendingOffsetCommit {
    const offset = this.#partition(topic, partition)
    offset.pendingWrites++
    this.#order++
    return { topic, partition, commit, order: this.#order }
  }

  completeCommit({ topic, partition, commit, order }: PendingOffsetCommit, stored: boolean): void {
    const offset = this.#partition(topic, partition)
    offset.pendingWrites--
    if (stored) apply(offset, commit, order)
    this.#removeIfEmpty(topic, partition, offset)
  }

  /** `prepareCommit` for a commit of a transaction; also applies its record at start. */
  prepareTransactional(topic: string, partition: number, commit: OffsetAndMetadata): PendingOffsetCommit {
    const offset = this.#partition(topic, partition)
    this.#order++
    const pending = { topic, partition, commit, order: this.#order }
    offset.transactional ??= new Set()
    offset.transactional.add(pending)
    return pending
  }

  /** Ends a commit of a transaction. It has no effect where the offset was deleted meanwhile. */
  completeTransactional(pending: PendingOffsetCommit, committed: boolean): void {
    const { topic, partition, commit, order } = pending
    const offset = this.#topics.get(topic)?.get(partition)
    if (!offset?.transactional?.delete(pending)) return
    if (offset.transactional.size === 0) offset.transactional = null
    if (committed) apply(offset, commit, order)
    this.#removeIfEmpty(topic, partition, offset)
  }

  /** KIP-447: whether an ongoing transaction may still change the offset. */
  isUnstable(topic: string, partition: number): boolean {
    return (this.#topics.get(topic)?.get(partition)?.transactional ?? null) !== null
  }

  /** Applies a record of the offsets topic, at start. */
  restore(topic: string, partition: number, commit: OffsetAndMetadata | null): void {
    const offset = this.#partition(topic, partition)
    this.#order++
    apply(offset, commit, this.#order)
    this.#removeIfEmpty(topic, partition, offset)
  }

  /** Partitions with expired offsets. One with a write in progress or an ongoing transaction is not expired. */
  expired(group: Group, now: number, retentionMs: number): { topic: string; partition: number }[] {
    const rule = expiryOf(group)
    if (!rule) return []
    const result: { topic: string; partition: number }[] = []
    for (const [topic, partitions] of this.#topics) {
      if (rule.subscribed?.has(topic)) continue
      for (const [partition, { committed, pendingWrites, transactional }] of partitions) {
        if (!committed || pendingWrites > 0 || transactional !== null) continue
        const ended = committed.expireTimestamp === null ? now - rule.since(committed) >= retentionMs : now >= committed.expireTimestamp
        if (ended) result.push({ topic, partition })
      }
    }
    return result
  }

  #partition(topic: string, partition: number): PartitionOffset {
    let partitions = this.#topics.get(topic)
    if (!partitions) this.#topics.set(topic, (partitions = new Map()))
    let offset = partitions.get(partition)
    if (!offset) partitions.set(partition, (offset = { committed: null, order: 0, pendingWrites: 0, transactional: null }))
    return offset
  }

  #removeIfEmpty(topic: string, partition: number, offset: PartitionOffset): void {
    if (offset.committed !== null || offset.pendingWrites > 0 || offset.transactional !== null) return
    const partitions = this.#topics.get(topic)
    partitions?.delete(partition)
    if (partitions?.size === 0) this.#topics.delete(topic)
  }
}

/** A tombstone deletes the commits of ongoing transactions before it as well. */
function apply(offset: PartitionOffset, commit: OffsetAndMetadata | null, order: number): void {
  if (order <= offset.order) return
  offset.committed = commit
  offset.order = order
  if (commit !== null || offset.transactional === null) return
  for (const pending of offset.transactional) if (pending.order < order) offset.transactional.delete(pending)
  if (offset.transactional.size === 0) offset.transactional = null
}

interface Expiry {
  /** The time from which the retention counts. */
  since(commit: OffsetAndMetadata): number
  /** Topics whose offsets do not expire while a member subscribes to them. */
  subscribed: ReadonlySet<string> | null
}

/**
 * The retention counts from when the group became empty; for groups without membership and topics without a subscription, from the commit.
 */
function expiryOf(group: Group): Expiry | null {
  if (group.protocolType === null) return { since: (commit) => commit.timestamp, subscribed: null }
  if (group.state === 'Empty')
    return { since: (commit) => (group.stateTimestamp < 0 ? commit.timestamp : group.stateTimestamp), subscribed: null }
  if (group.state !== 'Stable' || group.protocolType !== 'consumer') return null
  const subscribed = subscribedTopics(group)
  return subscribed && { since: (commit) => commit.timestamp, subscribed }
}

/** Whether a member may be subscribed to a topic. */
export function subscriptionsOf(group: Group): (topic: string) => boolean {
  if (group.protocolType !== 'consumer') return () => false
  const subscribed = subscribedTopics(group)
  return (topic) => subscribed?.has(topic) ?? true
}

/** Null where the subscription of a member cannot be read: no topic is known to be unsubscribed then. */
function subscribedTopics(group: Group): Set<string> | null {
  const topics = new Set<string>()
  for (const member of group.members.values()) {
    try {
      for (const topic of consumerSubscription.read(newestKnown(metadataOf(member, group.protocol))).topics) topics.add(topic)
    } catch {
      // Clients may use any format: offsets do not expire then.
      return null
    }
  }
  return topics
}

/** A subscription of a later version starts with the fields of the newest known one. */
function newestKnown(metadata: Buffer): Buffer {
  const newest = consumerSubscription.versions[1]
  if (metadata.length < 2 || metadata.readInt16BE(0) <= newest) return metadata
  const copy = Buffer.from(metadata)
  copy.writeInt16BE(newest, 0)
  return copy
}
