/**
 * The subjects of the schemas of one converter: by its strategy, or those with which a topic is associated in the registry. A topic without
 * an association has the strategy of `subject.name.strategy.fallback.type`.
 */
import { DataError, SchemaPending } from '../sdk/index.ts'
import { LoadingCache } from './bounded-cache.ts'
import type { RegistryClient } from './registry-client.ts'
import type { RegistryConfig } from './registry-settings.ts'
import { associatedStrategy, defaultStrategy, fallbackStrategies, subjectName } from './subject-name.ts'

export class SubjectNames {
  /** How long a subject stays that of a topic; null for ever. */
  readonly expiryMs: number | null
  readonly #client: Pick<RegistryClient, 'associatedSubjects'>
  readonly #isKey: boolean
  readonly #clusterId: string | null
  /** Null where there is none but the associations. */
  readonly #strategy: string | null
  /** By topic; null where associations are not asked for. */
  readonly #associated: LoadingCache<{ readonly subject: string | null }> | null

  constructor(client: Pick<RegistryClient, 'associatedSubjects'>, config: RegistryConfig, isKey: boolean, now: () => number) {
    this.#client = client
    this.#isKey = isKey
    this.#clusterId = config['subject.name.strategy.kafka.cluster.id']
    const strategy = config[`${isKey ? 'key' : 'value'}.subject.name.strategy`]
    const isAssociated = strategy === associatedStrategy
    this.#strategy = isAssociated ? fallbackStrategies[config['subject.name.strategy.fallback.type']] : strategy
    const expirySeconds = config['subject.name.strategy.cache.expiry.secs']
    this.expiryMs = isAssociated && expirySeconds >= 0 ? expirySeconds * 1000 : null
    this.#associated = isAssociated ? new LoadingCache(config['subject.name.strategy.cache.size'], this.expiryMs, now) : null
  }

  /** Whether a subject may depend on the name of the record. */
  get useRecordNames(): boolean {
    return this.#strategy !== null && this.#strategy !== defaultStrategy
  }

  /** Throws SchemaPending while the registry is asked, and DataError where there is no subject. */
  of(topic: string, recordName: string | null): string {
    const found = this.#associated?.get(topic, `the subject of ${topic}`, () => this.#ask(topic))
    if (found?.subject) return found.subject
    if (this.#strategy === null) throw new DataError(`No associated subject found for topic ${topic}`)
    return subjectName(this.#strategy, topic, this.#isKey, recordName)
  }

  async load(topic: string, recordName: string | null): Promise<string> {
    for (;;) {
      try {
        return this.of(topic, recordName)
      } catch (error) {
        if (!(error instanceof SchemaPending)) throw error
        await error.loaded
      }
    }
  }

  async #ask(topic: string): Promise<{ subject: string | null }> {
    const subjects = (await this.#client.associatedSubjects(topic, this.#clusterId, this.#isKey)) ?? []
    if (subjects.length > 1) throw new DataError(`Multiple associated subjects found for topic ${topic}`)
    return { subject: subjects[0] ?? null }
  }
}
