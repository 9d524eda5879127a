/**
 * Creates the topics of a source connector before it sends the first record to them: as its `topic.creation.*` settings say, or with the
 * defaults of the cluster where it has none.
 */
import { createTopicsIfAbsent } from '../../core/client/topic-setup.ts'
import type { Client } from '../../core/client/types.ts'
import { InvalidSetting, MissingSetting, namesIn } from '../sdk/index.ts'
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

const reservedNames = new Set(['include', 'exclude', 'partitions', 'replication.factor'])

function number(prefix: string, name: string, raw: Record<string, string>, fallback: number | undefined): number {
  const text = raw[name]
  if (text === undefined) {
    if (fallback === undefined) throw new MissingSetting(prefix + name)
    return fallback
  }
  const value = Number(text)
  if (!Number.isInteger(value) || (value < 1 && value !== -1))
    throw new InvalidSetting(prefix + name, text, 'Value must be -1 or at least 1')
  return value
}

/** Null where the config has no `topic.creation.default.*` settings. */
export function topicGroups(config: ConnectorConfig): readonly TopicCreationGroup[] | null {
  const defaults = settingsUnder('topic.creation.default.', config)
  if (Object.keys(defaults).length === 0) return null
  const base = {
    partitions: number('topic.creation.default.', 'partitions', defaults, undefined),
    replicationFactor: number('topic.creation.default.', 'replication.factor', defaults, undefined),
  }
  const matcher = (patterns: readonly string[]) => {
    const expressions = patterns.map((pattern) => new RegExp(`^(?:${pattern})$`))
    return (topic: string) => expressions.some((expression) => expression.test(topic))
  }
  const group = (name: string): TopicCreationGroup => {
    const prefix = `topic.creation.${name}.`
    const raw = settingsUnder(prefix, config)
    const include = matcher(namesIn(raw.include))
    const exclude = matcher(namesIn(raw.exclude))
    return {
      matches: name === 'default' ? () => true : (topic) => include(topic) && !exclude(topic),
      spec: {
        partitions: number(prefix, 'partitions', raw, base.partitions),
        replicationFactor: number(prefix, 'replication.factor', raw, base.replicationFactor),
        configs: Object.fromEntries(Object.entries(raw).filter(([key]) => !reservedNames.has(key))),
      },
    }
  }
  return [...namesIn(config['topic.creation.groups']).filter((name) => name !== 'default'), 'default'].map(group)
}

/** Kafka Connect's: whether a source needs an admin client. */
export const usesTopicCreation = (config: ConnectorConfig): boolean =>
  Object.keys(config).some((name) => name.startsWith('topic.creation.'))

export class TopicCreation {
  readonly #client: Client
  readonly #groups: readonly TopicCreationGroup[] | null
  readonly #ensured = new Map<string, Promise<void>>()

  /** `client` finds and creates the topics: an admin client where groups say how, else that of the producer. */
  constructor(client: Client, config: ConnectorConfig, enabled: boolean) {
    this.#client = client
    this.#groups = enabled ? topicGroups(config) : null
  }

  /** Resolves when the topic exists. */
  ensure(topic: string): Promise<void> {
    let ensured = this.#ensured.get(topic)
    if (!ensured) {
      ensured = this.#create(topic)
      this.#ensured.set(topic, ensured)
      // The caller handles the error; the next call tries again.
      ensured.catch(() => this.#ensured.delete(topic))
    }
    return ensured
  }

  async #create(topic: string): Promise<void> {
    const group = this.#groups?.find((candidate) => candidate.matches(topic))
    if (await this.#client.topic(topic, { allowCreation: !group })) return
    const spec = group?.spec ?? { partitions: -1, replicationFactor: -1, configs: {} }
    await createTopicsIfAbsent(this.#client, [{ name: topic, ...spec }], 'topic.creation.default.replication.factor')
  }
}
