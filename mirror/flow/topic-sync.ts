/**
 * The topics of a flow: selects those of the source that are mirrored, and gives the target the same topics with the partitions and configs
 * of the source. Target topics and their partitions are created, never deleted.
 */

import { awaitTopicLeaders, type Client, createTopicsIfAbsent, type TopicConfig, type TopicMetadata } from '../../core/client/index.ts'
import { KafkaError } from '../../core/errors.ts'
import type { Clock } from '../../core/system/clock.ts'
import type { Logger } from '../../core/system/logger.ts'
import { findLoop, type Route, replicates } from '../settings/filters.ts'
import { type FlowSettings, loopMessage, MirrorSettingsError, routeOf } from '../settings/mm2-properties.ts'
import { replicationFactorFor } from '../store/internal-topics.ts'

/** Topics of one DescribeConfigs request. */
const DESCRIBED_TOPICS = 200

/** ConfigSource of Kafka's DescribeConfigs response. */
const configSources = { dynamicTopic: 1, staticBroker: 4, default: 5 } as const

export interface MirroredTopic {
  source: TopicMetadata
  targetName: string
}

export interface TopicSyncOptions {
  settings: FlowSettings
  /** Of all flows of the process: a loop may run through several flows. */
  routes: readonly Route[]
  source: Client
  target: Client
  clock: Clock
  logger: Logger
  signal: AbortSignal
}

export class TopicSync {
  readonly #options: TopicSyncOptions

  constructor(options: TopicSyncOptions) {
    this.#options = options
  }

  /** The source topics that this flow mirrors. Throws MirrorSettingsError where one would be mirrored in a loop. */
  async mirroredTopics(): Promise<MirroredTopic[]> {
    const { settings, routes, source } = this.#options
    const route = routeOf(settings)
    const { policy } = settings
    const mirrored: MirroredTopic[] = []
    for (const topic of await source.topics()) {
      if (topic.internal || !replicates(route, topic.name)) continue
      const loop = findLoop(routes, settings.source.alias, topic.name)
      if (loop) throw new MirrorSettingsError(`${settings.name}.topics`, `${settings.name}: ${loopMessage(topic.name, loop)}`)
      mirrored.push({ source: topic, targetName: policy.remoteTopic(settings.source.alias, topic.name) })
    }
    return mirrored
  }

  /** Creates missing topics and partitions at the target. Resolves when the new ones have leaders. */
  async ensureTargetTopics(topics: readonly MirroredTopic[]): Promise<void> {
    const { settings, target, clock, logger, signal } = this.#options
    const missing: MirroredTopic[] = []
    const extended: string[] = []
    for (const topic of topics) {
      const existing = await target.topic(topic.targetName)
      if (!existing) missing.push(topic)
      else if (existing.partitions.length < topic.source.partitions.length) {
        await this.#createPartitions(topic.targetName, topic.source.partitions.length)
        logger.info({ topic: topic.targetName, partitions: topic.source.partitions.length }, 'partitions created at the target')
        extended.push(topic.targetName)
      }
    }
    if (missing.length > 0) {
      const factor = await replicationFactorFor(target, settings, 'replication.factor')
      const configs = settings.config['sync.topic.configs.enabled'] ? await this.#sourceConfigs(missing) : new Map<string, TopicConfig[]>()
      const created = await createTopicsIfAbsent(
        target,
        missing.map((topic) => ({
          name: topic.targetName,
          partitions: topic.source.partitions.length,
          replicationFactor: factor,
          configs: Object.fromEntries(
            (configs.get(topic.source.name) ?? []).flatMap(({ name, value }) => (value === null ? [] : [[name, value]])),
          ),
        })),
        `${settings.name}.replication.factor`,
      )
      for (const topic of created) logger.info({ topic }, 'topic created at the target')
    }
    await Promise.all(
      topics.map((topic) =>
        missing.includes(topic) || extended.includes(topic.targetName)
          ? awaitTopicLeaders(target, clock, topic.targetName, { partitions: topic.source.partitions.length, signal })
          : undefined,
      ),
    )
  }

  /** Another partition of the topic that is restarted, or another mirror, may have created them meanwhile. */
  async #createPartitions(name: string, partitions: number): Promise<void> {
    const { target } = this.#options
    try {
      await target.admin.createPartitions(name, partitions)
    } catch (error) {
      if (!(error instanceof KafkaError && error.error === 'INVALID_PARTITIONS')) throw error
      const existing = await target.topic(name, { refresh: true })
      if (!existing || existing.partitions.length < partitions) throw error
    }
  }

  /** The configs of source topics that are synced: set on the topic, not sensitive, and accepted by the config property filter. */
  async #sourceConfigs(topics: readonly MirroredTopic[]): Promise<Map<string, TopicConfig[]>> {
    const { settings, source } = this.#options
    const withDefaults = settings.config['use.defaults.from'] === 'source'
    const synced = new Map<string, TopicConfig[]>()
    for (let start = 0; start < topics.length; start += DESCRIBED_TOPICS) {
      const names = topics.slice(start, start + DESCRIBED_TOPICS).map((topic) => topic.source.name)
      for (const [name, configs] of await source.admin.describeTopicConfigs(names)) {
        synced.set(
          name,
          configs.filter(
            (config) =>
              settings.propertyFilter(config.name) &&
              !config.readOnly &&
              !config.isSensitive &&
              (withDefaults ||
                (!config.isDefault && config.source !== configSources.staticBroker && config.source !== configSources.default)),
          ),
        )
      }
    }
    return synced
  }

  /** Gives the target topics the configs of the source topics. */
  async syncConfigs(topics: readonly MirroredTopic[]): Promise<void> {
    const { settings, target, logger } = this.#options
    const sourceConfigs = await this.#sourceConfigs(topics)
    const changes = new Map<string, { name: string; operation: 0 | 1; value: string | null }[]>()
    for (let start = 0; start < topics.length; start += DESCRIBED_TOPICS) {
      const batch = topics.slice(start, start + DESCRIBED_TOPICS)
      const targetConfigs = await target.admin.describeTopicConfigs(batch.map((topic) => topic.targetName))
      for (const topic of batch) {
        const current = targetConfigs.get(topic.targetName)
        if (!current) continue
        const expected = new Map((sourceConfigs.get(topic.source.name) ?? []).map(({ name, value }) => [name, value]))
        const list: { name: string; operation: 0 | 1; value: string | null }[] = []
        for (const [name, value] of expected)
          if (current.find((config) => config.name === name)?.value !== value) list.push({ name, operation: 0, value })
        for (const config of current)
          if (
            config.source === configSources.dynamicTopic &&
            !config.readOnly &&
            settings.propertyFilter(config.name) &&
            !expected.has(config.name)
          )
            list.push({ name: config.name, operation: 1, value: null })
        if (list.length > 0) changes.set(topic.targetName, list)
      }
    }
    if (changes.size === 0) return
    await target.admin.alterTopicConfigs(changes)
    for (const [topic, list] of changes)
      logger.info({ topic, settings: list.map(({ name, value }) => `${name}=${value}`) }, 'topic configs synced')
  }

  /** Those target topics that have message.timestamp.type=LogAppendTime. */
  async withLogAppendTime(targetNames: readonly string[]): Promise<Set<string>> {
    const names = new Set<string>()
    for (let start = 0; start < targetNames.length; start += DESCRIBED_TOPICS) {
      for (const [name, configs] of await this.#options.target.admin.describeTopicConfigs(
        targetNames.slice(start, start + DESCRIBED_TOPICS),
      ))
        if (configs.find((config) => config.name === 'message.timestamp.type')?.value === 'LogAppendTime') names.add(name)
    }
    return names
  }
}
