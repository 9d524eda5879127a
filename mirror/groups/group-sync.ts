/**
 * Follows the source's consumer groups: what they have committed, translated by the exact map into checkpoints on the target, and where it is
 * asked for, into commits of the same group there. A commit ahead of the mirrored data is held and applied when the data has landed.
 */
import type { Client, CommitOffset, Producer } from '../../core/client/index.ts'
import { KafkaError } from '../../core/errors.ts'
import type { System } from '../../core/system/index.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import { ensureInternalTopics } from '../store/internal-topics.ts'
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../store/mm2-records.ts'
import { scanRecords } from '../store/topic-scan.ts'
import {
  commitsToApply,
  type MappedPartition,
  needsCheckpoint,
  type SourceCommit,
  type TranslatedCommit,
  translateCommits,
} from './offset-translation.ts'

/** Groups asked at one time. */
const PARALLEL = 8
/** How long the others wait for a group's answer: its coordinator may be away. */
const ASK_PATIENCE_MS = 1_000
/** Groups that are named in one line of the log. */
const MAX_TOLD = 10
/** Commits are asked for at least this often, unless asking takes long. */
const POLL_MS = 5_000
/** The share of time that may go into asking. */
const REST_FACTOR = 10
/** Groups that are remembered. */
const MAX_GROUPS = 100_000

export interface GroupSyncOptions {
  settings: FlowSettings
  source: Client
  target: Client
  system: Pick<System, 'clock' | 'logger'>
  signal: AbortSignal
  mapped(topic: string, partition: number): MappedPartition | undefined
  /** The source's topic of a mirrored one. */
  sourceTopic(targetTopic: string): string | null
  /** Called before commits are translated. */
  refreshMaps?(): Promise<void>
  /** Whether the groups have been failed over: what they commit at the source counts no more. */
  failedOver?(): boolean
}

export class GroupSync {
  readonly #options: GroupSyncOptions
  /** By group, then by the source's partition. */
  readonly sourceCommits = new Map<string, Map<string, SourceCommit>>()
  readonly #written = new Map<string, Checkpoint>()
  #producer: Producer | null = null
  readonly #topic: string
  #topicReady = false
  /** Groups that have not answered yet. */
  readonly #asking = new Set<string>()
  /** Groups that could not be asked: those that were told, and why of those that are still to be told. */
  readonly #told = new Set<string>()
  readonly #failing = new Map<string, Error>()
  #lastSync = Number.NEGATIVE_INFINITY
  #pending = false

  constructor(options: GroupSyncOptions) {
    this.#options = options
    this.#topic = options.settings.policy.checkpointsTopic(options.settings.source.alias)
  }

  /** What earlier lives of the mirror knew: it serves a failover when the source is gone. */
  async loadCheckpoints(): Promise<void> {
    const { settings, target, system, signal, sourceTopic } = this.#options
    if (!(await target.topic(this.#topic))) return
    this.#topicReady = true
    await scanRecords({ client: target, clock: system.clock, signal }, this.#topic, 0, (record) => {
      if (!record.key || !record.value) return
      let checkpoint: Checkpoint
      try {
        checkpoint = decodeCheckpoint(record.key, record.value)
      } catch (error) {
        system.logger.warn({ err: error, topic: this.#topic, offset: record.offset }, 'a checkpoint that cannot be read is passed over')
        return
      }
      const topic = sourceTopic(checkpoint.topic)
      if (topic === null || !settings.groupFilter(checkpoint.group) || !settings.topicFilter(topic)) return
      this.#written.set(`${checkpoint.group}/${partitionKey({ topic, partition: checkpoint.partition })}`, checkpoint)
      this.#remember(checkpoint.group, {
        topic,
        partition: checkpoint.partition,
        offset: checkpoint.upstreamOffset,
        metadata: checkpoint.metadata,
        lastDownstreamOffset: checkpoint.downstreamOffset,
      })
    })
  }

  #remember(group: string, commit: SourceCommit): void {
    let commits = this.sourceCommits.get(group)
    if (!commits) {
      if (this.sourceCommits.size >= MAX_GROUPS) return
      commits = new Map()
      this.sourceCommits.set(group, commits)
    }
    commits.set(partitionKey(commit), commit)
  }

  /** The checkpoint last written for a partition of a group. */
  checkpoint(group: string, topic: string, partition: number): Checkpoint | undefined {
    return this.#written.get(`${group}/${partitionKey({ topic, partition })}`)
  }

  /** Asks the source what its groups have committed. */
  async pollCommits(): Promise<void> {
    const { settings, source, system, signal } = this.#options
    const groups = (await source.admin.listGroups()).filter(
      (group) => settings.groupFilter(group.groupId) && (group.protocolType === 'consumer' || group.protocolType === ''),
    )
    const names = groups.map((group) => group.groupId)
    const listed = new Set(names)
    for (const group of this.#told) if (!listed.has(group)) this.#told.delete(group)
    const queue = names.filter((group) => !this.#asking.has(group))
    const patiently = (group: string) =>
      new Promise<void>((resolve) => {
        const timer = system.clock.after(ASK_PATIENCE_MS, resolve)
        void this.#ask(group).then(() => {
          timer.cancel()
          resolve()
        })
      })
    const work = async () => {
      for (let group = queue.pop(); group !== undefined; group = queue.pop()) await patiently(group)
    }
    await Promise.all(Array.from({ length: PARALLEL }, work))
    const [first] = this.#failing.values()
    if (!first || signal.aborted) return
    const failed = [...this.#failing.keys()]
    this.#failing.clear()
    system.logger.warn(
      { err: first, mirror: settings.name, groups: failed.slice(0, MAX_TOLD) },
      `what ${failed.length} groups have committed cannot be asked now; the others go on, and these are tried again`,
    )
  }

  /** Asks what one group has committed; an answer that comes late counts too. Never rejects: no group waits for another. */
  async #ask(group: string): Promise<void> {
    const { settings, source, mapped } = this.#options
    this.#asking.add(group)
    try {
      for (const { topic, partition, offset, metadata } of await source.admin.groupOffsets(group)) {
        if (!settings.topicFilter(topic) || offset < 0) continue
        const seenAs = mapped(topic, partition)?.map.translateDownstream(offset).downstreamOffset
        this.#remember(group, { topic, partition, offset, metadata: metadata ?? '', lastDownstreamOffset: seenAs })
      }
      this.#told.delete(group)
    } catch (error) {
      if (!this.#told.has(group)) this.#failing.set(group, error as Error)
      this.#told.add(group)
    } finally {
      this.#asking.delete(group)
    }
  }

  /** Writes what is news about the groups into the checkpoints topic. */
  async writeCheckpoints(): Promise<void> {
    const { settings, target, system, signal, mapped } = this.#options
    const news: Checkpoint[] = []
    this.#pending = false
    for (const [group, commits] of this.sourceCommits) {
      for (const commit of translateCommits(commits.values(), mapped)) {
        if (commit.ahead) this.#pending = true
        if (!needsCheckpoint(this.checkpoint(group, commit.topic, commit.partition), commit)) continue
        const { targetTopic: topic, partition, offset: upstreamOffset, downstreamOffset, metadata } = commit
        news.push({ group, topic, partition, upstreamOffset, downstreamOffset, metadata })
      }
    }
    if (news.length === 0) return
    if (!this.#topicReady) {
      const factor = 'checkpoints.topic.replication.factor'
      await ensureInternalTopics(
        target,
        system.clock,
        [{ name: this.#topic, partitions: 1, replicationFactor: settings.config[factor], factorGiven: settings.given.has(factor) }],
        signal,
      )
      this.#topicReady = true
    }
    this.#producer ??= target.producer({ acks: 'all', lingerMs: 0 })
    const sent = await this.#producer.send(
      news.map((checkpoint) => ({ topic: this.#topic, partition: 0, ...encodeCheckpoint(checkpoint) })),
    )
    const failure = sent.failures?.values().next().value
    if (failure) throw failure
    for (const checkpoint of news) {
      const topic = this.#options.sourceTopic(checkpoint.topic)
      if (topic !== null) this.#written.set(`${checkpoint.group}/${partitionKey({ topic, partition: checkpoint.partition })}`, checkpoint)
    }
  }

  /** Commits on the target, for groups that have no members there. */
  async syncToTarget(): Promise<void> {
    const { target, system, settings, mapped } = this.#options
    for (const [group, commits] of this.sourceCommits) {
      const translated = translateCommits(commits.values(), mapped)
      if (translated.length === 0) continue
      try {
        const [described] = await target.admin.describeGroups([group])
        const state = described?.state.toLowerCase() ?? 'dead'
        if (state !== 'empty' && state !== 'dead' && state !== '') continue
        const there = state === 'empty' ? await target.admin.groupOffsets(group) : []
        const apply = commitsToApply(translated, new Map(there.map((each) => [partitionKey(each), each.offset])))
        if (apply.length > 0) await target.admin.alterGroupOffsets(group, apply.map(toCommitOffset))
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error
        // a consumer of this group has just begun to read there: its own commits count from now on
        system.logger.warn({ err: error, mirror: settings.name, group }, 'group offsets were not carried over this time')
      }
    }
  }

  /** Polls, writes and syncs until the flow ends. */
  async run(): Promise<void> {
    const { settings, system, signal } = this.#options
    const { clock, logger } = system
    const { config } = settings
    const intervalMs = Math.min(POLL_MS, config['emit.checkpoints.interval.seconds'] * 1000)
    const syncMs = config['sync.group.offsets.interval.seconds'] * 1000
    let troubled = false
    while (!signal.aborted) {
      const begun = clock.monotonic()
      try {
        await this.pollCommits()
        await this.#options.refreshMaps?.()
        if (config['emit.checkpoints.enabled']) await this.writeCheckpoints()
        const due = clock.monotonic() - this.#lastSync >= syncMs
        if (config['sync.group.offsets.enabled'] && !this.#options.failedOver?.() && (due || this.#pending)) {
          await this.syncToTarget()
          if (due) this.#lastSync = clock.monotonic()
        }
        troubled = false
      } catch (error) {
        if (signal.aborted) return
        if (!troubled) logger.warn({ err: error, mirror: settings.name }, 'the groups of the source cannot be followed now; tried again')
        troubled = true
      }
      const tookMs = clock.monotonic() - begun
      await clock.sleep(Math.max(intervalMs, tookMs * REST_FACTOR), signal)
    }
  }

  async close(): Promise<void> {
    await this.#producer?.close()
  }
}

export const toCommitOffset = (commit: TranslatedCommit): CommitOffset => ({
  topic: commit.targetTopic,
  partition: commit.partition,
  offset: commit.downstreamOffset,
  metadata: commit.metadata,
})
