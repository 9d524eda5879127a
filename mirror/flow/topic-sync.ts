/**
 * Topics of a flow: which of the source's are mirrored, and that the target has each of them with the source's partitions and settings.
 * Topics of the target are made and grown, never deleted or shrunk.
 */

import { awaitTopicLeaders, type Client, createMissingTopics, type TopicConfig, type TopicMetadata } from '../../core/client/index.ts'
import type { Clock } from '../../core/system/clock.ts'
import type { Logger } from '../../core/system/logger.ts'
import { findLoop, type Route, replicates } from '../settings/filters.ts'
import { type FlowSettings, loopMessage, MirrorSettingsError, routeOf } from '../settings/mm2-properties.ts'
import { bentFactor } from '../store/internal-topics.ts'

/** Topics of which settings are asked in one request. */
const CONFIG_BATCH = 200

/** `source` of a setting in DescribeConfigs. */
const sources = { topic: 1, staticBroker: 4, byDefault: 5 } as const

export interface MirroredTopic {
  source: TopicMetadata
  targetName: string
}

export interface TopicSyncOptions {
  settings: FlowSettings
  /** All flows of the process: a loop may run through several. */
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

  /** The source's topics that this flow mirrors. Throws where one would run in a loop. */
  async wanted(): Promise<MirroredTopic[]> {
    const { settings, routes, source } = this.#options
    const route = routeOf(settings)
    const { policy } = settings
    const found: MirroredTopic[] = []
    for (const topic of await source.topics()) {
      if (topic.internal || !replicates(route, topic.name)) continue
      const loop = findLoop(routes, settings.source.alias, topic.name)
      if (loop) throw new MirrorSettingsError(`${settings.name}.topics`, `${settings.name}: ${loopMessage(topic.name, loop)}`)
      found.push({ source: topic, targetName: policy.remoteTopic(settings.source.alias, topic.name) })
    }
    return found
  }

  /** Makes what is missing on the target. Gives the topics that are there and have leaders. */
  async ensure(topics: readonly MirroredTopic[]): Promise<void> {
    const { settings, target, clock, logger, signal } = this.#options
    const missing: MirroredTopic[] = []
    const grown: string[] = []
    for (const topic of topics) {
      const there = await target.topic(topic.targetName)
      if (!there) missing.push(topic)
      else if (there.partitions.length < topic.source.partitions.length) {
        logger.info({ topic: topic.targetName, partitions: topic.source.partitions.length }, 'partitions added at the target')
        await target.admin.createPartitions(topic.targetName, topic.source.partitions.length)
        grown.push(topic.targetName)
      }
    }
    if (missing.length > 0) {
      const factor = await bentFactor(target, settings.config['replication.factor'], settings.given.has('replication.factor'))
      const configs = settings.config['sync.topic.configs.enabled'] ? await this.#sourceConfigs(missing) : new Map<string, TopicConfig[]>()
      const created = await createMissingTopics(
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
        missing.includes(topic) || grown.includes(topic.targetName)
          ? awaitTopicLeaders(target, clock, topic.targetName, { partitions: topic.source.partitions.length, signal })
          : undefined,
      ),
    )
  }

  /** The source's settings that are carried over: set by the user, not secret, and not left out by name. */
  async #sourceConfigs(topics: readonly MirroredTopic[]): Promise<Map<string, TopicConfig[]>> {
    const { settings, source } = this.#options
    const withDefaults = settings.config['use.defaults.from'] === 'source'
    const carried = new Map<string, TopicConfig[]>()
    for (let at = 0; at < topics.length; at += CONFIG_BATCH) {
      const names = topics.slice(at, at + CONFIG_BATCH).map((topic) => topic.source.name)
      for (const [name, configs] of await source.admin.describeTopicConfigs(names)) {
        carried.set(
          name,
          configs.filter(
            (config) =>
              settings.propertyFilter(config.name) &&
              !config.readOnly &&
              !config.isSensitive &&
              (withDefaults || (!config.isDefault && config.source !== sources.staticBroker && config.source !== sources.byDefault)),
          ),
        )
      }
    }
    return carried
  }

  /** Brings the settings of the target's topics to the source's. */
  async syncConfigs(topics: readonly MirroredTopic[]): Promise<void> {
    const { settings, target, logger } = this.#options
    const wanted = await this.#sourceConfigs(topics)
    const changes = new Map<string, { name: string; operation: 0 | 1; value: string | null }[]>()
    for (let at = 0; at < topics.length; at += CONFIG_BATCH) {
      const batch = topics.slice(at, at + CONFIG_BATCH)
      const there = await target.admin.describeTopicConfigs(batch.map((topic) => topic.targetName))
      for (const topic of batch) {
        const now = there.get(topic.targetName)
        if (!now) continue
        const goal = new Map((wanted.get(topic.source.name) ?? []).map(({ name, value }) => [name, value]))
        const list: { name: string; operation: 0 | 1; value: string | null }[] = []
        for (const [name, value] of goal)
          if (now.find((config) => config.name === name)?.value !== value) list.push({ name, operation: 0, value })
        for (const config of now)
          if (config.source === sources.topic && !config.readOnly && settings.propertyFilter(config.name) && !goal.has(config.name))
            list.push({ name: config.name, operation: 1, value: null })
        if (list.length > 0) changes.set(topic.targetName, list)
      }
    }
    if (changes.size === 0) return
    await target.admin.alterTopicConfigs(changes)
    for (const [topic, list] of changes)
      logger.info({ topic, settings: list.map(({ name, value }) => `${name}=${value}`) }, 'topic settings carried over')
  }

  /** Whether the target's topic stamps records itself. */
  async appendTime(targetNames: readonly string[]): Promise<Set<string>> {
    const stamped = new Set<string>()
    for (let at = 0; at < targetNames.length; at += CONFIG_BATCH) {
      for (const [name, configs] of await this.#options.target.admin.describeTopicConfigs(targetNames.slice(at, at + CONFIG_BATCH)))
        if (configs.find((config) => config.name === 'message.timestamp.type')?.value === 'LogAppendTime') stamped.add(name)
    }
    return stamped
  }
}
