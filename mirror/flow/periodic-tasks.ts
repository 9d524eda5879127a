/**
 * What a flow does at intervals besides mirroring records: finds new topics, syncs topic configs and access control lists, stores the
 * offset map, and lists the source's end offsets where no fetch returns them. No task waits for another, and none ends because a cluster
 * does not respond; a cluster that does not accept a client ends them all.
 */
import type { Client } from '../../core/client/index.ts'
import { KafkaError } from '../../core/errors.ts'
import type { System } from '../../core/system/index.ts'
import type { Logger } from '../../core/system/logger.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import { authenticationFailure } from '../authentication-failure.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import type { ProgressStore } from '../store/progress-store.ts'
import type { PartitionProgress } from '../transfer/partition-progress.ts'
import { AclSync } from './acl-sync.ts'
import type { ClusterErrors } from './cluster-errors.ts'
import type { FlowPartitions } from './flow-partitions.ts'
import type { TopicSync } from './topic-sync.ts'

/** How often topics are listed if the user sets no interval; less often if that takes more than a twentieth of the time. */
const REFRESH_MS = 5_000
const REFRESH_MAX_SHARE = 20
/** After a start the interval begins with this and doubles, so that topics created then do not wait for a whole interval. */
const FIRST_REFRESH_MS = 250
const FIRST_CONFIG_SYNC_MS = 2_000
const OFFSET_SYNC_MS = 1_000
/** Partitions of one write of the offset map, those that were written longest ago first. A start after a crash compares the rest. */
const MAP_PARTITIONS_PER_WRITE = 100
const END_OFFSETS_MS = 5_000

export interface PeriodicTasksOptions {
  settings: FlowSettings
  system: Pick<System, 'clock'>
  logger: Logger
  source: Client
  target: Client
  progressStore: ProgressStore
  topicSync: TopicSync
  flowPartitions: FlowPartitions
  clusterErrors: ClusterErrors
  signal: AbortSignal
}

export class PeriodicTasks {
  readonly #options: PeriodicTasksOptions
  readonly #mapWrittenMs = new WeakMap<PartitionProgress, number>()

  constructor(options: PeriodicTasksOptions) {
    this.#options = options
  }

  /** Resolves when the flow ends; rejects with an error that a retry cannot resolve. */
  async run(): Promise<void> {
    await Promise.all([
      this.#refreshTopics(),
      this.#syncTopicConfigs(),
      this.#syncTopicAcls(),
      this.#storeMap(),
      this.#storePositions(),
      this.#storeOffsetSyncs(),
      this.#observeQuietPartitions(),
    ])
  }

  async #refreshTopics(): Promise<void> {
    const { settings, system, logger, flowPartitions, topicSync, signal } = this.#options
    const { clock } = system
    const { config, explicitSettings } = settings
    const name = 'refresh.topics.interval.seconds'
    const configuredMs = config[name] * 1000
    let startingMs = FIRST_REFRESH_MS
    let durationMs = 0
    while (!signal.aborted && (config['refresh.topics.enabled'] || flowPartitions.leaderlessCount > 0)) {
      const intervalMs = explicitSettings.has(name)
        ? configuredMs
        : Math.min(configuredMs, Math.max(REFRESH_MS, durationMs * REFRESH_MAX_SHARE))
      await clock.sleep(Math.min(startingMs, intervalMs), signal)
      startingMs *= 2
      if (signal.aborted) return
      const startedMs = clock.monotonic()
      try {
        await flowPartitions.add(await topicSync.mirroredTopics())
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof KafkaError && error.retriable)) throw error
        logger.warn({ mirror: settings.name, err: error }, 'the topics could not be refreshed; retrying at the next interval')
      }
      durationMs = clock.monotonic() - startedMs
    }
  }

  async #syncTopicConfigs(): Promise<void> {
    const { settings, topicSync, flowPartitions } = this.#options
    const { config } = settings
    if (!config['sync.topic.configs.enabled']) return
    const intervalMs = config['sync.topic.configs.interval.seconds'] * 1000
    await this.#repeat(FIRST_CONFIG_SYNC_MS, intervalMs, 'the topic configs were not synced', async () => {
      const topics = await topicSync.mirroredTopics()
      await topicSync.syncConfigs(
        topics.filter(({ source }) => flowPartitions.partitions.has(partitionKey({ topic: source.name, partition: 0 }))),
      )
    })
  }

  /** The first time at once: as soon as a topic is mirrored, its consumers find their permissions. */
  async #syncTopicAcls(): Promise<void> {
    const { config } = this.#options.settings
    if (!config['sync.topic.acls.enabled']) return
    const aclSync = new AclSync(this.#options)
    const intervalMs = config['sync.topic.acls.interval.seconds'] * 1000
    await this.#repeat(0, intervalMs, 'the topic ACLs were not synced', () => aclSync.sync())
  }

  async #storeMap(): Promise<void> {
    const { settings, system, logger, signal } = this.#options
    while (!signal.aborted) {
      await system.clock.sleep(settings.config['offset.map.flush.interval.ms'], signal)
      if (signal.aborted) return
      try {
        await this.writeMap()
      } catch (error) {
        if (!(error instanceof KafkaError && error.retriable)) throw error
        logger.warn({ mirror: settings.name, err: error }, 'the offset map was not written; retrying at the next interval')
      }
    }
  }

  async #storePositions(): Promise<void> {
    const { settings, progressStore, flowPartitions } = this.#options
    const intervalMs = settings.config['offset.flush.interval.ms']
    await this.#repeat(intervalMs, intervalMs, "positions in Kafka Connect's format were not written", () =>
      progressStore.writePositions(flowPartitions.partitions.values()),
    )
  }

  async #storeOffsetSyncs(): Promise<void> {
    const { settings, system, progressStore, flowPartitions, clusterErrors } = this.#options
    let allDueMs = 0
    await this.#repeat(OFFSET_SYNC_MS, OFFSET_SYNC_MS, "offset syncs in MirrorMaker 2's format were not written", async () => {
      if (clusterErrors.source) return
      const now = system.clock.monotonic()
      const all = now >= allDueMs
      if (all) allDueMs = now + settings.config['offset.flush.interval.ms']
      await progressStore.writeSyncs(flowPartitions.partitions.values(), all)
    })
  }

  /** For tasks that the flow itself does not need: a failure is logged once, until the task succeeds again, and does not stop the flow. */
  async #repeat(firstMs: number, intervalMs: number, failed: string, task: () => Promise<void>): Promise<void> {
    const { settings, system, logger, signal } = this.#options
    let logged = false
    for (let waitMs = firstMs; !signal.aborted; waitMs = intervalMs) {
      await system.clock.sleep(waitMs, signal)
      if (signal.aborted) return
      try {
        await task()
        logged = false
      } catch (error) {
        if (signal.aborted) return
        if (authenticationFailure(error)) throw error
        if (!logged) logger.warn({ mirror: settings.name, err: error }, `${failed}; retrying at the next interval`)
        logged = true
      }
    }
  }

  /** Writes the offset map of partitions that have changed: of `all` of them, or of MAP_PARTITIONS_PER_WRITE. */
  async writeMap(all = false): Promise<void> {
    const { flowPartitions, progressStore, system } = this.#options
    const partitions = [...flowPartitions.partitions.values()]
    const writtenMs = (partition: PartitionProgress) => this.#mapWrittenMs.get(partition) ?? 0
    const dirty = partitions.filter((partition) => partition.dirty && partition.state !== 'suspended')
    const written =
      all || dirty.length <= MAP_PARTITIONS_PER_WRITE
        ? dirty
        : dirty.sort((a, b) => writtenMs(a) - writtenMs(b)).slice(0, MAP_PARTITIONS_PER_WRITE)
    const now = system.clock.monotonic()
    for (const partition of written) this.#mapWrittenMs.set(partition, now)
    try {
      await progressStore.writeMap(written)
    } catch (error) {
      for (const partition of written) partition.markDirty()
      throw error
    }
  }

  /** Lists the end offsets of partitions without a fetch: paused ones, and those with a full buffer or an unavailable target. */
  async #observeQuietPartitions(): Promise<void> {
    const { system, flowPartitions, clusterErrors, signal } = this.#options
    while (!signal.aborted) {
      await system.clock.sleep(END_OFFSETS_MS, signal)
      const quiet = [...flowPartitions.partitions.values()].filter(
        ({ state, fetching }) => (state === 'replicating' || state === 'resending') && !fetching,
      )
      if (quiet.length === 0 || signal.aborted) continue
      await this.observeSourceEnds(quiet).catch((error: Error) => {
        if (authenticationFailure(error)) throw error
        if (!signal.aborted) clusterErrors.sourceUnavailable(error)
      })
    }
  }

  /** Lists the end offsets of these partitions at the source. */
  async observeSourceEnds(partitions: readonly PartitionProgress[]): Promise<void> {
    const { settings, system, source, clusterErrors } = this.#options
    const isolationLevel = settings.config['isolation.level'] === 'read_committed' ? 1 : 0
    const offsets = await source.admin.listOffsets(
      partitions.map(({ topic, partition }) => ({ topic, partition, spec: 'latest' as const })),
      isolationLevel,
    )
    if (offsets.some(({ error }) => !error)) clusterErrors.sourceResponded()
    const now = system.clock.monotonic()
    for (const [index, { error, offset }] of offsets.entries()) if (!error) partitions[index]!.observeSourceEnd(offset, now)
  }
}
