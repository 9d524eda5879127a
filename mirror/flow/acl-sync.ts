/**
 * Creates the access control list entries of mirrored topics on the target. Entries are never removed there. A cluster without an
 * authorizer, or one that does not permit this, is logged once, until it does; the mirror goes on without.
 */
import type { Client } from '../../core/client/index.ts'
import { type ErrorName, KafkaError } from '../../core/errors.ts'
import type { Logger } from '../../core/system/logger.ts'
import { type FlowSettings, routeOf } from '../settings/mm2-properties.ts'
import { targetAcls, topicAclFilter } from './topic-acls.ts'

type Side = 'source' | 'target'

export interface AclSyncOptions {
  settings: FlowSettings
  source: Client
  target: Client
  logger: Logger
}

/** Errors that last until a person changes the cluster. */
const lasting: Partial<Record<ErrorName, { level: 'info' | 'warn'; what: string }>> = {
  SECURITY_DISABLED: { level: 'info', what: 'the cluster has no authorizer' },
  UNSUPPORTED_VERSION: { level: 'info', what: 'the cluster does not support access control lists' },
  CLUSTER_AUTHORIZATION_FAILED: { level: 'warn', what: 'the cluster does not permit it' },
}

const lastingError = (error: unknown) => (error instanceof KafkaError ? lasting[error.error] : undefined)

export class AclSync {
  readonly #options: AclSyncOptions
  /** What was logged of a side that has not accepted a request since. */
  readonly #logged = new Map<Side, ErrorName>()
  /** Of the last time: the log tells of a change. */
  #createdCount = 0

  constructor(options: AclSyncOptions) {
    this.#options = options
  }

  /** Throws what the next interval may resolve. */
  async sync(): Promise<void> {
    const { settings, source, logger } = this.#options
    const sourceAcls = await this.#at('source', () => source.admin.describeAcls(topicAclFilter))
    if (!sourceAcls) return
    const acls = targetAcls(sourceAcls, routeOf(settings))
    const failures = await this.#at('target', () => this.#create(acls))
    if (!failures) return
    const [first] = failures
    if (first)
      throw new KafkaError(
        first.error.error,
        `${failures.length} of ${acls.length} ACLs, such as topic ${first.topic}: ${first.error.message}`,
      )
    if (acls.length !== this.#createdCount) logger.info({ mirror: settings.name, acls: acls.length }, 'topic ACLs synced')
    this.#createdCount = acls.length
  }

  /** The entries that the target has refused. */
  async #create(acls: ReturnType<typeof targetAcls>): Promise<{ topic: string; error: KafkaError }[]> {
    const outcomes = await this.#options.target.admin.createAcls(acls)
    const failures = outcomes.flatMap((error, index) => (error ? [{ topic: acls[index]!.resourceName, error }] : []))
    const ofAll = failures.find(({ error }) => lastingError(error))
    if (ofAll) throw ofAll.error
    return failures
  }

  /** Undefined where the cluster refuses all entries. */
  async #at<T>(side: Side, request: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await request()
      this.#logged.delete(side)
      return result
    } catch (error) {
      const reason = lastingError(error)
      if (!reason) throw error
      const { settings, logger } = this.#options
      const { alias } = settings[side]
      if (this.#logged.get(side) !== (error as KafkaError).error)
        logger[reason.level](
          { mirror: settings.name, cluster: alias, err: error },
          `topic ACLs are not synced: ${reason.what} (${side} ${alias}). Change that, or set sync.topic.acls.enabled=false`,
        )
      this.#logged.set(side, (error as KafkaError).error)
      return undefined
    }
  }
}
