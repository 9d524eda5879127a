/**
 * One instance of the registry: the image that follows the topic, the election, and the writes of the leader, one after another. Whatever
 * it answers after a write it has read back from the topic.
 */
import { clientSecurity, createClient } from '../core/client/index.ts'
import type { Client } from '../core/client/types.ts'
import { KafkaError } from '../core/errors.ts'
import type { SystemProperties } from '../core/security/sasl/types.ts'
import type { System } from '../core/system/index.ts'
import { SerialQueue } from '../core/system/serial-queue.ts'
import { within } from '../core/system/within.ts'
import { CompatibilityChecks } from './compatibility-checks.ts'
import type { Decision, DecisionContext } from './decision-context.ts'
import { checkBackward } from './formats/index.ts'
import { LeaderElection } from './leader-election.ts'
import { ParsedSchemas } from './parsed-schemas.ts'
import { NotRegistryLeader, notPermitted, operationTimedOut, schemaTooLarge, storeError, unknownLeader } from './registry-error.ts'
import { RegistryImage } from './registry-image.ts'
import { registryMetrics } from './registry-metrics.ts'
import {
  bootstrapServers,
  parseRegistrySettings,
  type RegistryConfig,
  storeSecurity,
  topicConfigs,
  unknownRegistrySettings,
} from './registry-settings.ts'
import { SchemasTopic, SchemasTopicLost, type TopicEntry, type TopicWrite } from './schemas-topic.ts'
import { formatKey, formatValue, keyOf, type RegistryRecord, readRecord, UnreadableRecord } from './topic-records.ts'

export interface RegistryOptions {
  /** The URL by which other instances reach this one's REST API. */
  readonly advertisedUrl: string
  /** Settings in the same file that others read, such as the REST server. */
  readonly otherSettings?: readonly string[]
  readonly systemProperties?: SystemProperties
}

/** How long a write waits for a leader, while the group rebalances. */
const LEADER_WAIT_MS = 10_000
/** How long a request waits for a leader after the one that cannot be reached: its session ends first, then the group rebalances. */
const NEXT_LEADER_WAIT_MS = 20_000
/** Of which leaving the group takes the most. */
const CLOSE_TIMEOUT_MS = 4_000
/** Writes that wait for those before them. */
const WAITING_WRITES_LIMIT = 10_000
/** Records that cannot be read and are named in the log; further ones are only counted. */
const LOGGED_UNREADABLE_LIMIT = 100

/** Null while the group rebalances. */
type Leadership = { readonly url: string | null; readonly isOwn: boolean } | null

export class SchemaRegistry {
  readonly config: RegistryConfig
  readonly context: DecisionContext
  readonly #image = new RegistryImage()
  readonly #client: Client
  readonly #topic: SchemasTopic
  readonly #election: LeaderElection
  readonly #system: System
  readonly #writes = new SerialQueue()
  readonly #checks: CompatibilityChecks
  #waitingWrites = 0
  /** False after a failed write, and before the first one as the leader: the topic may have records that were not read. */
  #isCertain = false
  /** How long it may take to read them: a new leader may be far behind, one whose write failed is not. */
  #catchUpTimeoutMs = 0
  #leadership: Leadership = null
  #leadershipChanged = Promise.withResolvers<void>()
  /** By the key as this registry writes it: other spellings of it in the topic, which another registry wrote. */
  readonly #foreignKeys = new Map<string, Set<string>>()
  /** For metrics. */
  readonly counts = { registered: 0, deleted: 0, unreadable: 0 }

  constructor(properties: Readonly<Record<string, string>>, system: System, options: RegistryOptions) {
    this.config = parseRegistrySettings(properties)
    this.#system = system
    const unknown = unknownRegistrySettings(properties, options.otherSettings ?? [])
    if (unknown.length > 0) system.logger.warn({ settings: unknown }, `unknown settings are ignored: ${unknown.join(', ')}`)
    const { config } = this
    const defaults = {
      compatibilityLevel: config['schema.compatibility.level'],
      validateFields: config['schema.validate.fields'],
      validateNewSchemas: config['schema.validate.new.schemas'],
    }
    const parsed = new ParsedSchemas(this.#image, config['schema.cache.size'])
    this.context = { image: this.#image, parsed, defaults, compare: checkBackward, modesCanChange: config['mode.mutability'] }
    this.#checks = new CompatibilityChecks(parsed, system)
    const { protocol, hostname, port } = new URL(options.advertisedUrl)
    const security = storeSecurity(properties)
    this.#client = createClient(
      {
        bootstrapServers: bootstrapServers(config['kafkastore.bootstrap.servers'], security),
        clientId: `sr-${hostname}-${port}`,
        security: clientSecurity(security, system, options.systemProperties ?? {}),
      },
      system,
    )
    this.#topic = new SchemasTopic(
      this.#client,
      {
        topic: config['kafkastore.topic'],
        replicationFactor: config['kafkastore.topic.replication.factor'],
        configs: topicConfigs(properties),
        skipValidation: config['kafkastore.topic.skip.validation'],
        initTimeoutMs: config['kafkastore.init.timeout.ms'],
      },
      system,
    )
    this.#election = new LeaderElection({
      client: this.#client,
      config,
      identity: {
        host: hostname.replace(/^\[|\]$/g, ''),
        port: Number(port) || (protocol === 'https:' ? 443 : 80),
        scheme: protocol.replace(':', ''),
        leaderEligibility: config['leader.eligibility'],
      },
      system,
      beforeRebalance: () => this.#beforeRebalance(),
      onLeader: (url, isOwn) => this.#onLeader(url, isOwn),
    })
  }

  /** Resolves when the topic has been read, and this instance is in the group. */
  async start(): Promise<void> {
    await this.#topic.start((entry) => this.#apply(entry))
    registryMetrics(this, this.#system)
    this.#election.start()
    await Promise.race([this.#election.joined, this.failed])
  }

  /** Rejects when this instance cannot go on. */
  get failed(): Promise<never> {
    return Promise.race([this.#topic.failed, this.#election.failed])
  }

  get clusterId(): Promise<string | null> {
    return this.#client.clusterId
  }

  get leads(): boolean {
    return this.#leadership?.isOwn === true
  }

  get sizes(): RegistryImage['counts'] {
    return this.#image.counts
  }

  #apply({ key, value, offset, timestamp }: TopicEntry): void {
    let record: RegistryRecord | null
    try {
      record = readRecord(key, value)
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error
      const count = ++this.counts.unreadable
      const more =
        count === LOGGED_UNREADABLE_LIMIT ? '; further ones are only counted, in tributary_registry_unreadable_records_total' : ''
      if (count <= LOGGED_UNREADABLE_LIMIT)
        this.#system.logger.error({ reason: error.message, offset }, `a record of the registry cannot be read and is ignored${more}`)
      return
    }
    if (!record) return
    this.#rememberSpelling(key, formatKey(keyOf(record)), value)
    const duplicate = this.#image.apply(record, timestamp)
    if (!duplicate) return
    this.#system.logger.error(
      { ...duplicate, offset },
      'a schema has an id that another schema has already, and is ignored: two instances have led at the same time',
    )
    if (this.leads) void this.#restore(duplicate)
  }

  #rememberSpelling(key: string, own: string, value: string | null): void {
    if (key === own) return
    const spellings = this.#foreignKeys.get(own) ?? new Set()
    if (value === null) spellings.delete(key)
    else spellings.add(key)
    if (spellings.size > 0) this.#foreignKeys.set(own, spellings)
    else this.#foreignKeys.delete(own)
  }

  /** Other instances that start later must not see the ignored schema either. */
  async #restore({ subject, version }: { subject: string; version: number }): Promise<void> {
    const value = this.#image.version(subject, version) ?? null
    try {
      await this.#topic.write(this.#toWrites([{ type: 'SCHEMA', subject, version, value }]), this.config['kafkastore.init.timeout.ms'])
    } catch (error) {
      this.#system.logger.error({ err: error, subject, version }, 'the record with a duplicate id could not be replaced')
    }
  }

  /** Another spelling of a key would outlive the record that replaces it: it gets a tombstone. */
  #toWrites(records: readonly RegistryRecord[]): TopicWrite[] {
    return records.flatMap((record) => {
      const key = formatKey(keyOf(record))
      const others = [...(this.#foreignKeys.get(key) ?? [])].map((spelling) => ({ key: spelling, value: null }))
      return [...others, { key, value: formatValue(record) }]
    })
  }

  /** What was begun is finished before another instance may lead. */
  async #beforeRebalance(): Promise<void> {
    this.#leadership = null
    await within(
      this.#system.clock,
      this.config['kafkastore.init.timeout.ms'],
      this.#writes.run(async () => {}),
    )
  }

  async #onLeader(url: string | null, isOwn: boolean): Promise<void> {
    this.#isCertain = false
    this.#catchUpTimeoutMs = this.config['kafkastore.init.timeout.ms']
    this.#leadership = { url, isOwn }
    this.#leadershipChanged.resolve()
    this.#leadershipChanged = Promise.withResolvers()
  }

  /** @throws NotRegistryLeader, or SchemaRegistryError 50004 where nobody leads. */
  async #mustLead(): Promise<void> {
    const deadline = this.#system.clock.monotonic() + LEADER_WAIT_MS
    while (this.#leadership === null) {
      const left = deadline - this.#system.clock.monotonic()
      if (left <= 0 || !(await within(this.#system.clock, left, this.#leadershipChanged.promise))) throw unknownLeader()
    }
    const { url, isOwn } = this.#leadership
    if (isOwn) return
    if (url === null) throw unknownLeader()
    throw new NotRegistryLeader(url)
  }

  /** Whether another one than the leader at this URL leads, at the latest after 20 s. */
  async leaderAfter(url: string): Promise<boolean> {
    const { clock } = this.#system
    const deadline = clock.monotonic() + NEXT_LEADER_WAIT_MS
    while (!this.#leadership?.url || this.#leadership.url === url) {
      const left = deadline - clock.monotonic()
      if (left <= 0 || !(await within(clock, left, this.#leadershipChanged.promise))) return false
    }
    return true
  }

  /**
   * The decision of the leader, after all earlier writes, and with what the topic has. Resolves when its records have been read back.
   * @throws NotRegistryLeader where another instance leads.
   */
  async write<T>(decide: (context: DecisionContext) => Decision<T>): Promise<T> {
    if (this.#waitingWrites >= WAITING_WRITES_LIMIT) throw operationTimedOut('Too many writes are waiting. Try again shortly.')
    this.#waitingWrites++
    try {
      return await this.check(async (context) => {
        for (;;) {
          await this.#mustLead()
          const made = await this.#writes.run(() => this.#write(context, decide))
          if (made) return made.answer
        }
      })
    } finally {
      this.#waitingWrites--
    }
  }

  /** Whatever compares schemas: the context that `decide` gets has checks that take long made elsewhere. */
  check<T>(decide: (context: DecisionContext) => T | Promise<T>): Promise<T> {
    return this.#checks.decide(this.context, decide)
  }

  /** Null where this instance has lost the lead while earlier writes were made: a rebalance must not wait for those that were not begun. */
  async #write<T>(context: DecisionContext, decide: (context: DecisionContext) => Decision<T>): Promise<{ answer: T } | null> {
    if (!this.leads) return null
    if (!this.#isCertain) await this.#catchUp()
    const { records, answer } = decide(context)
    if (!this.#image.hasRoomFor(records)) throw notPermitted('The registry is full: permanently delete subjects that are not used any more')
    if (records.length > 0) await this.#append(records, this.config['kafkastore.timeout.ms'])
    this.#count(records)
    return { answer }
  }

  /** A record of its own lies behind everything that an earlier leader has written, replicated or not. */
  async #catchUp(): Promise<void> {
    await this.#append([{ type: 'NOOP' }], this.#catchUpTimeoutMs)
    this.#isCertain = true
  }

  async #append(records: readonly RegistryRecord[], timeoutMs: number): Promise<void> {
    try {
      await this.#topic.write(this.#toWrites(records), timeoutMs)
    } catch (cause) {
      this.#isCertain = false
      // While the cluster is away, requests fail one by one instead of waiting behind each other.
      this.#catchUpTimeoutMs = this.config['kafkastore.timeout.ms']
      if (cause instanceof SchemasTopicLost) throw storeError(cause.message, cause)
      const error = cause instanceof KafkaError ? cause.error : null
      if (error === 'MESSAGE_TOO_LARGE' || error === 'RECORD_LIST_TOO_LARGE') throw schemaTooLarge()
      if (error === 'REQUEST_TIMED_OUT') throw operationTimedOut('Register operation timed out', cause)
      this.#system.logger.error({ err: cause }, 'the registry could not write to its topic')
      throw storeError('Register schema operation failed while writing to the Kafka store', cause)
    }
  }

  #count(records: readonly RegistryRecord[]): void {
    for (const record of records) {
      if (record.type === 'SCHEMA') {
        if (record.value?.deleted === false) this.counts.registered++
        else if (record.value) this.counts.deleted++
      } else if (record.type === 'DELETE_SUBJECT') this.counts.deleted++
    }
  }

  /** After a write that the leader has made for this instance: the next read here sees it, if the topic responds in time. */
  async readToEnd(): Promise<void> {
    try {
      await this.#topic.readToEnd(this.config['kafkastore.timeout.ms'])
    } catch (error) {
      this.#system.logger.warn({ err: error }, 'the topic of the registry was not read to its end after a forwarded write')
    }
  }

  /** Takes 5 s at most. */
  async close(): Promise<void> {
    this.#checks.close()
    const closing = this.#election.close().then(() => this.#topic.close())
    await within(this.#system.clock, CLOSE_TIMEOUT_MS, closing)
  }
}

export async function startRegistry(
  properties: Readonly<Record<string, string>>,
  system: System,
  options: RegistryOptions,
): Promise<SchemaRegistry> {
  const registry = new SchemaRegistry(properties, system, options)
  try {
    await registry.start()
  } catch (error) {
    await registry.close()
    throw error
  }
  return registry
}
