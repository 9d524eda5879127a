/**
 * Configs of topics and of the broker: the effective value, its source, and the result of a change. Pure: reads the settings and the image,
 * and returns the configs that the metadata log should store.
 */
import { KafkaError } from '../errors.ts'
import type { LogConfig } from '../log/types.ts'
import { isAccepted, isProviderParameter, isRefusable } from '../settings/accepted-settings.ts'
import { brokerSettings } from '../settings/broker-settings.ts'
import { parseSetting, type Setting, type SettingMap } from '../settings/setting.ts'
import { type TopicValues, topicSettings } from '../settings/topic-settings.ts'
import type { BrokerSettingName, BrokerSettings, BrokerValues } from '../settings.ts'
import {
  applyChanges,
  configOperations,
  entry,
  isConfigOperation,
  type Synonym,
  secretEntry,
  source,
  unknownEntry,
} from './config-entries.ts'
import type { MetadataImage } from './image/metadata-image.ts'
import type { ConfigChange, ConfigEntry, Topic } from './types.ts'

/** Without a prototype: a name from a client is a setting or undefined. */
const byName = (settings: SettingMap): SettingMap => Object.assign(Object.create(null), settings)
const topicSettingsByName = byName(topicSettings)
const brokerSettingsByName = byName(
  Object.fromEntries(Object.entries(brokerSettings as SettingMap).filter(([, { unlisted }]) => !unlisted)),
)
const topicNames = Object.keys(topicSettingsByName).sort()
/** Settings of Kafka that have no declaration here are described too; those that may be secrets without their value. Invariant 12. */
const SECRET = /password|passphrase|secret|jaas|token|credential|\.key$|certificate/i
/** Kafka does not show the value of a config that it does not know. */
const isSecret = (name: string, setting: Setting | undefined): boolean =>
  setting ? setting.kind === 'password' : SECRET.test(name) || isProviderParameter(name) || !(isAccepted(name) || isRefusable(name))

/** What Kafka changes dynamically for one listener only. */
const LISTENER_ONLY =
  /^ssl\.(protocol|provider|cipher\.suites|enabled\.protocols|(key|trust)store\.(type|location|password|certificates|certificate\.chain|key)|key\.password)$/

/** Kafka has all settings of listeners for one broker only, but for these. */
const LISTENER_SETTING = /^listener\.name\.[^.]*\./
const CLUSTER_WIDE = /^listener\.name\.[^.]*\.(max\.connections|max\.connection\.creation\.rate|num\.network\.threads)$/

/** Of a setting of one listener, or of one mechanism of it. */
const LISTENER_PREFIX = /^listener\.name\.[^.]+\.(?:(?:plain|scram-sha-\d+|oauthbearer)\.)?/

const MIN_INSYNC_REPLICAS = 'min.insync.replicas'
/** A feature of Kafka. */
const ELIGIBLE_LEADER_REPLICAS = 'eligible.leader.replicas.version'

/** A stored value that an earlier release accepted and this one rejects. It is described, and has no effect until it is altered. */
export interface InvalidConfig {
  /** Null for a config of the broker. */
  readonly topic: string | null
  /** A node id, or empty for the cluster-wide default; null for a config of a topic. */
  readonly broker: string | null
  readonly setting: string
  readonly value: string
  readonly effective: string | null
  readonly reason: string
}

/** Kafka's message for an invalid value, else null. */
function invalidReason(name: string, setting: Setting, value: string | null): string | null {
  try {
    parseSetting(name, setting, value)
    return null
  } catch (error) {
    if (error instanceof KafkaError) return error.message
    throw error
  }
}

interface TopicDefault {
  readonly value: string | null
  readonly source: number
  readonly parsed: unknown
}

interface ComputedValues {
  readonly node: Readonly<Record<string, string>> | null
  readonly cluster: Readonly<Record<string, string>> | null
  readonly brokerValues: Map<string, unknown>
  readonly topicDefaults: Map<string, TopicDefault>
}

export class Configs {
  readonly #settings: BrokerSettings
  readonly #image: MetadataImage
  #computed: ComputedValues = { node: null, cluster: null, brokerValues: new Map(), topicDefaults: new Map() }

  constructor(settings: BrokerSettings, image: MetadataImage) {
    this.#settings = settings
    this.#image = image
  }

  get #nodeName(): string {
    return String(this.#settings.nodeId)
  }

  /** Every source with a value for a broker setting, the strongest first; `fallback` is the default of one that is not declared here. */
  brokerSynonyms(name: string, fallback: string | null = null): Synonym[] {
    const synonyms: Synonym[] = []
    const add = (value: string | null | undefined, from: number) => {
      if (value !== undefined && value !== null) synonyms.push({ name, value, source: from })
    }
    add(this.#image.brokerConfigs(this.#nodeName)[name], source.broker)
    add(this.#image.brokerConfigs('')[name], source.defaultBroker)
    add(this.#settings.properties[name], source.file)
    add(brokerSettingsByName[name]?.fallback ?? fallback, source.fallback)
    return synonyms
  }

  /** The strongest source with a valid value. */
  #effective(name: string): Synonym | undefined {
    const setting = brokerSettingsByName[name]!
    return this.brokerSynonyms(name).find(({ value }) => invalidReason(name, setting, value) === null)
  }

  /** What was computed from the configs of the broker, which are other objects after a change. */
  get #ofBroker(): ComputedValues {
    const [node, cluster] = [this.#image.brokerConfigs(this.#nodeName), this.#image.brokerConfigs('')]
    if (this.#computed.node !== node || this.#computed.cluster !== cluster)
      this.#computed = { node, cluster, brokerValues: new Map(), topicDefaults: new Map() }
    return this.#computed
  }

  /** The effective value of a broker setting. */
  brokerValue<N extends BrokerSettingName>(name: N): BrokerValues[N] {
    const { brokerValues } = this.#ofBroker
    let value = brokerValues.get(name)
    if (value === undefined) {
      value = parseSetting(name, brokerSettingsByName[name]!, this.#effective(name)?.value ?? null)
      brokerValues.set(name, value)
    }
    return value as BrokerValues[N]
  }

  /** The value of a topic setting without an override, and its source. */
  #topicDefault(name: string): TopicDefault {
    const { topicDefaults } = this.#ofBroker
    let found = topicDefaults.get(name)
    if (!found) {
      const { value, source: from } = this.#computeTopicDefault(name)
      found = { value, source: from, parsed: parseSetting(name, topicSettingsByName[name]!, value) }
      topicDefaults.set(name, found)
    }
    return found
  }

  #computeTopicDefault(name: string): { value: string | null; source: number } {
    const setting = topicSettingsByName[name]!
    for (const { name: synonym, factor } of setting.synonyms) {
      const strongest = this.#effective(synonym)
      if (!strongest || strongest.source === source.fallback || strongest.value === null) continue
      const negative = strongest.value.trim().startsWith('-')
      return { value: factor === 1 || negative ? strongest.value : String(Number(strongest.value) * factor), source: strongest.source }
    }
    return { value: setting.fallback, source: source.fallback }
  }

  topicValues(overrides: Readonly<Record<string, string>>): TopicValues {
    const values: Record<string, unknown> = {}
    for (const name of topicNames) {
      const setting = topicSettingsByName[name]!
      const override = overrides[name]
      const isValid = override !== undefined && invalidReason(name, setting, override) === null
      values[name] = isValid ? parseSetting(name, setting, override) : this.#topicDefault(name).parsed
    }
    return values as TopicValues
  }

  /** The stored values that are ignored. */
  invalidConfigs(): InvalidConfig[] {
    const invalid: InvalidConfig[] = []
    const check = (resource: { topic: string | null; broker: string | null }, configs: Readonly<Record<string, string>>) => {
      const isTopic = resource.topic !== null
      for (const [name, value] of Object.entries(configs)) {
        const setting = isTopic ? topicSettingsByName[name] : brokerSettingsByName[name]
        const reason = setting ? invalidReason(name, setting, value) : null
        if (reason === null) continue
        const effective = (isTopic ? this.#topicDefault(name) : this.#effective(name))?.value ?? null
        invalid.push({ ...resource, setting: name, value, effective, reason })
      }
    }
    for (const broker of ['', this.#nodeName]) check({ topic: null, broker }, this.#image.brokerConfigs(broker))
    for (const topic of this.#image.topics()) check({ topic: topic.name, broker: null }, topic.configs)
    return invalid
  }

  logConfig(overrides: Readonly<Record<string, string>>): LogConfig {
    const values = this.topicValues(overrides)
    return {
      segmentBytes: values['segment.bytes'],
      segmentMs: values['segment.ms'],
      retentionBytes: values['retention.bytes'],
      retentionMs: values['retention.ms'],
      indexIntervalBytes: values['index.interval.bytes'],
      maxMessageBytes: values['max.message.bytes'],
      cleanupPolicy: values['cleanup.policy'] as LogConfig['cleanupPolicy'],
      minCompactionLagMs: values['min.compaction.lag.ms'],
      maxCompactionLagMs: values['max.compaction.lag.ms'],
      deleteRetentionMs: values['delete.retention.ms'],
      minCleanableDirtyRatio: values['min.cleanable.dirty.ratio'],
      messageTimestampType: values['message.timestamp.type'] as LogConfig['messageTimestampType'],
      messageTimestampBeforeMaxMs: values['message.timestamp.before.max.ms'],
      messageTimestampAfterMaxMs: values['message.timestamp.after.max.ms'],
      compressionType: values['compression.type'],
      fileDeleteDelayMs: values['file.delete.delay.ms'],
    }
  }

  describeTopic(topic: Pick<Topic, 'name' | 'configs'>, names: readonly string[] | null): ConfigEntry[] {
    const stored = Object.keys(topic.configs).filter((name) => !topicSettingsByName[name])
    const all = stored.length === 0 ? topicNames : [...topicNames, ...stored].sort()
    const selected = names === null ? all : all.filter((name) => names.includes(name))
    return selected.map((name) => {
      const setting = topicSettingsByName[name]
      // As in Kafka: a config of another release may be a secret.
      if (!setting) return unknownEntry(name, source.topic)
      const override = topic.configs[name]
      const fallback = this.#topicDefault(name)
      const synonyms = setting.synonyms[0] ? this.brokerSynonyms(setting.synonyms[0].name) : []
      if (override !== undefined) synonyms.unshift({ name, value: override, source: source.topic })
      return entry(name, setting, override ?? fallback.value, override !== undefined ? source.topic : fallback.source, false, synonyms)
    })
  }

  describeBroker(broker: string, names: readonly string[] | null): ConfigEntry[] {
    if (broker === '') {
      const configs = this.#image.brokerConfigs('')
      return Object.keys(configs)
        .filter((name) => names === null || names.includes(name))
        .sort()
        .map((name) => {
          const synonym = { name, value: configs[name]!, source: source.defaultBroker }
          const setting = brokerSettingsByName[name]
          if (isSecret(name, setting)) return secretEntry(name, setting, source.defaultBroker, [synonym])
          return entry(name, setting, configs[name]!, source.defaultBroker, false, [synonym])
        })
    }
    const all = new Set([
      ...Object.keys(brokerSettingsByName),
      ...Object.keys(this.#settings.properties),
      ...Object.keys(this.#image.brokerConfigs(this.#nodeName)),
      ...Object.keys(this.#image.brokerConfigs('')),
    ])
    const selected = [...all].filter((name) => names === null || names.includes(name)).sort()
    return selected.map((name) => {
      const setting = brokerSettingsByName[name] ?? brokerSettingsByName[name.replace(LISTENER_PREFIX, '')]
      const synonyms = this.brokerSynonyms(name)
      const strongest = synonyms[0] ?? { value: null, source: source.fallback }
      if (isSecret(name, setting)) return secretEntry(name, setting, strongest.source, synonyms)
      return entry(name, setting, this.#derivedValue(name) ?? strongest.value, strongest.source, !setting?.dynamic, synonyms)
    })
  }

  /** The value of a setting that is derived where the file does not set it. */
  #derivedValue(name: string): string | undefined {
    return name === 'node.id' || name === 'broker.id' ? this.#nodeName : undefined
  }

  /** Validates the overrides of a new topic. Throws INVALID_CONFIG. */
  validateTopic(configs: Readonly<Record<string, string | null>>): Record<string, string> {
    const nulls = Object.keys(configs).filter((name) => configs[name] === null)
    if (nulls.length > 0) throw new KafkaError('INVALID_CONFIG', `Null value not supported for topic configs: ${nulls.join(',')}`)
    const checked: Record<string, string> = {}
    for (const [name, value] of Object.entries(configs)) {
      const setting = topicSettingsByName[name]
      if (!setting) throw new KafkaError('INVALID_CONFIG', `Unknown topic config name: ${name}`)
      parseSetting(name, setting, value)
      checked[name] = value!.trim()
    }
    this.#validateCombination(checked)
    return checked
  }

  #validateCombination(overrides: Readonly<Record<string, string>>): void {
    const values = this.topicValues(overrides)
    const min = values['min.compaction.lag.ms']
    const max = values['max.compaction.lag.ms']
    if (min > max)
      throw new KafkaError(
        'INVALID_CONFIG',
        `conflict topic config setting min.compaction.lag.ms (${min}) > max.compaction.lag.ms (${max})`,
      )
    if (values['remote.storage.enable'])
      throw new KafkaError(
        'INVALID_CONFIG',
        'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.',
      )
  }

  /** The overrides of a topic after `changes`. */
  alterTopic(topic: Topic, changes: readonly ConfigChange[]): Record<string, string> {
    const next = applyChanges(topic.configs, changes, (name) => {
      const setting = topicSettingsByName[name]
      return { setting, fallback: setting ? this.#topicDefault(name).value : null }
    })
    return this.validateTopic(next)
  }

  /** With eligible leader replicas, which a folder of Kafka may have finalized, all brokers need the same value. */
  #checkMinInsyncReplicas(broker: string, changes: readonly ConfigChange[]): void {
    const change = changes.find(({ name }) => name === MIN_INSYNC_REPLICAS)
    if (!change || (this.#image.features.get(ELIGIBLE_LEADER_REPLICAS) ?? 0) === 0) return
    if (broker !== '') throw new KafkaError('INVALID_CONFIG', 'Broker-level min.insync.replicas cannot be altered while ELR is enabled.')
    if (change.operation === configOperations.delete)
      throw new KafkaError('INVALID_CONFIG', 'Cluster-level min.insync.replicas cannot be removed while ELR is enabled.')
  }

  /** The dynamic configs of `broker` after `changes`; an empty name is the cluster-wide default. */
  alterBroker(broker: string, changes: readonly ConfigChange[]): Record<string, string> {
    // What may not be there may be deleted: an older release of Kafka may have stored it.
    const names = changes.filter(({ operation }) => operation !== configOperations.delete).map(({ name }) => name)
    const shared = names.filter((name) => LISTENER_ONLY.test(name))
    if (shared.length > 0)
      throw new KafkaError(
        'INVALID_REQUEST',
        `These security configs can be dynamically updated only per-listener using the listener prefix: [${shared.join(', ')}]`,
      )
    const ofOneBroker = broker === '' ? names.filter((name) => LISTENER_SETTING.test(name) && !CLUSTER_WIDE.test(name)) : []
    if (ofOneBroker.length > 0)
      throw new KafkaError(
        'INVALID_REQUEST',
        `Cannot update these configs at default cluster level, broker id must be specified: [${ofOneBroker.join(', ')}]`,
      )
    const unknown = changes.find(({ operation }) => !isConfigOperation(operation))
    if (unknown) throw new KafkaError('INVALID_REQUEST', `Unknown operations type ${unknown.operation}`)
    this.#checkMinInsyncReplicas(broker, changes)
    const fixed = names.filter((name) => brokerSettingsByName[name] && !brokerSettingsByName[name].dynamic)
    if (fixed.length > 0) throw new KafkaError('INVALID_REQUEST', `Cannot update these configs dynamically: [${fixed.join(', ')}]`)
    for (const { name, operation } of changes) {
      const verb = operation === configOperations.append ? 'append' : operation === configOperations.subtract ? 'subtract' : null
      const setting = brokerSettingsByName[name]
      if (verb !== null && setting && setting.kind !== 'list')
        throw new KafkaError('INVALID_CONFIG', `Config value ${verb} is not allowed for config key: ${name}`)
    }
    const next = applyChanges(this.#image.brokerConfigs(broker), changes, (name) => ({
      setting: brokerSettingsByName[name],
      fallback: this.#settings.properties[name] ?? brokerSettingsByName[name]?.fallback ?? null,
    }))
    for (const [name, value] of Object.entries(next)) {
      const setting = brokerSettingsByName[name]
      try {
        if (setting) parseSetting(name, setting, value)
      } catch (error) {
        if (error instanceof KafkaError) throw new KafkaError('INVALID_REQUEST', error.message, { cause: error })
        throw error
      }
    }
    if (broker === '' || broker === this.#nodeName) this.#checkCleanerThreads(broker, next)
    return next
  }

  /** As Kafka: from one change to the next the threads at most double, or halve. Throws INVALID_REQUEST. */
  #checkCleanerThreads(broker: string, next: Readonly<Record<string, string>>): void {
    const name = 'log.cleaner.threads'
    const current = this.brokerValue(name)
    const stored = (of: string) => (of === broker ? next : this.#image.brokerConfigs(of))[name]
    const changed = stored(this.#nodeName) ?? stored('')
    const threads = changed === undefined ? this.#settings.values[name] : Number(changed)
    if (threads === current) return
    const refuse = (why: string) => {
      throw new KafkaError(
        'INVALID_REQUEST',
        `Invalid value org.apache.kafka.common.config.ConfigException: Log cleaner threads cannot be ${why} for configuration Invalid dynamic configuration`,
      )
    }
    if (threads === 0) refuse('0 while the broker runs')
    if (threads < Math.floor(current / 2)) refuse(`reduced to less than half the current value ${current}`)
    if (threads > current * 2) refuse(`increased to more than double the current value ${current}`)
  }
}
