/**
 * Creates the topics of a source connector before it sends the first record to them, as its `topic.creation.*` settings say. Where it has
 * none, or the worker does not allow them, only the broker may create a topic (`auto.create.topics.enable`).
 */
import { createTopicsIfAbsent } from '../../core/client/topic-setup.ts'
import type { Client } from '../../core/client/types.ts'
import { KafkaError } from '../../core/errors.ts'
import { InvalidSetting, namesIn, type Setting, setting } from '../sdk/index.ts'
import { javaPattern, patternProblem } from '../sdk/java-pattern.ts'
import { settingsUnder } from '../sdk/prefixed-settings.ts'
import type { ConnectorConfig } from '../types.ts'

export interface TopicSpec {
  partitions: number
  replicationFactor: number
  configs: Record<string, string>
}

interface TopicCreationGroup {
  matches(topic: string): boolean
  spec: TopicSpec
}

const PREFIX = 'topic.creation.'
const DEFAULT_GROUP = 'default'

const usable = (why: string) => (value: number) => (value > 0 || value === -1 ? undefined : why)

/** Kafka Connect's, for each group; the default one has no patterns, and must have both numbers. */
const groupSettings = {
  'replication.factor': setting.short({
    doc: 'The replication factor of new topics.',
    check: usable(
      "Replication factor must be positive and not larger than the number of brokers in the Kafka cluster, or -1 to use the broker's default",
    ),
  }),
  partitions: setting.int({
    doc: 'The number of partitions of new topics.',
    check: usable("Number of partitions must be positive, or -1 to use the broker's default"),
  }),
  include: setting.list({ default: [], doc: 'Regular expressions of the topics of the group.', check: regexProblem }),
  exclude: setting.list({ default: [], doc: 'Regular expressions of topics that are not of the group.', check: regexProblem }),
} as const

type Raw = Readonly<Record<string, string>>

function regexProblem(patterns: readonly string[]): string | undefined {
  const problem = patterns.map(patternProblem).find((found) => found !== undefined)
  return problem && `Syntax error in regular expression: ${problem}`
}

/** Kafka's validators do not know the prefix; what is missing or does not parse is reported with it. */
function read<T>(declared: Setting<T>, prefix: string, name: string, raw: Raw): T {
  try {
    return declared.parse(name, raw[name] ?? null)
  } catch (error) {
    if (error instanceof InvalidSetting && !error.unparsable) throw error
    return declared.parse(prefix + name, raw[name] ?? null)
  }
}

/**
 * Null where the config has no `topic.creation.*` settings.
 * @throws InvalidSetting or MissingSetting, as Kafka Connect's connectors fail: groups need the defaults.
 */
export function topicGroups(config: ConnectorConfig): readonly TopicCreationGroup[] | null {
  if (!usesTopicCreation(config)) return null
  const names = [...new Set([DEFAULT_GROUP, ...namesIn(config['topic.creation.groups'])])]
  let base: TopicSpec | null = null
  const groups = names.map((name): TopicCreationGroup => {
    const prefix = `${PREFIX}${name}.`
    const raw = settingsUnder(prefix, config)
    const number = (setting: 'replication.factor' | 'partitions', fallback: number | undefined) =>
      raw[setting] === undefined && fallback !== undefined ? fallback : read(groupSettings[setting], prefix, setting, raw)
    const replicationFactor = number('replication.factor', base?.replicationFactor)
    const partitions = number('partitions', base?.partitions)
    const isDefault = base === null
    const configs = Object.fromEntries(Object.entries(raw).filter(([key]) => !Object.hasOwn(groupSettings, key)))
    const spec = { partitions, replicationFactor, configs }
    base ??= spec
    if (isDefault) return { matches: () => true, spec }
    const matcher = (setting: 'include' | 'exclude') => {
      const patterns = read(groupSettings[setting], prefix, setting, raw).map(javaPattern)
      return (topic: string) => patterns.some((pattern) => pattern.matches(topic))
    }
    const [include, exclude] = [matcher('include'), matcher('exclude')]
    return { matches: (topic) => include(topic) && !exclude(topic), spec }
  })
  // The default one comes last: the first group that matches counts.
  return [...groups.slice(1), groups[0]!]
}

/** Kafka Connect's: whether a source needs an admin client. */
export const usesTopicCreation = (config: ConnectorConfig): boolean => Object.keys(config).some((name) => name.startsWith(PREFIX))

export class TopicCreation {
  readonly #client: Client
  readonly #groups: readonly TopicCreationGroup[] | null
  readonly #ensured = new Map<string, Promise<void>>()
  readonly #cancellation: AbortSignal
  readonly #cancelled: Promise<never>

  /**
   * `client` finds and creates the topics: an admin client where groups say how, else that of the producer. When the task is cancelled it
   * waits for no topic, and creates none.
   */
  constructor(client: Client, config: ConnectorConfig, enabled: boolean, cancellation: AbortSignal) {
    this.#client = client
    this.#groups = enabled ? topicGroups(config) : null
    this.#cancellation = cancellation
    this.#cancelled = new Promise((_, reject) => {
      cancellation.addEventListener('abort', () => reject(cancellation.reason), { once: true })
    })
    this.#cancelled.catch(() => {})
  }

  /** Resolves when the topic exists. */
  ensure(topic: string): Promise<void> {
    let ensured = this.#ensured.get(topic)
    if (!ensured) {
      ensured = Promise.race([this.#create(topic), this.#cancelled])
      this.#ensured.set(topic, ensured)
      // The caller handles the error; the next call tries again.
      ensured.catch(() => this.#ensured.delete(topic))
    }
    return ensured
  }

  async #create(topic: string): Promise<void> {
    const group = this.#groups?.find((candidate) => candidate.matches(topic))
    if (await this.#client.topic(topic, { allowCreation: !group })) return
    if (!group)
      throw new KafkaError(
        'UNKNOWN_TOPIC_OR_PARTITION',
        `the topic ${topic} does not exist, and the broker did not create it: create it, or set topic.creation.default.partitions and ` +
          'topic.creation.default.replication.factor in the config of the connector',
      )
    this.#cancellation.throwIfAborted()
    await createTopicsIfAbsent(this.#client, [{ name: topic, ...group.spec }], 'topic.creation.default.replication.factor')
  }
}
