/**
 * The consumer: subscribes as a member of a group, or reads partitions that it is given. Everything that touches the user's state happens in
 * poll(): records, rebalances, errors. Where all its assignors are cooperative it keeps what stays its own through a rebalance; a partition is
 * let go of before anybody else gets it (Invariant 9).
 */
import { KafkaError } from '../../errors.ts'
import type { Timer } from '../../system/clock.ts'
import { SerialQueue } from '../../system/serial-queue.ts'
import { within } from '../../system/within.ts'
import { partitionKey } from '../../topic-partition.ts'
import { ClassicGroupMember } from '../group-member.ts'
import { commitOffsets, fetchCommitted } from '../group-offsets.ts'
import { clientLimits } from '../limits.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import type { CommitOffset, ConsumedBatch, Consumer, ConsumerSettings, RebalanceListener, TopicPartition } from '../types.ts'
import type { Assignor } from './assignors/assignor.ts'
import { Fetcher } from './fetcher.ts'
import { assignAsLeader, assignorNamed, readAssignment, writeSubscription } from './group-assignment.ts'

export const consumerDefaults = {
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

/** How often a subscription is held against the cluster while a topic of it is not there. */
const MISSING_TOPIC_WATCH_MS = 1_000

/** Something that a rebalance wants done in poll(). */
interface Step {
  run: () => Promise<void>
  resolve: () => void
  reject: (error: unknown) => void
}

export class GroupConsumer implements Consumer {
  readonly #network: RequestRouter
  readonly #settings: Required<Omit<ConsumerSettings, 'groupId' | 'groupInstanceId'>> &
    Pick<ConsumerSettings, 'groupId' | 'groupInstanceId'>
  readonly #fetcher: Fetcher
  readonly #offered: readonly Assignor[]
  /** With one eager assignor among them all is let go of before a rejoin: should the group choose it, others begin at once (KIP-429). */
  readonly #cooperative: boolean
  readonly #steps: Step[] = []
  readonly #closing = new AbortController()
  /** The member is closed: nothing more is to be done in poll(). */
  #left = false
  #member: ClassicGroupMember | null = null
  #pattern: RegExp | null = null
  #topics: readonly string[] = []
  #listener: RebalanceListener = {}
  #mode: 'none' | 'group' | 'assigned' = 'none'
  /** The last assignment, also when it has been let go of: what a sticky assignor would have us get again. */
  #assigned: readonly TopicPartition[] = []
  #ledCounts: Map<string, number> | null = null
  #fatal: Error | null = null
  #polling = false
  #wake: (() => void) | null = null
  #watcher: Timer | null = null
  #watching = false
  /** The last try to hold the subscription against the cluster has failed. */
  #unwatched = false
  readonly #commits = new SerialQueue()
  #lastPoll = 0
  #liveness: Timer | null = null
  #unlisten: (() => void) | null = null

  constructor(network: RequestRouter, given: ConsumerSettings) {
    const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as ConsumerSettings
    const settings = { ...consumerDefaults, ...defined }
    this.#network = network
    this.#settings = settings
    this.#offered = settings.partitionAssignors.map(assignorNamed)
    this.#cooperative = this.#offered.every((assignor) => assignor.cooperative)
    this.#fetcher = new Fetcher(
      network,
      { ...settings, isolationLevel: settings.isolationLevel === 'read_committed' ? 1 : 0 },
      (partitions, signal) =>
        settings.groupId === undefined
          ? Promise.resolve([])
          : fetchCommitted(network, settings.groupId, partitions, { signal, requireStable: true }),
      () => this.#wake?.(),
    )
  }

  get assignment(): readonly TopicPartition[] {
    return this.#fetcher.partitions
  }

  #groupId(): string {
    if (this.#settings.groupId === undefined)
      throw new KafkaError('INVALID_GROUP_ID', 'the consumer has no group.id: set one to subscribe or to commit')
    return this.#settings.groupId
  }

  subscribe(topics: readonly string[] | RegExp, listener: RebalanceListener = {}): void {
    this.#checkOpen()
    const groupId = this.#groupId()
    if (this.#mode === 'assigned')
      throw new KafkaError('INVALID_REQUEST', 'the consumer reads assigned partitions: it cannot subscribe as well')
    this.#mode = 'group'
    this.#listener = listener
    this.#pattern = topics instanceof RegExp ? topics : null
    this.#topics = topics instanceof RegExp ? [] : [...new Set(topics)].sort()
    this.#lastPoll = this.#network.system.clock.monotonic()
    if (this.#member) {
      void this.#watch().then(() => this.#scheduleWatch())
      this.#member.rejoin('the subscription has changed')
      return
    }
    const { sessionTimeoutMs, heartbeatIntervalMs, rebalanceTimeoutMs, groupInstanceId } = this.#settings
    const member = new ClassicGroupMember(this.#network, {
      groupId,
      ...(groupInstanceId === undefined ? {} : { groupInstanceId }),
      protocolType: 'consumer',
      sessionTimeoutMs,
      heartbeatIntervalMs,
      rebalanceTimeoutMs,
      protocols: () =>
        this.#offered.map((assignor) => ({
          name: assignor.name,
          metadata: writeSubscription(
            assignor,
            this.#topics,
            assignor.cooperative ? this.#fetcher.partitions : this.#assigned,
            member.generation,
            this.#network.settings.clientRack,
          ),
        })),
      assign: async (protocol, members) => {
        const led = await assignAsLeader(this.#network, protocol, members)
        this.#ledCounts = led.partitionCounts
        return led.assignments
      },
      beforeRejoin: () => this.#step(() => this.#letGo()),
      onAssigned: (assignment, _generation, _memberId, leader) => this.#step(() => this.#take(assignment, leader)),
      onLost: (error) => this.#onLost(error),
    })
    this.#member = member
    this.#unlisten = this.#network.metadata.onChange(() => this.#compareCounts())
    // The first join already says which topics the pattern takes in.
    const watched = this.#pattern || this.#settings.allowAutoCreateTopics ? this.#watch() : Promise.resolve()
    void watched.then(() => {
      member.start()
      this.#scheduleWatch()
    })
    this.#liveness = this.#network.system.clock.every(Math.max(100, rebalanceTimeoutMs / 4), () => this.#checkLiveness())
  }

  assign(partitions: readonly (TopicPartition & { offset: number | 'earliest' | 'latest' })[]): void {
    this.#checkOpen()
    if (this.#mode === 'group')
      throw new KafkaError('INVALID_REQUEST', 'the consumer subscribes in a group: it cannot be assigned partitions as well')
    this.#mode = 'assigned'
    this.#fetcher.remove(this.#fetcher.partitions)
    for (const entry of partitions) this.#fetcher.add(entry, entry.offset)
  }

  /** Runs `run` in poll(); resolves when it is done, or when the consumer has closed. */
  #step(run: () => Promise<void>): Promise<void> {
    if (this.#left) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#steps.push({ run, resolve, reject })
      this.#wake?.()
    })
  }

  async #runSteps(): Promise<void> {
    for (let step = this.#steps.shift(); step; step = this.#steps.shift()) {
      try {
        await step.run()
        step.resolve()
      } catch (error) {
        // The group goes on; what the listener threw is the caller's.
        step.resolve()
        throw error
      }
    }
  }

  /** Before a rejoin: an eager member lets go of everything, a cooperative one of what it does not subscribe to any more. */
  async #letGo(): Promise<void> {
    const topics = new Set(this.#topics)
    const held = this.#fetcher.partitions
    const going = this.#cooperative ? held.filter((entry) => !topics.has(entry.topic)) : held
    if (going.length === 0) return
    try {
      await this.#listener.revoked?.(going)
    } finally {
      this.#fetcher.remove(going)
    }
  }

  async #take(assignment: Buffer, leader: boolean): Promise<void> {
    if (!leader) this.#ledCounts = null
    const assigned = readAssignment(assignment)
    this.#assigned = assigned
    const wanted = new Set(assigned.map(partitionKey))
    const held = this.#fetcher.partitions
    const holds = new Set(held.map(partitionKey))
    const going = held.filter((entry) => !wanted.has(partitionKey(entry)))
    const coming = assigned.filter((entry) => !holds.has(partitionKey(entry)))
    try {
      if (going.length > 0) await this.#listener.revoked?.(going)
    } finally {
      this.#fetcher.remove(going)
      // Others wait for what we have let go of.
      if (going.length > 0 && this.#cooperative) this.#member?.rejoin('partitions were let go of')
      for (const entry of coming) this.#fetcher.add(entry, 'committed')
    }
    if (coming.length > 0 || !this.#cooperative) await this.#listener.assigned?.(coming)
  }

  #onLost(error: Error): Promise<void> {
    // A member that has ended says so in poll().
    if (this.#member?.failure) this.#fatal = this.#member.failure
    return this.#step(async () => {
      const held = this.#fetcher.partitions
      this.#fetcher.remove(held)
      this.#network.system.logger.warn(
        { group: this.#settings.groupId, err: error, partitions: held.length },
        'the group has put us out; what we held is no longer ours',
      )
      if (held.length > 0) await (this.#listener.lost ?? this.#listener.revoked)?.(held)
    })
  }

  /** Does the group have to meet again: new topics for a pattern, other partition counts? Never rejects. */
  async #watch(): Promise<void> {
    if (this.#watching || this.#closing.signal.aborted) return
    this.#watching = true
    this.#unwatched = false
    const pattern = this.#pattern
    try {
      if (pattern) {
        const all = await this.#network.metadata.topics()
        const names = all
          .filter((topic) => !topic.internal && new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).test(topic.name))
          .map((topic) => topic.name)
        names.sort()
        if (names.join('\n') !== this.#topics.join('\n') && this.#pattern === pattern) {
          this.#topics = names
          this.#member?.rejoin('the topics that the pattern takes in have changed')
        }
      } else if (this.#topics.length > 0)
        await this.#network.metadata.refresh([...this.#topics, ...(this.#ledCounts?.keys() ?? [])], {
          allowCreation: this.#settings.allowAutoCreateTopics,
          timeoutMs: this.#network.settings.requestTimeoutMs,
          signal: this.#closing.signal,
        })
    } catch (error) {
      this.#network.system.logger.debug({ err: error, group: this.#settings.groupId }, 'subscription not checked; it will be later')
      this.#unwatched = true
    } finally {
      this.#watching = false
    }
    if (this.#pattern && this.#pattern !== pattern) await this.#watch()
  }

  #scheduleWatch(): void {
    this.#watcher?.cancel()
    if (this.#closing.signal.aborted) return
    const missing = this.#unwatched || this.#topics.some((topic) => !this.#network.metadata.peek(topic))
    const delayMs = missing
      ? Math.min(MISSING_TOPIC_WATCH_MS, this.#network.settings.metadataMaxAgeMs)
      : this.#network.settings.metadataMaxAgeMs
    this.#watcher = this.#network.system.clock.after(delayMs, () => void this.#watch().then(() => this.#scheduleWatch()))
  }

  #compareCounts(): void {
    if (!this.#ledCounts) return
    for (const [topic, count] of this.#ledCounts) {
      const now = this.#network.metadata.peek(topic)?.partitions.length ?? 0
      if (now === count) continue
      this.#ledCounts = null
      this.#member?.rejoin(`topic ${topic} has ${now} partitions now, it had ${count}`)
      return
    }
  }

  /** Whoever does not poll for the whole rebalance timeout, or does not come out of a callback, gives its partitions to others. */
  #checkLiveness(): void {
    const { rebalanceTimeoutMs } = this.#settings
    const quietMs = this.#network.system.clock.monotonic() - this.#lastPoll
    if (this.#wake || quietMs <= rebalanceTimeoutMs || !this.#member) return
    this.#member.expel(`poll() was not called for ${Math.round(quietMs)} ms, max.poll.interval.ms is ${rebalanceTimeoutMs}`)
  }

  async poll(timeoutMs: number, signal?: AbortSignal): Promise<ConsumedBatch[]> {
    this.#checkOpen()
    if (this.#polling) throw new KafkaError('INVALID_REQUEST', 'poll() is under way: await it before the next')
    const { clock } = this.#network.system
    this.#polling = true
    const started = clock.monotonic()
    this.#lastPoll = started
    try {
      for (;;) {
        if (this.#closing.signal.aborted) return []
        if (this.#steps.length > 0) await this.#runSteps()
        if (this.#fatal) throw this.#fatal
        if (this.#closing.signal.aborted) return []
        const batches = this.#fetcher.take(this.#settings.maxPollRecords)
        if (batches.length > 0) return batches
        const leftMs = started + timeoutMs - clock.monotonic()
        if (leftMs <= 0 || signal?.aborted) return []
        await this.#wait(leftMs, signal)
        this.#lastPoll = clock.monotonic()
      }
    } finally {
      this.#polling = false
      this.#lastPoll = clock.monotonic()
    }
  }

  /** Until something happens or the time is over. Keeps the process alive: somebody waits for records. */
  async #wait(delayMs: number, signal?: AbortSignal): Promise<void> {
    const timer = new AbortController()
    const wake = () => timer.abort()
    this.#wake = wake
    signal?.addEventListener('abort', wake, { once: true })
    await this.#network.system.clock.sleep(delayMs, timer.signal)
    signal?.removeEventListener('abort', wake)
    this.#wake = null
  }

  seek(partition: TopicPartition, offset: number): void {
    this.#reader(partition).seek(offset)
    this.#fetcher.schedule()
  }

  #reader(partition: TopicPartition) {
    const reader = this.#fetcher.get(partition)
    if (!reader) throw new KafkaError('INVALID_REQUEST', `${partitionKey(partition)} is not assigned to this consumer`)
    return reader
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#reader(partition).paused = true
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#reader(partition).paused = false
    this.#fetcher.schedule()
    this.#wake?.()
  }

  position(partition: TopicPartition): number | undefined {
    return this.#fetcher.get(partition)?.position
  }

  /** In the order of the calls: a commit that has to be tried again must not overwrite what a later one stored. Invariant 3. */
  async commit(offsets: readonly CommitOffset[]): Promise<void> {
    if (offsets.length === 0) return
    // With the epoch of what was read, whoever takes over can tell whether the log was cut off since.
    const withEpochs = offsets.map((entry) => ({ ...entry, leaderEpoch: entry.leaderEpoch ?? this.#fetcher.get(entry)?.lastEpoch ?? -1 }))
    if (this.#member) return this.#member.commit(withEpochs)
    const groupId = this.#groupId()
    return this.#commits.run(() => commitOffsets(this.#network, groupId, withEpochs))
  }

  async committed(partitions: readonly TopicPartition[]): Promise<Map<string, number>> {
    const found = await fetchCommitted(this.#network, this.#groupId(), partitions, { requireStable: true })
    return new Map(found.map((entry) => [partitionKey(entry), entry.offset]))
  }

  #checkOpen(): void {
    if (this.#closing.signal.aborted) throw new KafkaError('INVALID_REQUEST', 'the consumer is closed')
  }

  /** Lets go of everything, tells the listener, and leaves the group. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    this.#watcher?.cancel()
    this.#liveness?.cancel()
    this.#unlisten?.()
    this.#wake?.()
    const held = this.#fetcher.partitions
    let failure: unknown
    if (this.#mode === 'group' && held.length > 0 && this.#listener.revoked) {
      const { revoked } = this.#listener
      const told = Promise.resolve()
        .then(() => revoked(held))
        .catch((error: unknown) => {
          failure = error
        })
      await within(this.#network.system.clock, clientLimits.closeTimeoutMs, told)
    }
    // Only now may the member go on: in a rebalance it would join, and what the listener commits would be of an old generation.
    const closed = this.#member?.close()
    this.#left = true
    for (const step of this.#steps.splice(0)) step.resolve()
    await closed
    this.#fetcher.close()
    if (failure) throw failure
  }
}
