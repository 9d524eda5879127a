/**
 * Replicates consumer group offsets, as MirrorMaker 2's checkpoint connector does: polls the committed offsets of the source's groups,
 * translates them by the exact offset map, and writes checkpoints and, if configured, commits of the same group on the target. A commit
 * ahead of the mirrored data is applied once the data has been mirrored.
 */
import type { Client, Producer } from '../../core/client/index.ts'
import { KafkaError } from '../../core/errors.ts'
import type { System } from '../../core/system/index.ts'
import { Semaphore } from '../../core/system/semaphore.ts'
import { within } from '../../core/system/within.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import { authenticationFailure } from '../authentication-failure.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import { ensureInternalTopic } from '../store/internal-topics.ts'
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from '../store/mm2-records.ts'
import { scanRecords } from '../store/topic-scan.ts'
import { commitsToApply, type MappedPartition, needsCheckpoint, type SourceCommit, translateCommits } from './offset-translation.ts'
import { readTargetGroup, toCommitOffset } from './target-group.ts'

/** Groups whose offsets are fetched at the same time. */
const PARALLEL_FETCHES = 8
/** How long other groups wait for the response of one: its coordinator may be unavailable. A later response is used too. */
const FETCH_WAIT_MS = 1_000
/** Groups named in one log line. */
const MAX_LOGGED_GROUPS = 10
/** Committed offsets are polled at least this often, unless polling takes long. */
const POLL_MS = 5_000
/** The pause after a poll is at least this many times as long as the poll. */
const REST_FACTOR = 10
/** Groups whose commits are kept in memory. */
const MAX_GROUPS = 100_000

export interface GroupSyncOptions {
  settings: FlowSettings
  source: Client
  target: Client
  system: Pick<System, 'clock' | 'random' | 'logger'>
  signal: AbortSignal
  mapped(topic: string, partition: number): MappedPartition | undefined
  /** The source topic of a mirrored topic. */
  sourceTopic(targetTopic: string): string | null
  /** Called before commits are translated. */
  refreshMaps?(): Promise<void>
  /** True after a failover: commits at the source are no longer applied on the target. */
  failedOver?(): boolean
}

export class GroupSync {
  readonly #options: GroupSyncOptions
  readonly #sourceCommits = new Map<string, Map<string, SourceCommit>>()
  /** The last checkpoint, by group and source partition. */
  readonly #checkpoints = new Map<string, Checkpoint>()
  readonly #topic: string
  #topicExists = false
  #producer: Producer | null = null
  /** The groups whose offsets are polled; null before they were listed. */
  #groups: readonly string[] | null = null
  #listedMs = Number.NEGATIVE_INFINITY
  readonly #fetches = new Semaphore(PARALLEL_FETCHES)
  /** Groups whose response is outstanding. */
  readonly #fetching = new Set<string>()
  /** Groups whose last fetch failed. */
  readonly #failed = new Set<string>()
  /** Failures that are not logged yet. */
  readonly #unloggedFailures = new Map<string, Error>()
  #lastSyncMs = Number.NEGATIVE_INFINITY
  /** Whether a commit is ahead of the mirrored data. */
  #hasCommitsAhead = false

  constructor(options: GroupSyncOptions) {
    this.#options = options
    this.#topic = options.settings.policy.checkpointsTopic(options.settings.source.alias)
  }

  /** Committed offsets at the source, by group and by `partitionKey` of the source partition. */
  get sourceCommits(): ReadonlyMap<string, ReadonlyMap<string, SourceCommit>> {
    return this.#sourceCommits
  }

  /** Reads the stored checkpoints: a failover needs them if the source is down. */
  async loadCheckpoints(): Promise<void> {
    const { settings, target, system, signal, sourceTopic } = this.#options
    if (!(await target.topic(this.#topic))) return
    this.#topicExists = true
    await scanRecords({ client: target, clock: system.clock, random: system.random, signal }, this.#topic, 0, (record) => {
      if (!record.key || !record.value) return
      let checkpoint: Checkpoint
      try {
        checkpoint = decodeCheckpoint(record.key, record.value)
      } catch (error) {
        system.logger.warn({ err: error, topic: this.#topic, offset: record.offset }, 'a checkpoint could not be decoded and is ignored')
        return
      }
      const { group, partition, upstreamOffset, downstreamOffset, metadata } = checkpoint
      const topic = sourceTopic(checkpoint.topic)
      if (topic === null || !settings.groupFilter(group) || !settings.topicFilter(topic)) return
      this.#checkpoints.set(checkpointKey(group, topic, partition), checkpoint)
      this.#setSourceCommit(group, { topic, partition, offset: upstreamOffset, metadata, lastDownstreamOffset: downstreamOffset })
    })
  }

  #setSourceCommit(group: string, commit: SourceCommit): void {
    let commits = this.#sourceCommits.get(group)
    if (!commits) {
      if (this.#sourceCommits.size >= MAX_GROUPS) return
      commits = new Map()
      this.#sourceCommits.set(group, commits)
    }
    commits.set(partitionKey(commit), commit)
  }

  /** The last checkpoint of a partition of a group. */
  checkpoint(group: string, topic: string, partition: number): Checkpoint | undefined {
    return this.#checkpoints.get(checkpointKey(group, topic, partition))
  }

  /** Fetches the committed offsets of the source's groups. `refreshGroups` lists the groups again, whatever the settings say. */
  async pollCommits({ refreshGroups = false } = {}): Promise<void> {
    const { settings, system, signal } = this.#options
    if (refreshGroups || this.#isListDue()) await this.#listGroups()
    const groups = this.#groups!.filter((group) => !this.#fetching.has(group))
    await Promise.all(
      groups.map((group) =>
        this.#fetches.run(async () => {
          await within(system.clock, FETCH_WAIT_MS, this.#fetchCommits(group), signal)
        }),
      ),
    )
    const [first] = this.#unloggedFailures.values()
    if (!first || signal.aborted) return
    const refused = [...this.#unloggedFailures.values()].find(authenticationFailure)
    if (refused) throw refused
    const failed = [...this.#unloggedFailures.keys()]
    this.#unloggedFailures.clear()
    system.logger.warn(
      { err: first, mirror: settings.name, groups: failed.slice(0, MAX_LOGGED_GROUPS) },
      `the committed offsets of ${failed.length} groups could not be fetched; retrying, other groups are not affected`,
    )
  }

  /** If the user has set no interval, the groups are listed at every poll, so that a new group is replicated soon. */
  #isListDue(): boolean {
    if (this.#groups === null) return true
    const { config } = this.#options.settings
    return config['refresh.groups.enabled'] && this.#options.system.clock.monotonic() - this.#listedMs >= (this.#refreshIntervalMs ?? 0)
  }

  /** Null if the user has set no interval. */
  get #refreshIntervalMs(): number | null {
    const { config, explicitSettings } = this.#options.settings
    const name = 'refresh.groups.interval.seconds'
    return explicitSettings.has(name) ? config[name] * 1000 : null
  }

  async #listGroups(): Promise<void> {
    const { settings, source, system } = this.#options
    const listedMs = system.clock.monotonic()
    const groups = (await source.admin.listGroups())
      .filter(({ groupId, protocolType }) => settings.groupFilter(groupId) && (protocolType === 'consumer' || protocolType === ''))
      .map(({ groupId }) => groupId)
    this.#groups = groups
    this.#listedMs = listedMs
    const listed = new Set(groups)
    for (const group of this.#failed) if (!listed.has(group)) this.#failed.delete(group)
  }

  /** Never rejects: a failure of one group does not affect others. */
  async #fetchCommits(group: string): Promise<void> {
    const { settings, source, mapped } = this.#options
    this.#fetching.add(group)
    try {
      for (const { topic, partition, offset, metadata } of await source.admin.groupOffsets(group)) {
        if (!settings.topicFilter(topic) || offset < 0) continue
        const lastDownstreamOffset = mapped(topic, partition)?.map.translateDownstream(offset).downstreamOffset
        this.#setSourceCommit(group, { topic, partition, offset, metadata: metadata ?? '', lastDownstreamOffset })
      }
      this.#failed.delete(group)
    } catch (error) {
      if (!this.#failed.has(group)) this.#unloggedFailures.set(group, error as Error)
      this.#failed.add(group)
    } finally {
      this.#fetching.delete(group)
    }
  }

  /** Writes checkpoints of the commits that have changed. */
  async writeCheckpoints(): Promise<void> {
    const { target, mapped } = this.#options
    const changed: { key: string; checkpoint: Checkpoint }[] = []
    this.#hasCommitsAhead = false
    for (const [group, commits] of this.#sourceCommits) {
      for (const commit of translateCommits(commits.values(), mapped)) {
        if (commit.ahead) this.#hasCommitsAhead = true
        if (!needsCheckpoint(this.checkpoint(group, commit.topic, commit.partition), commit)) continue
        const { targetTopic: topic, partition, offset: upstreamOffset, downstreamOffset, metadata } = commit
        const checkpoint = { group, topic, partition, upstreamOffset, downstreamOffset, metadata }
        changed.push({ key: checkpointKey(group, commit.topic, partition), checkpoint })
      }
    }
    if (changed.length === 0) return
    await this.#ensureTopic()
    this.#producer ??= target.producer({ acks: 'all', lingerMs: 0 })
    await this.#producer.send(changed.map(({ checkpoint }) => ({ topic: this.#topic, partition: 0, ...encodeCheckpoint(checkpoint) })))
    for (const { key, checkpoint } of changed) this.#checkpoints.set(key, checkpoint)
  }

  async #ensureTopic(): Promise<void> {
    if (this.#topicExists) return
    const { settings, target, system, signal } = this.#options
    const topic = { name: this.#topic, replicationSetting: 'checkpoints.topic.replication.factor' } as const
    await ensureInternalTopic(target, system.clock, settings, topic, signal)
    this.#topicExists = true
  }

  /** Commits translated offsets on the target, for groups that have no members there. */
  async syncToTarget(): Promise<void> {
    const { target, system, settings, mapped } = this.#options
    for (const [group, commits] of this.#sourceCommits) {
      const translated = translateCommits(commits.values(), mapped)
      if (translated.length === 0) continue
      try {
        const { hasMembers, committed } = await readTargetGroup(target, group)
        if (hasMembers) continue
        const apply = commitsToApply(translated, committed)
        if (apply.length > 0) await target.admin.alterGroupOffsets(group, apply.map(toCommitOffset))
      } catch (error) {
        if (!(error instanceof KafkaError) || authenticationFailure(error)) throw error
        // A consumer may have joined this group on the target just now: its own commits count from then on.
        system.logger.warn({ err: error, mirror: settings.name, group }, 'the offsets of a group were not synced to the target')
      }
    }
  }

  /** Polls, writes checkpoints and syncs until the flow ends. */
  async run(): Promise<void> {
    const { settings, system, signal } = this.#options
    const { clock, logger } = system
    const { config } = settings
    const refreshMs = config['refresh.groups.enabled'] ? (this.#refreshIntervalMs ?? POLL_MS) : POLL_MS
    const intervalMs = Math.min(POLL_MS, refreshMs, config['emit.checkpoints.interval.seconds'] * 1000)
    const syncMs = config['sync.group.offsets.interval.seconds'] * 1000
    let failing = false
    while (!signal.aborted) {
      const startedMs = clock.monotonic()
      try {
        await this.pollCommits()
        await this.#options.refreshMaps?.()
        if (config['emit.checkpoints.enabled']) await this.writeCheckpoints()
        const isSyncDue = clock.monotonic() - this.#lastSyncMs >= syncMs
        if (config['sync.group.offsets.enabled'] && !this.#options.failedOver?.() && (isSyncDue || this.#hasCommitsAhead)) {
          await this.syncToTarget()
          if (isSyncDue) this.#lastSyncMs = clock.monotonic()
        }
        failing = false
      } catch (error) {
        if (signal.aborted) return
        if (authenticationFailure(error)) throw error
        if (!failing) logger.warn({ err: error, mirror: settings.name }, 'consumer group offsets could not be replicated; retrying')
        failing = true
      }
      const tookMs = clock.monotonic() - startedMs
      await clock.sleep(Math.max(intervalMs, tookMs * REST_FACTOR), signal)
    }
  }

  async close(): Promise<void> {
    await this.#producer?.close()
  }
}

/** Of a partition of the source. */
const checkpointKey = (group: string, topic: string, partition: number): string => `${group}/${partitionKey({ topic, partition })}`
