/**
 * A member of a classic group of any protocol type: joins, syncs, beats in the background, rejoins when the group or its owner asks, finds
 * the coordinator again when it moves, and starts anew when it was thrown out. One loop owns all of that; nothing of it throws outside.
 * It tells its owner through the callbacks, one at a time. What cannot heal (a fenced instance, an unknown protocol) ends it: `failure`.
 */
import joinGroup from '../apis/11-join-group.ts'
import heartbeat from '../apis/12-heartbeat.ts'
import leaveGroup from '../apis/13-leave-group.ts'
import syncGroup from '../apis/14-sync-group.ts'
import { type ErrorName, errorName, KafkaError } from '../errors.ts'
import type { Timer } from '../system/clock.ts'
import { SerialQueue } from '../system/serial-queue.ts'
import { within } from '../system/within.ts'
import type { ResponseOf } from '../wire/api.ts'
import { commitOffsets } from './group-offsets.ts'
import { clientLimits } from './limits.ts'
import type { RequestRouter } from './transport/request-router.ts'
import type { CommitOffset, GroupMember, GroupMemberSettings } from './types.ts'

/** How much longer than the rebalance a join may take, as the Java client has it. */
const JOIN_GRACE_MS = 5_000
const MOVED: readonly ErrorName[] = [
  'NOT_COORDINATOR',
  'COORDINATOR_NOT_AVAILABLE',
  'NETWORK_EXCEPTION',
  'REQUEST_TIMED_OUT',
  'BROKER_NOT_AVAILABLE',
]
const WAIT: readonly ErrorName[] = ['COORDINATOR_LOAD_IN_PROGRESS', 'UNKNOWN_SERVER_ERROR']
const NO_GENERATION = -1

export class ClassicGroupMember implements GroupMember {
  memberId = ''
  generation = NO_GENERATION
  /** Why the member has ended, when it did so by itself. */
  failure: Error | undefined
  readonly #network: RequestRouter
  readonly #settings: GroupMemberSettings
  /** A join waits for the whole group: its connection is not that of heartbeats and commits. */
  readonly #joinLane: string
  readonly #lane: string
  readonly #closing = new AbortController()
  #running: Promise<void> | null = null
  #wake: (() => void) | null = null
  /** Why to rejoin; null while all is well. */
  #rejoinReason: string | null = null
  /** In the group, and no rebalance known of: only then does a heartbeat's word of one ask for a rejoin. */
  #stable = false
  /** A JoinGroup or SyncGroup is under way: the coordinator may be in a generation that we do not know of yet. */
  #joining = false
  /** An assignment was given and not taken back since. */
  #holds = false
  /** Set by a heartbeat or commit: the member is not of the group any more. */
  #thrownOut: KafkaError | null = null
  #beat: Timer | null = null
  #beating = false
  readonly #commits = new SerialQueue()
  /** Monotonic ms of the last word from the coordinator. */
  #heard = 0

  constructor(network: RequestRouter, settings: GroupMemberSettings) {
    this.#network = network
    this.#settings = settings
    this.#joinLane = network.newLane('join')
    this.#lane = network.newLane('group')
  }

  start(): void {
    this.#running ??= this.#run().catch((error: unknown) =>
      this.#network.system.logger.error(
        { err: error, group: this.#settings.groupId },
        'a callback of a group member failed; the member has left',
      ),
    )
  }

  rejoin(reason: string): void {
    this.#rejoinReason ??= reason
    this.#wake?.()
  }

  get #over(): boolean {
    return this.#closing.signal.aborted || this.failure !== undefined
  }

  async #run(): Promise<void> {
    try {
      for (let attempt = 0; !this.#over; ) {
        try {
          await this.#round()
          attempt = 0
        } catch (error) {
          if (!(error instanceof KafkaError)) {
            if (this.#closing.signal.aborted) break
            throw error
          }
          if (!(await this.#mend(error, attempt))) attempt = 0
          else attempt++
        }
      }
    } catch (error) {
      // A callback threw: its owner's state is unknown, so the member must not go on as if it owned anything.
      this.failure ??= error as Error
      this.#stopBeating()
      await within(this.#network.system.clock, clientLimits.leaveTimeoutMs, this.#leave())
      await this.#lose(this.failure)
      throw error
    } finally {
      this.#stopBeating()
    }
  }

  /** Once around: let go, join, sync, hand over, and stay until there is a reason to rejoin. */
  async #round(): Promise<void> {
    const { logger } = this.#network.system
    const reason = this.#rejoinReason ?? 'joining'
    this.#stable = false
    if (this.#holds) await this.#settings.beforeRejoin(reason)
    if (this.#closing.signal.aborted) return
    this.#checkThrownOut()
    this.#stopBeating()
    this.#rejoinReason = null
    const { joined, assignment } = await this.#meet(reason)
    if (this.#closing.signal.aborted) return
    this.#heard = this.#network.system.clock.monotonic()
    this.#stable = true
    this.#startBeating()
    const leader = joined.leader === joined.memberId
    logger.debug({ group: this.#settings.groupId, generation: this.generation, member: this.memberId, leader, reason }, 'joined the group')
    this.#holds = true
    await this.#settings.onAssigned(assignment, this.generation, this.memberId, leader, joined.protocolName ?? '')
    while (!this.#over && this.#rejoinReason === null && this.#thrownOut === null)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    this.#wake = null
    this.#checkThrownOut()
  }

  async #meet(reason: string): Promise<{ joined: ResponseOf<typeof joinGroup>; assignment: Buffer }> {
    this.#joining = true
    try {
      const joined = await this.#join(reason)
      return { joined, assignment: await this.#sync(joined) }
    } finally {
      this.#joining = false
    }
  }

  #checkThrownOut(): void {
    const error = this.#thrownOut
    this.#thrownOut = null
    if (error) throw error
  }

  /** After an error of the protocol: makes ready for another round. Tells whether it is one to wait longer for each time. */
  async #mend(error: KafkaError, attempt: number): Promise<boolean> {
    const { groupId } = this.#settings
    const { logger } = this.#network.system
    if (this.#closing.signal.aborted) return false
    this.#rejoinReason ??= `${error.error}: joining again`
    switch (error.error) {
      case 'MEMBER_ID_REQUIRED':
      case 'REBALANCE_IN_PROGRESS':
        return false
      case 'UNKNOWN_MEMBER_ID':
        this.memberId = ''
        this.generation = NO_GENERATION
        await this.#lose(error)
        return false
      case 'ILLEGAL_GENERATION':
        this.generation = NO_GENERATION
        await this.#lose(error)
        return false
    }
    if (MOVED.includes(error.error) || WAIT.includes(error.error)) {
      if (MOVED.includes(error.error)) this.#network.coordinators.forget(groupId)
      logger.debug({ group: groupId, err: error }, 'joining the group again')
      if (this.#holds && this.#network.system.clock.monotonic() - this.#heard > this.#settings.sessionTimeoutMs) await this.#lose(error)
      await this.#network.sleep(this.#network.backoffMs(attempt), this.#closing.signal)
      return true
    }
    this.failure = error
    await this.#lose(error)
    return false
  }

  async #lose(error: Error): Promise<void> {
    this.#stopBeating()
    if (!this.#holds && !this.failure) return
    this.#holds = false
    await this.#settings.onLost(error)
  }

  async #join(reason: string): Promise<ResponseOf<typeof joinGroup>> {
    const { groupId, groupInstanceId, sessionTimeoutMs, rebalanceTimeoutMs, protocolType } = this.#settings
    const timeoutMs = Math.max(this.#network.settings.requestTimeoutMs, rebalanceTimeoutMs + JOIN_GRACE_MS)
    for (;;) {
      const node = await this.#network.coordinators.find(groupId, this.#deadline(), this.#closing.signal)
      const protocols = this.#settings.protocols().map(({ name, metadata }) => ({ name, metadata }))
      const answer = await this.#network.nodes.request(
        node,
        joinGroup,
        {
          groupId,
          sessionTimeoutMs,
          rebalanceTimeoutMs,
          memberId: this.memberId,
          groupInstanceId: groupInstanceId ?? null,
          protocolType,
          protocols,
          reason: reason.slice(0, 255),
        },
        { lane: this.#joinLane, timeoutMs, signal: this.#closing.signal },
      )
      const error = errorName(answer.errorCode)
      if (error === 'MEMBER_ID_REQUIRED') {
        this.memberId = answer.memberId
        continue
      }
      if (error !== 'NONE') throw new KafkaError(error, `joining group ${groupId}: ${error}`)
      this.memberId = answer.memberId
      this.generation = answer.generationId
      return answer
    }
  }

  async #sync(joined: ResponseOf<typeof joinGroup>): Promise<Buffer> {
    const { groupId, groupInstanceId, protocolType } = this.#settings
    const protocol = joined.protocolName ?? ''
    let assignments: { memberId: string; assignment: Buffer }[] = []
    if (joined.leader === joined.memberId && !joined.skipAssignment) {
      const assigned = await this.#settings.assign(protocol, joined.members)
      assignments = [...assigned].map(([memberId, assignment]) => ({ memberId, assignment }))
    }
    const node = await this.#network.coordinators.find(groupId, this.#deadline(), this.#closing.signal)
    const answer = await this.#network.nodes.request(
      node,
      syncGroup,
      {
        groupId,
        generationId: this.generation,
        memberId: this.memberId,
        groupInstanceId: groupInstanceId ?? null,
        protocolType: joined.protocolType ?? protocolType,
        protocolName: protocol,
        assignments,
      },
      {
        lane: this.#joinLane,
        timeoutMs: Math.max(this.#network.settings.requestTimeoutMs, this.#settings.rebalanceTimeoutMs + JOIN_GRACE_MS),
        signal: this.#closing.signal,
      },
    )
    const error = errorName(answer.errorCode)
    if (error !== 'NONE') throw new KafkaError(error, `group ${groupId}, generation ${this.generation}: ${error}`)
    return answer.assignment
  }

  #deadline(): number {
    return this.#network.system.clock.monotonic() + this.#network.settings.requestTimeoutMs
  }

  #startBeating(): void {
    this.#beat ??= this.#network.system.clock.every(this.#settings.heartbeatIntervalMs, () => {
      if (!this.#beating) void this.#beatOnce()
    })
  }

  #stopBeating(): void {
    this.#beat?.cancel()
    this.#beat = null
  }

  /** Never rejects: what it learns wakes the loop. */
  async #beatOnce(): Promise<void> {
    const { groupId, groupInstanceId, sessionTimeoutMs, heartbeatIntervalMs } = this.#settings
    const { clock } = this.#network.system
    const { generation, memberId } = this
    this.#beating = true
    try {
      const node = await this.#network.coordinators.find(groupId, clock.monotonic() + heartbeatIntervalMs, this.#closing.signal)
      const answer = await this.#network.nodes.request(
        node,
        heartbeat,
        { groupId, generationId: generation, memberId, groupInstanceId: groupInstanceId ?? null },
        {
          lane: this.#lane,
          timeoutMs: Math.max(1_000, Math.min(sessionTimeoutMs, this.#network.settings.requestTimeoutMs)),
          signal: this.#closing.signal,
        },
      )
      if (generation !== this.generation) return
      const error = errorName(answer.errorCode)
      if (error === 'NONE' || error === 'REBALANCE_IN_PROGRESS') this.#heard = clock.monotonic()
      if (error !== 'NONE') this.#learn(new KafkaError(error, `heartbeat in group ${groupId}: ${error}`))
    } catch (error) {
      if (error instanceof KafkaError && generation === this.generation) this.#learn(error)
      else if (!this.#closing.signal.aborted) this.#network.system.logger.debug({ err: error, group: groupId }, 'heartbeat failed')
    } finally {
      this.#beating = false
    }
  }

  /** What a heartbeat or a commit says about our place in the group. */
  #learn(error: KafkaError): void {
    // It overtook the answer to our join, and is of the generation before it.
    if (error.error === 'ILLEGAL_GENERATION' && this.#joining) return
    switch (error.error) {
      case 'REBALANCE_IN_PROGRESS':
        if (this.#stable) this.rejoin('the group is rebalancing')
        return
      case 'UNKNOWN_MEMBER_ID':
      case 'ILLEGAL_GENERATION':
      case 'FENCED_INSTANCE_ID':
      case 'GROUP_AUTHORIZATION_FAILED':
        this.#thrownOut ??= error
        this.#wake?.()
        return
    }
    if (MOVED.includes(error.error)) this.#network.coordinators.forget(this.#settings.groupId)
    // Without a word from the coordinator for a session, others may own what we hold. Invariant 9.
    if (this.#network.system.clock.monotonic() - this.#heard > this.#settings.sessionTimeoutMs) {
      this.#thrownOut ??= error
      this.#wake?.()
    }
  }

  async commit(offsets: readonly CommitOffset[]): Promise<void> {
    const { generation, memberId } = this
    const { groupId, groupInstanceId } = this.#settings
    // Without a generation the coordinator would take it for a commit from outside the group.
    if (generation === NO_GENERATION || memberId === '')
      throw new KafkaError('UNKNOWN_MEMBER_ID', `commit of group ${groupId}: we are not in the group now, others may own the partitions`)
    try {
      // One after the other, each as the member that it was made by: see Consumer.commit.
      const member = { generation, memberId, groupInstanceId }
      await this.#commits.run(() => commitOffsets(this.#network, groupId, offsets, { member, lane: this.#lane }))
      this.#heard = this.#network.system.clock.monotonic()
    } catch (error) {
      if (error instanceof KafkaError && !error.retriable && generation === this.generation && this.#holds) this.#learn(error)
      throw error
    }
  }

  /** Leaves the group; a static member only falls silent, so that its place is kept for it. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return this.#running ?? Promise.resolve()
    this.#closing.abort()
    this.#wake?.()
    this.#network.nodes.closeLane(this.#joinLane)
    await within(this.#network.system.clock, clientLimits.leaveTimeoutMs, this.#running)
    this.#stopBeating()
    const left = this.#leave().then(() => {
      this.#network.nodes.closeLane(this.#lane)
      this.#network.nodes.closeLane(this.#joinLane)
    })
    await within(this.#network.system.clock, clientLimits.leaveTimeoutMs, left)
  }

  /** Leaves the group for now; the loop joins it anew once the owner has let go. */
  expel(reason: string): void {
    if (this.#over || this.memberId === '') return
    void this.#leave()
    this.#thrownOut ??= new KafkaError('UNKNOWN_MEMBER_ID', reason)
    this.#wake?.()
  }

  /** Never rejects. It goes on for a session, after which the coordinator misses us by itself: one that stood still has our word waiting. */
  async #leave(): Promise<void> {
    const { memberId } = this
    const { groupId, sessionTimeoutMs } = this.#settings
    if (memberId === '' || this.#settings.groupInstanceId !== undefined) return
    this.memberId = ''
    try {
      await this.#network.send(
        { group: groupId },
        leaveGroup,
        { groupId, memberId, members: [{ memberId, groupInstanceId: null, reason: 'the member is closing' }] },
        { lane: this.#lane, timeoutMs: sessionTimeoutMs },
      )
    } catch (error) {
      this.#network.system.logger.debug({ err: error, group: groupId }, 'the group could not be told; it will miss us')
    }
  }
}
