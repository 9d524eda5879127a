/**
 * The topics that a source writes to: there before the first record goes. Created by the connector's `topic.creation.*` groups where it has
 * them, else with the cluster's own defaults.
 */

import { createMissingTopics } from '../../core/client/topic-setup.ts'
import type { Client } from '../../core/client/types.ts'
import { InvalidSetting, MissingSetting } from '../sdk/index.ts'
import { settingsUnder } from '../sdk/prefixed-settings.ts'
import type { ConnectorConfig } from '../types.ts'

export interface TopicSpec {
  partitions: number
  replicationFactor: number
  configs: Record<string, string>
}

interface Group {
  matches(topic: string): boolean
  spec: TopicSpec
}

const list = (text: string | undefined) =>
  (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
const own = new Set(['include', 'exclude', 'partitions', 'replication.factor'])

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

/** Null where the config says nothing of creating topics. */
export function topicGroups(config: ConnectorConfig): readonly Group[] | null {
  const defaults = settingsUnder('topic.creation.default.', config)
  if (Object.keys(defaults).length === 0) return null
  const base = {
    partitions: number('topic.creation.default.', 'partitions', defaults, undefined),
    replicationFactor: number('topic.creation.default.', 'replication.factor', defaults, undefined),
  }
  const any = (patterns: readonly string[]) => {
    const expressions = patterns.map((pattern) => new RegExp(`^(?:${pattern})$`))
    return (topic: string) => expressions.some((expression) => expression.test(topic))
  }
  const group = (name: string): Group => {
    const prefix = `topic.creation.${name}.`
    const raw = settingsUnder(prefix, config)
    const include = any(list(raw.include))
    const exclude = any(list(raw.exclude))
    return {
      matches: name === 'default' ? () => true : (topic) => include(topic) && !exclude(topic),
      spec: {
        partitions: number(prefix, 'partitions', raw, base.partitions),
        replicationFactor: number(prefix, 'replication.factor', raw, base.replicationFactor),
        configs: Object.fromEntries(Object.entries(raw).filter(([key]) => !own.has(key))),
      },
    }
  }
  return [...list(config['topic.creation.groups']).filter((name) => name !== 'default'), 'default'].map(group)
}

export class TopicCreation {
  readonly #client: Client
  readonly #groups: readonly Group[] | null
  readonly #known = new Map<string, Promise<void>>()

  constructor(client: Client, config: ConnectorConfig, enabled: boolean) {
    this.#client = client
    this.#groups = enabled ? topicGroups(config) : null
  }

  ensure(topic: string): Promise<void> {
    let ensured = this.#known.get(topic)
    if (!ensured) {
      ensured = this.#create(topic)
      this.#known.set(topic, ensured)
      ensured.catch(() => this.#known.delete(topic))
    }
    return ensured
  }

  async #create(topic: string): Promise<void> {
    const group = this.#groups?.find((one) => one.matches(topic))
    if (await this.#client.topic(topic, { allowCreation: !group })) return
    const spec = group?.spec ?? { partitions: -1, replicationFactor: -1, configs: {} }
    await createMissingTopics(this.#client, [{ name: topic, ...spec }], 'topic.creation.default.replication.factor')
  }
}
