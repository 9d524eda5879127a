/**
 * The requests that a member of a classic group sends to its coordinator: JoinGroup, SyncGroup, Heartbeat, LeaveGroup. Each is one attempt
 * and throws the error that its response carries; the member decides how to recover. JoinGroup and SyncGroup wait for the whole group, so
 * they have a connection of their own: heartbeats and commits do not wait for them.
 */
import joinGroup from '../../apis/11-join-group.ts'
import heartbeat from '../../apis/12-heartbeat.ts'
import leaveGroup from '../../apis/13-leave-group.ts'
import syncGroup from '../../apis/14-sync-group.ts'
import { accessHint, errorName, KafkaError } from '../../errors.ts'
import type { ResponseOf } from '../../wire/api.ts'
import type { Node } from '../transport/connection-pool.ts'
import type { RequestRouter } from '../transport/request-router.ts'
import type { GroupMemberSettings } from '../types.ts'

/** How much longer than the rebalance a JoinGroup may take, as in the Java client. */
const JOIN_GRACE_MS = 5_000
const MIN_HEARTBEAT_TIMEOUT_MS = 1_000
/** A broker rejects longer reasons (KIP-800). */
const MAX_REASON_LENGTH = 255

export type JoinedGroup = ResponseOf<typeof joinGroup>

export class GroupRequests {
  /** Of heartbeats, commits and LeaveGroup. */
  readonly channel: string
  readonly #joinChannel: string
  readonly #router: RequestRouter
  readonly #settings: GroupMemberSettings
  readonly #signal: AbortSignal

  /** `signal` ends all but LeaveGroup. */
  constructor(router: RequestRouter, settings: GroupMemberSettings, signal: AbortSignal) {
    this.#router = router
    this.#settings = settings
    this.#signal = signal
    this.#joinChannel = router.newChannel('join')
    this.channel = router.newChannel('group')
  }

  get #rebalanceTimeoutMs(): number {
    return Math.max(this.#router.settings.requestTimeoutMs, this.#settings.rebalanceTimeoutMs + JOIN_GRACE_MS)
  }

  #coordinator(timeoutMs = this.#router.settings.requestTimeoutMs): Promise<Node> {
    return this.#router.coordinators.find(
      { group: this.#settings.groupId },
      this.#router.system.clock.monotonic() + timeoutMs,
      this.#signal,
    )
  }

  /**
   * Resolves with the response of the first attempt that is not MEMBER_ID_REQUIRED. `onMemberId` gets each id that the coordinator gives.
   */
  async join(memberId: string, reason: string, onMemberId: (memberId: string) => void): Promise<JoinedGroup> {
    const { groupId, groupInstanceId, sessionTimeoutMs, rebalanceTimeoutMs, protocolType } = this.#settings
    for (let id = memberId; ; ) {
      const node = await this.#coordinator()
      const response = await this.#router.pool.request(
        node,
        joinGroup,
        {
          groupId,
          sessionTimeoutMs,
          rebalanceTimeoutMs,
          memberId: id,
          groupInstanceId: groupInstanceId ?? null,
          protocolType,
          protocols: this.#settings.protocols().map(({ name, metadata }) => ({ name, metadata })),
          reason: reason.slice(0, MAX_REASON_LENGTH),
        },
        { channel: this.#joinChannel, timeoutMs: this.#rebalanceTimeoutMs, signal: this.#signal },
      )
      const error = errorName(response.errorCode)
      if (error !== 'NONE' && error !== 'MEMBER_ID_REQUIRED')
        throw new KafkaError(error, `JoinGroup of group ${groupId}: ${error}${accessHint(error, 'READ')}`)
      id = response.memberId
      onMemberId(id)
      if (error === 'NONE') return response
    }
  }

  /** Resolves with this member's assignment. `assignments` are the leader's, empty for all others. */
  async sync(joined: JoinedGroup, assignments: ReadonlyMap<string, Buffer>): Promise<Buffer> {
    const { groupId, groupInstanceId, protocolType } = this.#settings
    const { memberId, generationId } = joined
    const response = await this.#router.pool.request(
      await this.#coordinator(),
      syncGroup,
      {
        groupId,
        generationId,
        memberId,
        groupInstanceId: groupInstanceId ?? null,
        protocolType: joined.protocolType ?? protocolType,
        protocolName: joined.protocolName ?? '',
        assignments: [...assignments].map(([id, assignment]) => ({ memberId: id, assignment })),
      },
      { channel: this.#joinChannel, timeoutMs: this.#rebalanceTimeoutMs, signal: this.#signal },
    )
    const error = errorName(response.errorCode)
    if (error !== 'NONE') throw new KafkaError(error, `SyncGroup of group ${groupId}, generation ${generationId}: ${error}`)
    return response.assignment
  }

  async heartbeat(generationId: number, memberId: string): Promise<void> {
    const { groupId, groupInstanceId, sessionTimeoutMs, heartbeatIntervalMs } = this.#settings
    const response = await this.#router.pool.request(
      await this.#coordinator(heartbeatIntervalMs),
      heartbeat,
      { groupId, generationId, memberId, groupInstanceId: groupInstanceId ?? null },
      {
        channel: this.channel,
        timeoutMs: Math.max(MIN_HEARTBEAT_TIMEOUT_MS, Math.min(sessionTimeoutMs, this.#router.settings.requestTimeoutMs)),
        signal: this.#signal,
      },
    )
    const error = errorName(response.errorCode)
    if (error !== 'NONE') throw new KafkaError(error, `Heartbeat in group ${groupId}: ${error}`)
  }

  /** Retries connections for a session: after that the coordinator removes the member by itself. */
  async leave(memberId: string): Promise<void> {
    const { groupId, sessionTimeoutMs } = this.#settings
    await this.#router.send(
      { group: groupId },
      leaveGroup,
      { groupId, memberId, members: [{ memberId, groupInstanceId: null, reason: 'the member is closing' }] },
      { channel: this.channel, timeoutMs: sessionTimeoutMs },
    )
  }

  /** Ends JoinGroup and SyncGroup in flight. */
  closeJoin(): void {
    this.#router.pool.closeChannel(this.#joinChannel)
  }

  close(): void {
    this.closeJoin()
    this.#router.pool.closeChannel(this.channel)
  }
}
