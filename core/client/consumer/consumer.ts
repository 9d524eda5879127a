/**
 * The consumer: subscribes as a member of a group, or reads partitions that it is assigned. Records, rebalances and errors reach the user
 * in poll() only. If all its assignors are cooperative, it keeps the partitions that it still owns during a rebalance. A partition is
 * revoked before any other member gets it (Invariant 9).
 */
import { KafkaError } from '../../errors.ts'
import type { Timer } from '../../system/clock.ts'
import { SerialQueue } from '../../system/serial-queue.ts'
import { within } from '../../system/within.ts'
import { partitionKey } from '../../topic-partition.ts'
import { ClassicGroupMember } from '../group/group-member.ts'
import { commitOffsets, fetchCommitted } from '../group/group-offsets.ts'
import { clientLimits } from '../limits.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import type {
  CommitOffset,
  ConsumedBatch,
  Consumer,
  ConsumerGroupMetadata,
  ConsumerSettings,
  RebalanceListener,
  TopicPartition,
  TopicPattern,
} from '../types.ts'
import type { Assignor } from './assignors/assignor.ts'
import { Fetcher } from './fetcher.ts'
import { assignAsLeader, assignorNamed, readAssignment, writeSubscription } from './group-assignment.ts'
import type { PartitionReader } from './partition-reader.ts'
import { SubscriptionWatcher } from './subscription-watcher.ts'

const consumerDefaults = {
  autoOffsetReset: 'latest',
  isolationLevel: 'read_uncommitted',
  fetchMinBytes: 1,
  fetchMaxWaitMs: 500,
  fetchMaxBytes: 50 * 1024 * 1024,
  maxPartitionFetchBytes: 1024 * 1024,
  maxPollRecords: 500,
  sessionTimeoutMs: 45_000,
  heartbeatIntervalMs: 3_000,
  rebalanceTimeoutMs: 300_000,
  allowAutoCreateTopics: true,
  partitionAssignors: ['cooperative-sticky'],
} as const satisfies ConsumerSettings

type ResolvedSettings = Required<Omit<ConsumerSettings, 'groupId' | 'groupInstanceId'>> &
  Pick<ConsumerSettings, 'groupId' | 'groupInstanceId'>

/** A callback of the group member that waits for poll(). */
interface RebalanceCallback {
  run: () => Promise<void>
  resolve: () => void
}

export class GroupConsumer implements Consumer {
  readonly #router: RequestRouter
  readonly #settings: ResolvedSettings
  readonly #fetcher: Fetcher
  readonly #subscription: SubscriptionWatcher
  readonly #assignors: readonly Assignor[]
  /** With one eager assignor among them all partitions are revoked before a rejoin: the group may choose that one (KIP-429). */
  readonly #cooperative: boolean
  readonly #callbacks: RebalanceCallback[] = []
  readonly #closing = new AbortController()
  /** No callback runs any more. */
  #memberClosed = false
  #member: ClassicGroupMember | null = null
  #listener: RebalanceListener = {}
  #mode: 'none' | 'group' | 'assigned' = 'none'
  /** The last assignment, also after it was revoked: a sticky assignor gives it to this member again. */
  #lastAssignment: readonly TopicPartition[] = []
  /**
   * Of the last assignment, also after the group has removed this consumer: transactional offsets without a member would be accepted though
   * the partitions may have other owners. Invariant 9.
   */
  #membership = { generationId: -1, memberId: '' }
  #failure: Error | null = null
  #polling = false
  #wake: (() => void) | null = null
  readonly #commits = new SerialQueue()
  /** Monotonic ms. */
  #lastPolledAt = 0
  #pollTimer: Timer | null = null

  constructor(router: RequestRouter, userSettings: ConsumerSettings) {
    const defined = Object.fromEntries(Object.entries(userSettings).filter(([, value]) => value !== undefined)) as ConsumerSettings
    const settings = { ...consumerDefaults, ...defined }
    this.#router = router
    this.#settings = settings
    this.#assignors = settings.partitionAssignors.map(assignorNamed)
    this.#cooperative = this.#assignors.every((assignor) => assignor.cooperative)
    this.#fetcher = new Fetcher(
      router,
      { ...settings, isolationLevel: settings.isolationLevel === 'read_committed' ? 1 : 0 },
      (partitions, signal) =>
        settings.groupId === undefined
          ? Promise.resolve([])
          : fetchCommitted(router, settings.groupId, partitions, { signal, requireStable: true }),
      () => this.#wake?.(),
    )
    this.#subscription = new SubscriptionWatcher(router, {
      groupId: settings.groupId,
      allowAutoCreateTopics: settings.allowAutoCreateTopics,
      onChanged: (reason) => this.#member?.rejoin(reason),
    })
  }

  get assignment(): readonly TopicPartition[] {
    return this.#fetcher.partitions
  }

  #groupId(): string {
    if (this.#settings.groupId === undefined)
      throw new KafkaError('INVALID_GROUP_ID', 'the consumer has no group.id: set one to subscribe or to commit')
    return this.#settings.groupId
  }

  subscribe(topics: readonly string[] | TopicPattern, listener: RebalanceListener = {}): void {
    this.#checkOpen()
    const groupId = this.#groupId()
    if (this.#mode === 'assigned')
      throw new KafkaError('INVALID_REQUEST', 'the consumer reads assigned partitions: it cannot subscribe as well')
    this.#mode = 'group'
    this.#listener = listener
    this.#subscription.subscribe(topics)
    const { clock } = this.#router.system
    this.#lastPolledAt = clock.monotonic()
    if (this.#member) {
      void this.#subscription.restart()
      this.#member.rejoin('the subscription has changed')
      return
    }
    const member = this.#createMember(groupId)
    this.#member = member
    void this.#subscription.start().then(() => member.start())
    this.#pollTimer = clock.every(Math.max(100, this.#settings.rebalanceTimeoutMs / 4), () => this.#checkPollInterval(member))
  }

  #createMember(groupId: string): ClassicGroupMember {
    const { sessionTimeoutMs, heartbeatIntervalMs, rebalanceTimeoutMs, groupInstanceId } = this.#settings
    const member = new ClassicGroupMember(this.#router, {
      groupId,
      ...(groupInstanceId === undefined ? {} : { groupInstanceId }),
      protocolType: 'consumer',
      sessionTimeoutMs,
      heartbeatIntervalMs,
      rebalanceTimeoutMs,
      protocols: () =>
        this.#assignors.map((assignor) => ({
          name: assignor.name,
          metadata: writeSubscription(
            assignor,
            this.#subscription.topics,
            assignor.cooperative ? this.#fetcher.partitions : this.#lastAssignment,
            member.generation,
            this.#router.settings.clientRack,
          ),
        })),
      assign: async (protocol, members) => {
        const { assignments, partitionCounts } = await assignAsLeader(this.#router, protocol, members)
        this.#subscription.setAssignedCounts(partitionCounts)
        return assignments
      },
      beforeRejoin: () => this.#runInPoll(() => this.#beforeRejoin()),
      onAssigned: (assignment, generationId, memberId, leader) =>
        this.#runInPoll(() => {
          this.#membership = { generationId, memberId }
          return this.#onAssigned(assignment, leader)
        }),
      onLost: (error) => this.#onLost(error),
    })
    return member
  }

  assign(partitions: readonly (TopicPartition & { offset: number | 'earliest' | 'latest' })[]): void {
    this.#checkOpen()
    if (this.#mode === 'group')
      throw new KafkaError('INVALID_REQUEST', 'the consumer subscribes in a group: it cannot be assigned partitions as well')
    this.#mode = 'assigned'
    this.#fetcher.remove(this.#fetcher.partitions)
    for (const entry of partitions) this.#fetcher.add(entry, entry.offset)
  }

  /** Resolves when `run` has ended in poll(), or when the consumer has closed. */
  #runInPoll(run: () => Promise<void>): Promise<void> {
    if (this.#memberClosed) return Promise.resolve()
    return new Promise((resolve) => {
      this.#callbacks.push({ run, resolve })
      this.#wake?.()
    })
  }

  async #runCallbacks(): Promise<void> {
    for (let callback = this.#callbacks.shift(); callback; callback = this.#callbacks.shift()) {
      try {
        await callback.run()
      } finally {
        // The rebalance continues also after an error of the listener, which poll() throws.
        callback.resolve()
      }
    }
  }

  /** An eager member revokes all partitions, a cooperative one those of topics that it does not subscribe to any more. */
  async #beforeRejoin(): Promise<void> {
    const topics = new Set(this.#subscription.topics)
    const owned = this.#fetcher.partitions
    await this.#revoke(this.#cooperative ? owned.filter((entry) => !topics.has(entry.topic)) : owned)
  }

  async #revoke(partitions: readonly TopicPartition[]): Promise<void> {
    if (partitions.length === 0) return
    try {
      await this.#listener.revoked?.(partitions)
    } finally {
      this.#fetcher.remove(partitions)
    }
  }

  async #onAssigned(bytes: Buffer, leader: boolean): Promise<void> {
    if (!leader) this.#subscription.setAssignedCounts(null)
    const assignment = readAssignment(bytes)
    this.#lastAssignment = assignment
    const assigned = new Set(assignment.map(partitionKey))
    const owned = this.#fetcher.partitions
    const ownedKeys = new Set(owned.map(partitionKey))
    const revoked = owned.filter((entry) => !assigned.has(partitionKey(entry)))
    const added = assignment.filter((entry) => !ownedKeys.has(partitionKey(entry)))
    try {
      await this.#revoke(revoked)
    } finally {
      // The leader assigns them to another member when this one has rejoined without them.
      if (revoked.length > 0 && this.#cooperative) this.#member?.rejoin('partitions were revoked')
      for (const entry of added) this.#fetcher.add(entry, 'committed')
    }
    if (added.length > 0 || !this.#cooperative) await this.#listener.assigned?.(added)
  }

  #onLost(error: Error): Promise<void> {
    if (this.#member?.failure) this.#failure = this.#member.failure
    return this.#runInPoll(async () => {
      const lost = this.#fetcher.partitions
      this.#fetcher.remove(lost)
      this.#router.system.logger.warn(
        { group: this.#settings.groupId, err: error, partitions: lost.length },
        'the group coordinator has removed this consumer; it has lost its partitions',
      )
      if (lost.length > 0) await (this.#listener.lost ?? this.#listener.revoked)?.(lost)
    })
  }

  /** A consumer leaves the group when it has not polled, or its listener has not returned, for the rebalance timeout. */
  #checkPollInterval(member: ClassicGroupMember): void {
    const { rebalanceTimeoutMs } = this.#settings
    const sinceMs = this.#router.system.clock.monotonic() - this.#lastPolledAt
    if (this.#wake || sinceMs <= rebalanceTimeoutMs) return
    member.leaveAndRejoin(`poll() was not called for ${Math.round(sinceMs)} ms, max.poll.interval.ms is ${rebalanceTimeoutMs}`)
  }

  async poll(timeoutMs: number, signal?: AbortSignal): Promise<ConsumedBatch[]> {
    this.#checkOpen()
    if (this.#polling) throw new KafkaError('INVALID_REQUEST', 'poll() is in progress: await it before the next call')
    const { clock } = this.#router.system
    this.#polling = true
    const started = clock.monotonic()
    this.#lastPolledAt = started
    try {
      for (;;) {
        if (this.#closing.signal.aborted) return []
        if (this.#callbacks.length > 0) await this.#runCallbacks()
        if (this.#failure) throw this.#failure
        if (this.#closing.signal.aborted) return []
        const batches = this.#fetcher.collect(this.#settings.maxPollRecords)
        if (batches.length > 0) return batches
        const remainingMs = started + timeoutMs - clock.monotonic()
        if (remainingMs <= 0 || signal?.aborted) return []
        await this.#wait(remainingMs, signal)
        this.#lastPolledAt = clock.monotonic()
      }
    } finally {
      this.#polling = false
      this.#lastPolledAt = clock.monotonic()
    }
  }

  /** Until there is something to do, or `delayMs`. Keeps the process alive: the caller waits for records. */
  async #wait(delayMs: number, signal?: AbortSignal): Promise<void> {
    const woken = new AbortController()
    const wake = () => woken.abort()
    this.#wake = wake
    signal?.addEventListener('abort', wake, { once: true })
    await this.#router.system.clock.sleep(delayMs, woken.signal)
    signal?.removeEventListener('abort', wake)
    this.#wake = null
  }

  seek(partition: TopicPartition, offset: number): void {
    this.#reader(partition).seek(offset)
    this.#fetcher.schedule()
  }

  #reader(partition: TopicPartition): PartitionReader {
    const reader = this.#fetcher.get(partition)
    if (!reader) throw new KafkaError('INVALID_REQUEST', `${partitionKey(partition)} is not assigned to this consumer`)
    return reader
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#reader(partition).pause()
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#reader(partition).resume()
    this.#fetcher.schedule()
    this.#wake?.()
  }

  position(partition: TopicPartition): number | undefined {
    return this.#fetcher.get(partition)?.position
  }

  async commit(offsets: readonly CommitOffset[]): Promise<void> {
    if (offsets.length === 0) return
    // The next owner needs the leader epoch of the last record to detect a truncation of the log.
    const withEpochs = offsets.map((entry) => ({ ...entry, leaderEpoch: entry.leaderEpoch ?? this.#fetcher.get(entry)?.lastEpoch ?? -1 }))
    // A commit of partitions that are revoked must not be retried: it could overwrite that of their next owner. Invariant 3.
    if (this.#member) return this.#member.commit(withEpochs, { retryAfterSync: offsets.every((entry) => this.#fetcher.get(entry)) })
    const groupId = this.#groupId()
    return this.#commits.run(() => commitOffsets(this.#router, groupId, withEpochs))
  }

  async committed(partitions: readonly TopicPartition[]): Promise<Map<string, number>> {
    const offsets = await fetchCommitted(this.#router, this.#groupId(), partitions, { requireStable: true })
    return new Map(offsets.map((entry) => [partitionKey(entry), entry.offset]))
  }

  groupMetadata(): ConsumerGroupMetadata {
    return { groupId: this.#groupId(), ...this.#membership, groupInstanceId: this.#settings.groupInstanceId ?? null }
  }

  #checkOpen(): void {
    if (this.#closing.signal.aborted) throw new KafkaError('INVALID_REQUEST', 'the consumer is closed')
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    this.#subscription.close()
    this.#pollTimer?.cancel()
    this.#wake?.()
    const owned = this.#fetcher.partitions
    let failure: unknown
    if (this.#mode === 'group' && owned.length > 0 && this.#listener.revoked) {
      const { revoked } = this.#listener
      const finished = Promise.resolve()
        .then(() => revoked(owned))
        .catch((error: unknown) => {
          failure = error
        })
      await within(this.#router.system.clock, clientLimits.closeTimeoutMs, finished)
    }
    // The member's callbacks wait until here: in a rebalance it would join, and the listener's commits would be of an old generation.
    const closed = this.#member?.close()
    this.#memberClosed = true
    for (const callback of this.#callbacks.splice(0)) callback.resolve()
    await closed
    this.#fetcher.close()
    if (failure) throw failure
  }
}
