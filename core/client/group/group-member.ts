/**
 * A member of a classic group of any protocol type: joins, syncs, sends heartbeats, rejoins when the group or its owner requests it, and
 * joins again after the coordinator has moved or has removed the member. One loop does all of that, and calls the owner's callbacks one at
 * a time. A permanent error (a fenced instance, a protocol that the group does not share) ends it: `failure`.
 */
import { type ErrorName, KafkaError } from '../../errors.ts'
import type { Timer } from '../../system/clock.ts'
import { SerialQueue } from '../../system/serial-queue.ts'
import { within } from '../../system/within.ts'
import { clientLimits } from '../limits.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import type { CommitOffset, GroupMember, GroupMemberSettings } from '../types.ts'
import { commitOffsets, type GroupMembership } from './group-offsets.ts'
import { GroupRequests, type JoinedGroup } from './group-requests.ts'

/** After these errors the coordinator may be another node. */
const COORDINATOR_UNAVAILABLE: readonly ErrorName[] = [
  'NOT_COORDINATOR',
  'COORDINATOR_NOT_AVAILABLE',
  'NETWORK_EXCEPTION',
  'REQUEST_TIMED_OUT',
  'BROKER_NOT_AVAILABLE',
]
const COORDINATOR_BUSY: readonly ErrorName[] = ['COORDINATOR_LOAD_IN_PROGRESS', 'UNKNOWN_SERVER_ERROR']
const NO_GENERATION = -1

export class ClassicGroupMember implements GroupMember {
  memberId = ''
  generation = NO_GENERATION
  failure: Error | undefined
  readonly #router: RequestRouter
  readonly #settings: GroupMemberSettings
  readonly #requests: GroupRequests
  readonly #closing = new AbortController()
  #running: Promise<void> | null = null
  #wake: (() => void) | null = null
  #rejoinReason: string | null = null
  /** In the group, and not rebalancing: only then REBALANCE_IN_PROGRESS causes a rejoin. */
  #stable = false
  /** A JoinGroup or SyncGroup in flight: the coordinator may be in a generation that this member does not know yet. */
  #rebalance: Promise<unknown> | null = null
  /** onAssigned has been called, and onLost not since. */
  #hasAssignment = false
  /** From a heartbeat or commit: the coordinator has removed this member. */
  #removal: KafkaError | null = null
  #heartbeatTimer: Timer | null = null
  #heartbeatInFlight = false
  readonly #commits = new SerialQueue()
  /** Monotonic ms of the last response of the coordinator that knows this member. */
  #lastContact = 0

  constructor(router: RequestRouter, settings: GroupMemberSettings) {
    this.#router = router
    this.#settings = settings
    this.#requests = new GroupRequests(router, settings, this.#closing.signal)
  }

  start(): void {
    this.#running ??= this.#run().catch((error: unknown) =>
      this.#router.system.logger.error(
        { err: error, group: this.#settings.groupId },
        'a callback of the group member failed; the member has left the group',
      ),
    )
  }

  rejoin(reason: string): void {
    this.#rejoinReason ??= reason
    this.#wake?.()
  }

  get #ended(): boolean {
    return this.#closing.signal.aborted || this.failure !== undefined
  }

  async #run(): Promise<void> {
    try {
      for (let attempt = 0; !this.#ended; ) {
        try {
          await this.#runGeneration()
          attempt = 0
        } catch (error) {
          if (!(error instanceof KafkaError)) {
            if (this.#closing.signal.aborted) break
            throw error
          }
          if (await this.#recover(error, attempt)) attempt++
          else attempt = 0
        }
      }
    } catch (error) {
      // A callback threw: the owner's state is unknown, so the member must not keep partitions.
      this.failure ??= error as Error
      this.#stopHeartbeats()
      await within(this.#router.system.clock, clientLimits.leaveTimeoutMs, this.#leave())
      await this.#loseAssignment(this.failure)
      throw error
    } finally {
      this.#stopHeartbeats()
    }
  }

  /** One generation: revokes, joins, syncs, assigns, and stays until there is a reason to rejoin. */
  async #runGeneration(): Promise<void> {
    const { clock, logger } = this.#router.system
    const reason = this.#rejoinReason ?? 'joining'
    this.#stable = false
    if (this.#hasAssignment) await this.#settings.beforeRejoin(reason)
    if (this.#closing.signal.aborted) return
    this.#throwIfRemoved()
    this.#stopHeartbeats()
    this.#rejoinReason = null
    const rebalance = this.#joinAndSync(reason)
    this.#rebalance = rebalance
    const { joined, assignment } = await rebalance.finally(() => {
      this.#rebalance = null
    })
    if (this.#closing.signal.aborted) return
    this.#lastContact = clock.monotonic()
    this.#stable = true
    this.#startHeartbeats()
    const leader = joined.leader === joined.memberId
    logger.debug({ group: this.#settings.groupId, generation: this.generation, member: this.memberId, leader, reason }, 'joined the group')
    this.#hasAssignment = true
    await this.#settings.onAssigned(assignment, this.generation, this.memberId, leader, joined.protocolName ?? '')
    while (!this.#ended && this.#rejoinReason === null && this.#removal === null)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    this.#wake = null
    this.#throwIfRemoved()
  }

  async #joinAndSync(reason: string): Promise<{ joined: JoinedGroup; assignment: Buffer }> {
    const joined = await this.#requests.join(this.memberId, reason, (memberId) => {
      this.memberId = memberId
    })
    this.generation = joined.generationId
    const leads = joined.leader === joined.memberId && !joined.skipAssignment
    const assignments = leads ? await this.#settings.assign(joined.protocolName ?? '', joined.members) : new Map<string, Buffer>()
    return { joined, assignment: await this.#requests.sync(joined, assignments) }
  }

  #throwIfRemoved(): void {
    const error = this.#removal
    this.#removal = null
    if (error) throw error
  }

  /** Prepares another generation after an error of the protocol. True where the next attempt should wait longer than this one. */
  async #recover(error: KafkaError, attempt: number): Promise<boolean> {
    const { groupId, sessionTimeoutMs } = this.#settings
    const { clock, logger } = this.#router.system
    if (this.#closing.signal.aborted) return false
    this.#rejoinReason ??= `${error.error}: joining again`
    switch (error.error) {
      case 'MEMBER_ID_REQUIRED':
      case 'REBALANCE_IN_PROGRESS':
        return false
      case 'UNKNOWN_MEMBER_ID':
        this.memberId = ''
        this.generation = NO_GENERATION
        await this.#loseAssignment(error)
        return false
      case 'ILLEGAL_GENERATION':
        this.generation = NO_GENERATION
        await this.#loseAssignment(error)
        return false
    }
    const unavailable = COORDINATOR_UNAVAILABLE.includes(error.error)
    if (unavailable || COORDINATOR_BUSY.includes(error.error)) {
      if (unavailable) this.#router.coordinators.forget({ group: groupId })
      logger.debug({ group: groupId, err: error }, 'joining the group failed; it is retried')
      if (this.#hasAssignment && clock.monotonic() - this.#lastContact > sessionTimeoutMs) await this.#loseAssignment(error)
      await this.#router.sleep(this.#router.backoffMs(attempt), this.#closing.signal)
      return true
    }
    this.failure = error
    await this.#loseAssignment(error)
    return false
  }

  async #loseAssignment(error: Error): Promise<void> {
    this.#stopHeartbeats()
    if (!this.#hasAssignment && !this.failure) return
    this.#hasAssignment = false
    await this.#settings.onLost(error)
  }

  #startHeartbeats(): void {
    this.#heartbeatTimer ??= this.#router.system.clock.every(this.#settings.heartbeatIntervalMs, () => {
      if (!this.#heartbeatInFlight) void this.#heartbeat()
    })
  }

  #stopHeartbeats(): void {
    this.#heartbeatTimer?.cancel()
    this.#heartbeatTimer = null
  }

  /** Never rejects: an error wakes the loop. */
  async #heartbeat(): Promise<void> {
    const { generation, memberId } = this
    const { clock, logger } = this.#router.system
    this.#heartbeatInFlight = true
    try {
      await this.#requests.heartbeat(generation, memberId)
      if (generation === this.generation) this.#lastContact = clock.monotonic()
    } catch (error) {
      if (error instanceof KafkaError && generation === this.generation) {
        if (error.error === 'REBALANCE_IN_PROGRESS') this.#lastContact = clock.monotonic()
        this.#handleError(error)
      } else if (!this.#closing.signal.aborted) logger.debug({ err: error, group: this.#settings.groupId }, 'heartbeat failed')
    } finally {
      this.#heartbeatInFlight = false
    }
  }

  /** What the error of a heartbeat or commit means for the membership. */
  #handleError(error: KafkaError): void {
    // The response has overtaken that of JoinGroup: the error is about the generation before.
    if (error.error === 'ILLEGAL_GENERATION' && this.#rebalance) return
    switch (error.error) {
      case 'REBALANCE_IN_PROGRESS':
        if (this.#stable) this.rejoin('the group is rebalancing')
        return
      case 'UNKNOWN_MEMBER_ID':
      case 'ILLEGAL_GENERATION':
      case 'FENCED_INSTANCE_ID':
      case 'GROUP_AUTHORIZATION_FAILED':
        this.#removal ??= error
        this.#wake?.()
        return
    }
    if (COORDINATOR_UNAVAILABLE.includes(error.error)) this.#router.coordinators.forget({ group: this.#settings.groupId })
    // After a session without a response the group may have given the partitions to other members. Invariant 9.
    if (this.#router.system.clock.monotonic() - this.#lastContact > this.#settings.sessionTimeoutMs) {
      this.#removal ??= error
      this.#wake?.()
    }
  }

  /**
   * Commits one call after another, each as the member and generation of its call (see Consumer.commit).
   * @param retryAfterSync whether this member still owns the partitions: a commit between JoinGroup and SyncGroup is then retried.
   * @throws KafkaError UNKNOWN_MEMBER_ID or ILLEGAL_GENERATION where the partitions may have other owners, REBALANCE_IN_PROGRESS where the
   * rebalance takes longer than a request or a session, or has begun another generation: Java's RebalanceInProgressException.
   */
  async commit(offsets: readonly CommitOffset[], { retryAfterSync }: { retryAfterSync: boolean }): Promise<void> {
    const { generation, memberId } = this
    const { groupId, groupInstanceId } = this.#settings
    // Without a generation the coordinator would accept it as a commit from outside the group.
    if (generation === NO_GENERATION || memberId === '')
      throw new KafkaError(
        'UNKNOWN_MEMBER_ID',
        `commit of group ${groupId}: the consumer is not a member of the group now, the partitions may have other owners`,
      )
    try {
      const member = { generation, memberId, groupInstanceId }
      await this.#commits.run(() => this.#commit(offsets, member, retryAfterSync))
      this.#lastContact = this.#router.system.clock.monotonic()
    } catch (error) {
      if (error instanceof KafkaError && !error.retriable && generation === this.generation && this.#hasAssignment) this.#handleError(error)
      throw error
    }
  }

  async #commit(offsets: readonly CommitOffset[], member: GroupMembership, retryAfterSync: boolean): Promise<void> {
    const rebalance = this.#rebalance
    const attempt = () => commitOffsets(this.#router, this.#settings.groupId, offsets, { member, channel: this.#requests.channel })
    try {
      await attempt()
    } catch (error) {
      if (!(error instanceof KafkaError) || !retryAfterSync) throw error
      if (error.error === 'ILLEGAL_GENERATION' && this.#hasNextGeneration(member)) {
        const message = `commit of group ${this.#settings.groupId}: the rebalance has begun another generation; poll, then commit again`
        throw new KafkaError('REBALANCE_IN_PROGRESS', message, { cause: error })
      }
      if (error.error !== 'REBALANCE_IN_PROGRESS' || !rebalance) throw error
      // Between JoinGroup and SyncGroup a coordinator rejects the commits of the generation that begins.
      const timeoutMs = Math.min(this.#router.settings.requestTimeoutMs, this.#settings.sessionTimeoutMs)
      const synced = await within(this.#router.system.clock, timeoutMs, rebalance, this.#closing.signal)
      if (!synced || member.generation !== this.generation || member.memberId !== this.memberId) throw error
      await attempt()
    }
  }

  /** Whether `member` is this one, and joins the next generation or has joined it: an error about its generation is out of date. */
  #hasNextGeneration({ memberId, generation }: GroupMembership): boolean {
    return memberId === this.memberId && (this.#rebalance !== null || generation !== this.generation)
  }

  /** Leaves the group. A static member sends no LeaveGroup: the coordinator keeps its assignment for the rest of the session. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return this.#running ?? Promise.resolve()
    this.#closing.abort()
    this.#wake?.()
    this.#requests.closeJoin()
    await within(this.#router.system.clock, clientLimits.leaveTimeoutMs, this.#running)
    this.#stopHeartbeats()
    const leaving = this.#leave().then(() => this.#requests.close())
    await within(this.#router.system.clock, clientLimits.leaveTimeoutMs, leaving)
  }

  /** Leaves the group for now: the loop joins again as a new member when the owner has finished its callback. */
  leaveAndRejoin(reason: string): void {
    if (this.#ended || this.memberId === '') return
    void this.#leave()
    this.#removal ??= new KafkaError('UNKNOWN_MEMBER_ID', reason)
    this.#wake?.()
  }

  /** Never rejects. */
  async #leave(): Promise<void> {
    const { memberId } = this
    const { groupId, groupInstanceId } = this.#settings
    if (memberId === '' || groupInstanceId !== undefined) return
    this.memberId = ''
    try {
      await this.#requests.leave(memberId)
    } catch (error) {
      this.#router.system.logger.debug(
        { err: error, group: groupId },
        'LeaveGroup failed; the coordinator removes the member after its session',
      )
    }
  }
}
