/**
 * A worker's place in the group: what it is to run, who leads, and in which generation. It joins with what the worker runs, decides for all
 * when it leads, and tells the worker what to let go and what to take. A worker that stands alone has a `Solo` instead.
 */
import type { Client, GroupMember } from '../../core/client/types.ts'
import { type ErrorName, KafkaError } from '../../core/errors.ts'
import type { Timer } from '../../core/system/clock.ts'
import type { System } from '../../core/system/index.ts'
import type { ConfigStore } from '../storage/config-backing-store.ts'
import {
  type Assignment,
  CONFIG_MISMATCH,
  CONNECTOR,
  NO_ERROR,
  offered,
  type ProtocolName,
  protocolVersions,
  readAssignment,
  readMetadata,
  unitKey,
  writeAssignment,
  writeMetadata,
} from './connect-protocol.ts'
import { type BalanceState, dealOut, nothingKnown, rebalance, type Share } from './incremental-cooperative-assignor.ts'
import type { WorkerConfig } from './worker-settings.ts'

export interface MembershipOwner {
  /** Ends these units; resolves when they have ended. */
  release(units: readonly string[]): Promise<void>
  /** This is what the worker runs now, and nothing else. Must not wait for anything to start. */
  hold(units: ReadonlySet<string>): void
  /** The group gave up on this worker: everything ends at once and stores nothing more. */
  lost(): Promise<void>
  /** The worker leads from here on. */
  leading(): void
  /** Whether the unit's owner has said that it ended it. */
  released(unit: string): boolean
  /** Before a decision: what the owners said is read up to now. */
  beforeDeciding(): Promise<void>
}

export interface WorkerMembership {
  readonly generation: number
  readonly leads: boolean
  /** Null while nobody leads that we know of. */
  readonly leaderUrl: string | null
  readonly holds: ReadonlySet<string>
  /** Requests between workers are signed. */
  readonly sessioned: boolean
  /** The address of the worker that runs a unit, as the leader knows it. */
  ownerUrl(unit: string): string | null
  /** Resolves at the first assignment. */
  readonly joined: Promise<void>
  /** Rejects where the group does not take this worker, now or ever: the sentence says why. */
  readonly failed: Promise<never>
  start(): void
  /** What there is to run has changed. */
  rejoin(reason: string): void
  close(): Promise<void>
}

/** Everything that the config topic names. */
export function configuredUnits(configs: ConfigStore): string[] {
  return configs.connectors.flatMap((name) => [unitKey(name, CONNECTOR), ...configs.tasks(name).map((_, task) => unitKey(name, task))])
}

export interface MembershipParts {
  client: Client
  config: WorkerConfig
  configs: ConfigStore
  url: string
  owner: MembershipOwner
  system: System
}

/** How long to stay away after the config topic could not be read as far as the group has. */
const UNSYNCED_MS = 1_000

/** What to do about a group that does not take the worker. */
const mends: Partial<Record<ErrorName, string>> = {
  INVALID_SESSION_TIMEOUT:
    "mend session.timeout.ms, or the brokers' group.min.session.timeout.ms and group.max.session.timeout.ms that bound it",
  INCONSISTENT_GROUP_PROTOCOL: 'another kind of group has this name, or its workers speak another connect.protocol: mend group.id',
  GROUP_AUTHORIZATION_FAILED: 'allow the worker to read the group, or mend group.id',
  INVALID_GROUP_ID: 'mend group.id',
}

export class WorkerGroupMember implements WorkerMembership {
  readonly #parts: MembershipParts
  readonly #member: GroupMember
  #current: Assignment | null = null
  #held = new Set<string>()
  #balance: BalanceState = nothingKnown
  #ledGeneration = -1
  #protocol: ProtocolName = 'sessioned'
  #scheduled: Timer | null = null
  #closing = false
  generation = -1
  leads = false
  readonly joined: Promise<void>
  #markJoined: () => void = () => {}
  readonly failed: Promise<never>
  #fail: (error: Error) => void = () => {}

  constructor(parts: MembershipParts) {
    this.#parts = parts
    this.joined = new Promise((resolve) => {
      this.#markJoined = resolve
    })
    this.failed = new Promise((_, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => {}) // who wants to know listens too
    const { client, config } = parts
    this.#member = client.group({
      groupId: config['group.id'],
      protocolType: 'connect',
      sessionTimeoutMs: config['session.timeout.ms'],
      heartbeatIntervalMs: config['heartbeat.interval.ms'],
      rebalanceTimeoutMs: config['rebalance.timeout.ms'],
      protocols: () => this.#protocols(),
      assign: (protocol, members) => this.#assign(protocol as ProtocolName, members),
      beforeRejoin: () => this.#beforeRejoin(),
      onAssigned: (content, generation, _memberId, leader) => this.#assigned(content, generation, leader),
      onLost: (error) => this.#lost(error),
    })
  }

  get leaderUrl(): string | null {
    return this.#current?.leaderUrl ?? null
  }
  get holds(): ReadonlySet<string> {
    return this.#held
  }
  get sessioned(): boolean {
    return (this.#current?.version ?? 0) >= protocolVersions.sessioned
  }
  ownerUrl = (unit: string): string | null => (this.#held.has(unit) ? this.#parts.url : (this.#balance.owners.get(unit)?.url ?? null))

  start(): void {
    this.#member.start()
  }

  rejoin(reason: string): void {
    if (!this.#closing) this.#member.rejoin(reason)
  }

  #protocols(): { name: string; metadata: Buffer }[] {
    const { config, configs, url } = this.#parts
    const state = { url, configOffset: configs.offset, owned: [...this.#held] }
    return offered(config['connect.protocol']).map((name) => ({
      name,
      metadata: writeMetadata(protocolVersions[name], state, this.#current),
    }))
  }

  async #assign(protocol: ProtocolName, given: readonly { memberId: string; metadata: Buffer }[]): Promise<Map<string, Buffer>> {
    const { configs, config, system, url, owner } = this.#parts
    this.#protocol = protocol
    const members = given.map(({ memberId, metadata }) => ({ id: memberId, ...readMetadata(metadata) }))
    const furthest = Math.max(...members.map((member) => member.configOffset))
    if (configs.offset < furthest) await this.#catchUp()
    await owner.beforeDeciding()
    const known = configs.offset >= furthest
    const configured = configuredUnits(configs)
    if (this.#member.generation !== this.#ledGeneration + 1) this.#balance = nothingKnown
    let shares: ReadonlyMap<string, Share> = new Map()
    let delayMs = 0
    if (known && protocol === 'default') shares = dealOut(members, configured)
    else if (known) {
      const result = rebalance(this.#balance, {
        members,
        configured,
        now: system.clock.monotonic(),
        maxDelayMs: config['scheduled.rebalance.max.delay.ms'],
        released: (unit) => owner.released(unit),
      })
      this.#balance = result.state
      this.#ledGeneration = this.#member.generation
      shares = result.shares
      delayMs = Math.ceil(result.delayMs)
    }
    const common = {
      version: protocolVersions[protocol],
      error: known ? NO_ERROR : CONFIG_MISMATCH,
      leader: this.#member.memberId,
      leaderUrl: url,
      configOffset: Math.max(configs.offset, furthest),
      delayMs,
    }
    return new Map(
      members.map(({ id }) => {
        const share = shares.get(id) ?? { assigned: [], revoked: [] }
        return [id, writeAssignment({ ...common, ...share })]
      }),
    )
  }

  /** False where the config topic could not be read to its end in time. */
  async #catchUp(): Promise<boolean> {
    const { configs, config, system } = this.#parts
    try {
      await configs.refresh(config['worker.sync.timeout.ms'])
      return true
    } catch (error) {
      system.logger.warn({ err: error }, 'the config topic could not be read to its end in a rebalance')
      return false
    }
  }

  /** The eager protocol lets go of everything first; the cooperative ones keep running. */
  async #beforeRejoin(): Promise<void> {
    if (this.#protocol !== 'default' || this.#current === null || this.#current.version !== protocolVersions.default) return
    const units = [...this.#held]
    this.#held = new Set()
    await this.#parts.owner.release(units)
  }

  async #assigned(content: Buffer, generation: number, leader: boolean): Promise<void> {
    const { configs, owner, system } = this.#parts
    const assignment = readAssignment(content)
    this.#scheduled?.cancel()
    this.#scheduled = null
    const caughtUp = assignment.error === NO_ERROR && (configs.offset >= assignment.configOffset || (await this.#catchUp()))
    if (!caughtUp || configs.offset < assignment.configOffset) {
      system.logger.warn(
        { generation, configOffset: assignment.configOffset, ours: configs.offset },
        'not as far as the group: joining again',
      )
      if (assignment.error !== NO_ERROR) await this.#catchUp()
      this.#scheduled = system.clock.after(UNSYNCED_MS, () => this.rejoin('caught up with the config topic'))
      return
    }
    this.generation = generation
    this.leads = leader
    this.#current = assignment
    const revoked = assignment.revoked.filter((unit) => this.#held.has(unit))
    for (const unit of assignment.revoked) this.#held.delete(unit)
    if (assignment.version === protocolVersions.default) this.#held = new Set()
    for (const unit of assignment.assigned) this.#held.add(unit)
    system.logger.info(
      {
        generation,
        leader,
        leaderUrl: assignment.leaderUrl,
        holds: this.#held.size,
        assigned: assignment.assigned.length,
        revoked: revoked.length,
      },
      'joined the group of workers',
    )
    if (revoked.length > 0) await owner.release(revoked)
    owner.hold(this.#held)
    if (leader) owner.leading()
    this.#markJoined()
    if (assignment.revoked.length > 0) this.rejoin('revoked work has ended')
    else if (assignment.delayMs > 0)
      this.#scheduled = system.clock.after(assignment.delayMs, () => this.rejoin('the work of a lost worker has waited long enough'))
  }

  /** Invariant 9: others may be given what we run, so it ends now. */
  async #lost(error: Error): Promise<void> {
    if (this.#member.failure) this.#refused(error)
    this.#held = new Set()
    this.#current = null
    this.leads = false
    this.#balance = nothingKnown
    await this.#parts.owner.lost()
  }

  #refused(cause: Error): void {
    const { config, system } = this.#parts
    const mend = cause instanceof KafkaError ? mends[cause.error] : undefined
    const sentence = `The group ${config['group.id']} does not take this worker: ${cause.message}${mend ? ` (${mend})` : ''}`
    system.logger.error({ err: cause }, sentence)
    this.#fail(new Error(sentence, { cause }))
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#scheduled?.cancel()
    await this.#member.close()
  }
}

/** A worker that stands alone: it leads, and runs everything. */
export class StandaloneMember implements WorkerMembership {
  readonly #parts: Omit<MembershipParts, 'client' | 'config'>
  #held = new Set<string>()
  readonly generation = 0
  readonly leads = true
  readonly sessioned = false
  readonly failed = new Promise<never>(() => {})
  readonly joined: Promise<void>
  #markJoined: () => void = () => {}

  constructor(parts: Omit<MembershipParts, 'client' | 'config'>) {
    this.#parts = parts
    this.joined = new Promise((resolve) => {
      this.#markJoined = resolve
    })
  }

  get leaderUrl(): string {
    return this.#parts.url
  }
  get holds(): ReadonlySet<string> {
    return this.#held
  }
  ownerUrl = (): string => this.#parts.url

  start(): void {
    this.rejoin()
    this.#markJoined()
  }

  rejoin(): void {
    const next = new Set(configuredUnits(this.#parts.configs))
    const gone = [...this.#held].filter((unit) => !next.has(unit))
    this.#held = next
    void this.#parts.owner.release(gone)
    this.#parts.owner.hold(next)
    this.#parts.owner.leading()
  }

  async close(): Promise<void> {}
}
