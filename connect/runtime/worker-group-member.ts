/**
 * The membership of a distributed worker. It joins the group with the connectors and tasks that the worker runs, assigns them to all
 * workers when it leads, and passes the worker's own assignment to the rebalance listener.
 */
import { AuthenticationError } from '../../core/client/index.ts'
import type { Client, GroupMember } from '../../core/client/types.ts'
import { type ErrorName, KafkaError } from '../../core/errors.ts'
import type { Timer } from '../../core/system/clock.ts'
import type { System } from '../../core/system/index.ts'
import type { ConfigBackingStore } from '../storage/config-backing-store.ts'
import {
  type Assignment,
  CONFIG_MISMATCH,
  NO_ERROR,
  offeredProtocols,
  type ProtocolName,
  protocolVersions,
  readAssignment,
  readMetadata,
  writeAssignment,
  writeMetadata,
} from './connect-protocol.ts'
import {
  type AssignorState,
  assignEagerly,
  assignIncrementally,
  initialAssignorState,
  type WorkerAssignment,
} from './incremental-cooperative-assignor.ts'
import { configuredKeys, type WorkerMembership, type WorkerRebalanceListener } from './worker-membership.ts'
import type { WorkerConfig } from './worker-settings.ts'

export interface WorkerGroupMemberOptions {
  client: Client
  config: WorkerConfig
  configs: ConfigBackingStore
  url: string
  listener: WorkerRebalanceListener
  system: System
}

/** How long a worker waits before it joins again, after it could not read the config topic as far as the group has. */
const RESYNC_DELAY_MS = 1_000

/** What to change where the group coordinator refuses the worker. */
const remedies: Partial<Record<ErrorName, string>> = {
  INVALID_SESSION_TIMEOUT:
    "set session.timeout.ms between the brokers' group.min.session.timeout.ms and group.max.session.timeout.ms, or change these",
  INCONSISTENT_GROUP_PROTOCOL:
    'consumers use this group.id, or its workers have another connect.protocol: change group.id or connect.protocol',
  GROUP_AUTHORIZATION_FAILED: 'grant the worker access to the group, or change group.id',
  INVALID_GROUP_ID: 'change group.id',
}

export class WorkerGroupMember implements WorkerMembership {
  readonly #options: WorkerGroupMemberOptions
  readonly #member: GroupMember
  #assignment: Assignment | null = null
  #assigned = new Set<string>()
  #assignorState: AssignorState = initialAssignorState
  #lastLedGeneration = -1
  #protocol: ProtocolName = 'sessioned'
  #scheduledRejoin: Timer | null = null
  #closing = false
  generation = -1
  isLeader = false
  lostAt: number | null = null
  readonly isStandalone = false
  readonly joined: Promise<void>
  #markJoined: () => void = () => {}
  readonly failed: Promise<never>
  #fail: (error: Error) => void = () => {}

  constructor(options: WorkerGroupMemberOptions) {
    this.#options = options
    this.joined = new Promise((resolve) => {
      this.#markJoined = resolve
    })
    this.failed = new Promise((_, reject) => {
      this.#fail = reject
    })
    // An error that nothing awaits yet must not end the process. #onRefused logs it.
    this.failed.catch(() => {})
    const { client, config } = options
    this.#member = client.group({
      groupId: config['group.id'],
      protocolType: 'connect',
      sessionTimeoutMs: config['session.timeout.ms'],
      heartbeatIntervalMs: config['heartbeat.interval.ms'],
      rebalanceTimeoutMs: config['rebalance.timeout.ms'],
      protocols: () => this.#protocols(),
      assign: (protocol, members) => this.#assign(protocol as ProtocolName, members),
      beforeRejoin: () => this.#beforeRejoin(),
      onAssigned: (content, generation, _memberId, leader) => this.#onAssignment(content, generation, leader),
      onLost: (error) => this.#onLost(error),
    })
  }

  get leaderUrl(): string | null {
    return this.#assignment?.leaderUrl ?? null
  }
  get assigned(): ReadonlySet<string> {
    return this.#assigned
  }
  get signsInternalRequests(): boolean {
    return (this.#assignment?.version ?? 0) >= protocolVersions.sessioned
  }
  ownerUrl = (key: string): string | null =>
    this.#assigned.has(key) ? this.#options.url : (this.#assignorState.owners.get(key)?.url ?? null)

  start(): void {
    this.#member.start()
  }

  rejoin(reason: string): void {
    if (!this.#closing) this.#member.rejoin(reason)
  }

  #protocols(): { name: string; metadata: Buffer }[] {
    const { config, configs, url } = this.#options
    const state = { url, configOffset: configs.offset, owned: [...this.#assigned] }
    return offeredProtocols(config['connect.protocol']).map((name) => ({
      name,
      metadata: writeMetadata(protocolVersions[name], state, this.#assignment),
    }))
  }

  async #assign(protocol: ProtocolName, joined: readonly { memberId: string; metadata: Buffer }[]): Promise<Map<string, Buffer>> {
    const { configs, config, system, url, listener } = this.#options
    this.#protocol = protocol
    const members = joined.map(({ memberId, metadata }) => ({ id: memberId, ...readMetadata(metadata) }))
    const maxOffset = Math.max(...members.map((member) => member.configOffset))
    if (configs.offset < maxOffset) await this.#catchUp()
    await listener.beforeAssign()
    const caughtUp = configs.offset >= maxOffset
    const configured = configuredKeys(configs)
    if (this.#member.generation !== this.#lastLedGeneration + 1) this.#assignorState = initialAssignorState
    let assignments: ReadonlyMap<string, WorkerAssignment> = new Map()
    let delayMs = 0
    if (caughtUp && protocol === 'default') assignments = assignEagerly(members, configured)
    else if (caughtUp) {
      const result = assignIncrementally(this.#assignorState, {
        members,
        configured,
        now: system.clock.monotonic(),
        maxDelayMs: config['scheduled.rebalance.max.delay.ms'],
        hasStopped: (key) => listener.hasStopped(key),
      })
      this.#assignorState = result.state
      this.#lastLedGeneration = this.#member.generation
      assignments = result.assignments
      delayMs = Math.ceil(result.delayMs)
    }
    const common = {
      version: protocolVersions[protocol],
      error: caughtUp ? NO_ERROR : CONFIG_MISMATCH,
      leader: this.#member.memberId,
      leaderUrl: url,
      configOffset: Math.max(configs.offset, maxOffset),
      delayMs,
    }
    return new Map(
      members.map(({ id }) => {
        const own = assignments.get(id) ?? { assigned: [], revoked: [] }
        return [id, writeAssignment({ ...common, ...own })]
      }),
    )
  }

  /** False where the config topic could not be read to its end within worker.sync.timeout.ms. */
  async #catchUp(): Promise<boolean> {
    const { configs, config, system } = this.#options
    try {
      await configs.refresh(config['worker.sync.timeout.ms'])
      return true
    } catch (error) {
      system.logger.warn({ err: error }, 'the config topic could not be read to its end during a rebalance')
      return false
    }
  }

  /** The eager protocol stops everything before each rebalance; the cooperative protocols keep it running. */
  async #beforeRejoin(): Promise<void> {
    if (this.#protocol !== 'default' || this.#assignment === null || this.#assignment.version !== protocolVersions.default) return
    const keys = [...this.#assigned]
    this.#assigned = new Set()
    await this.#options.listener.onRevoked(keys)
  }

  async #onAssignment(content: Buffer, generation: number, isLeader: boolean): Promise<void> {
    const { configs, listener, system } = this.#options
    const assignment = readAssignment(content)
    this.#scheduledRejoin?.cancel()
    this.#scheduledRejoin = null
    const caughtUp = assignment.error === NO_ERROR && (configs.offset >= assignment.configOffset || (await this.#catchUp()))
    if (!caughtUp || configs.offset < assignment.configOffset) {
      system.logger.warn(
        { generation, groupOffset: assignment.configOffset, offset: configs.offset },
        'this worker has not read the config topic as far as the group; joining again',
      )
      if (assignment.error !== NO_ERROR) await this.#catchUp()
      this.#scheduledRejoin = system.clock.after(RESYNC_DELAY_MS, () => this.rejoin('the config topic has been read again'))
      return
    }
    this.generation = generation
    this.isLeader = isLeader
    this.lostAt = null
    this.#assignment = assignment
    const revoked = assignment.revoked.filter((key) => this.#assigned.has(key))
    for (const key of assignment.revoked) this.#assigned.delete(key)
    if (assignment.version === protocolVersions.default) this.#assigned = new Set()
    for (const key of assignment.assigned) this.#assigned.add(key)
    system.logger.info(
      {
        generation,
        isLeader,
        leaderUrl: assignment.leaderUrl,
        total: this.#assigned.size,
        assigned: assignment.assigned.length,
        revoked: revoked.length,
      },
      'the worker has joined the group',
    )
    if (revoked.length > 0) await listener.onRevoked(revoked)
    listener.onAssigned(this.#assigned)
    if (isLeader) listener.onElectedLeader()
    this.#markJoined()
    if (assignment.revoked.length > 0) this.rejoin('revoked connectors and tasks have stopped')
    else if (assignment.delayMs > 0)
      this.#scheduledRejoin = system.clock.after(assignment.delayMs, () => this.rejoin('the scheduled rebalance delay has passed'))
  }

  /** Invariant 9: other workers may be assigned what runs here, so it is cancelled now. */
  async #onLost(error: Error): Promise<void> {
    if (this.#member.failure) this.#onRefused(error)
    this.#assigned = new Set()
    if (this.#assignment !== null) this.lostAt = this.#options.system.clock.now()
    this.#assignment = null
    this.isLeader = false
    this.#assignorState = initialAssignorState
    await this.#options.listener.onLost()
  }

  #onRefused(cause: Error): void {
    const { config, system } = this.#options
    const remedy = cause instanceof KafkaError ? remedies[cause.error] : undefined
    const message =
      cause instanceof AuthenticationError
        ? `The worker can no longer log in to its Kafka cluster: ${cause.message} (see security.protocol, sasl.* and ssl.* without a prefix)`
        : `The group ${config['group.id']} refuses this worker: ${cause.message}${remedy ? ` (${remedy})` : ''}`
    system.logger.error({ err: cause }, message)
    this.#fail(new Error(message, { cause }))
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#scheduledRejoin?.cancel()
    await this.#member.close()
  }
}
