/**
 * Compares a subscription with the cluster: topics that a pattern matches, topics that do not exist yet, and the partition counts that the
 * last assignment of this member as the group's leader is based on. It calls `onChanged` when the group has to rebalance; it never rejects.
 */
import type { Timer } from '../../system/clock.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import type { TopicPattern } from '../types.ts'

interface SubscriptionWatcherOptions {
  groupId: string | undefined
  allowAutoCreateTopics: boolean
  /** The group has to rebalance, and why. */
  onChanged: (reason: string) => void
}

/** Interval of the metadata requests for a topic that does not exist. */
const MISSING_TOPIC_CHECK_MS = 1_000

export class SubscriptionWatcher {
  readonly #router: RequestRouter
  readonly #options: SubscriptionWatcherOptions
  readonly #closing = new AbortController()
  readonly #removeListener: () => void
  #pattern: TopicPattern | null = null
  #topics: readonly string[] = []
  /** By topic; null while another member leads the group. */
  #assignedCounts: ReadonlyMap<string, number> | null = null
  #timer: Timer | null = null
  #checking = false
  #lastCheckFailed = false

  constructor(router: RequestRouter, options: SubscriptionWatcherOptions) {
    this.#router = router
    this.#options = options
    this.#removeListener = router.metadata.onUpdated(() => this.#comparePartitionCounts())
  }

  /** Subscribed topics in their order; of a pattern, those that it matched at the last check. */
  get topics(): readonly string[] {
    return this.#topics
  }

  subscribe(topics: readonly string[] | TopicPattern): void {
    const isPattern = 'test' in topics
    // Flags g and y would make each test depend on the one before.
    this.#pattern = topics instanceof RegExp ? new RegExp(topics.source, topics.flags.replace(/[gy]/g, '')) : isPattern ? topics : null
    this.#topics = isPattern ? [] : [...new Set(topics)].sort()
  }

  /** Checks now and from then on. Resolves after the first check. */
  async start(): Promise<void> {
    // Without a check the first JoinGroup would have no topics, or those that the broker is to create would not exist.
    if (this.#pattern || this.#options.allowAutoCreateTopics) await this.#check()
    this.#schedule()
  }

  async restart(): Promise<void> {
    await this.#check()
    this.#schedule()
  }

  /** The partition counts that this member has assigned as the leader; null where it does not lead. */
  setAssignedCounts(counts: ReadonlyMap<string, number> | null): void {
    this.#assignedCounts = counts
  }

  async #check(): Promise<void> {
    if (this.#checking || this.#closing.signal.aborted) return
    this.#checking = true
    this.#lastCheckFailed = false
    const pattern = this.#pattern
    try {
      if (pattern) await this.#matchTopics(pattern)
      else if (this.#topics.length > 0)
        await this.#router.metadata.refresh([...this.#topics, ...(this.#assignedCounts?.keys() ?? [])], {
          allowCreation: this.#options.allowAutoCreateTopics,
          signal: this.#closing.signal,
        })
    } catch (error) {
      this.#router.system.logger.debug({ err: error, group: this.#options.groupId }, 'the subscription could not be checked; it is retried')
      this.#lastCheckFailed = true
    } finally {
      this.#checking = false
    }
    // The pattern has changed during the check.
    if (this.#pattern && this.#pattern !== pattern) await this.#check()
  }

  async #matchTopics(pattern: TopicPattern): Promise<void> {
    const topics = await this.#router.metadata.topics()
    const matched = topics.filter(({ internal, name }) => !internal && pattern.test(name)).map(({ name }) => name)
    matched.sort()
    if (matched.join('\n') === this.#topics.join('\n') || this.#pattern !== pattern) return
    this.#topics = matched
    this.#options.onChanged('the topics that the pattern matches have changed')
  }

  #schedule(): void {
    this.#timer?.cancel()
    if (this.#closing.signal.aborted) return
    const { metadataMaxAgeMs } = this.#router.settings
    const missing = this.#lastCheckFailed || this.#topics.some((topic) => !this.#router.metadata.peek(topic))
    const delayMs = missing ? Math.min(MISSING_TOPIC_CHECK_MS, metadataMaxAgeMs) : metadataMaxAgeMs
    this.#timer = this.#router.system.clock.after(delayMs, () => void this.restart())
  }

  #comparePartitionCounts(): void {
    for (const [topic, assigned] of this.#assignedCounts ?? []) {
      const count = this.#router.metadata.peek(topic)?.partitions.length ?? 0
      if (count === assigned) continue
      this.#assignedCounts = null
      this.#options.onChanged(`topic ${topic} has ${count} partitions now, it had ${assigned}`)
      return
    }
  }

  close(): void {
    this.#closing.abort()
    this.#timer?.cancel()
    this.#removeListener()
  }
}
