/**
 * A group as a value: its state, and the events and effects of a decision. `decide` (classic.ts) maps a group and an event to a new group,
 * without clock, I/O or randomness: the time comes with the event; timers, storage and responses are effects.
 */
import type { ErrorName } from '../errors.ts'
import type { HeartbeatResponse, JoinResponse, LeaveRequest, LeaveResponse, SyncResponse } from './types.ts'

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'

/** Identifies a request that has no response yet. */
export type RequestId = number

export interface Protocol {
  readonly name: string
  readonly metadata: Buffer
}

export interface Member {
  readonly id: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  /** In the member's order of preference. */
  readonly protocols: readonly Protocol[]
  readonly assignment: Buffer
  /** It has not been in a generation yet. */
  readonly isNew: boolean
  /** The JoinGroup request that it waits in. */
  readonly awaitingJoin: RequestId | null
  /** The SyncGroup request that it waits in. */
  readonly awaitingSync: RequestId | null
  /** The connection of its waiting JoinGroup is closed. */
  readonly isDisconnected: boolean
}

export interface Group {
  readonly id: string
  readonly state: GroupState
  /** Wall time in ms of the last state transition. */
  readonly stateTimestamp: number
  readonly generation: number
  /** Null for a group that has only stored offsets. */
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly leader: string | null
  readonly members: ReadonlyMap<string, Member>
  /** group.instance.id → member id (KIP-345). */
  readonly staticMembers: ReadonlyMap<string, string>
  /** Member ids that were generated with MEMBER_ID_REQUIRED and have not joined. */
  readonly pendingJoinMembers: ReadonlySet<string>
  /** Members that have not sent SyncGroup in this generation. */
  readonly pendingSyncMembers: ReadonlySet<string>
  /** True while the leader's assignment is being written. */
  readonly isStoringAssignment: boolean
  /** Set during group.initial.rebalance.delay.ms of an empty group. */
  readonly initialDelay: { readonly remainingMs: number; readonly newMember: boolean } | null
}

/** Settings and limits of decisions. */
export interface GroupConfig {
  readonly initialRebalanceDelayMs: number
  readonly maxSize: number
  readonly maxPending: number
  readonly newMemberJoinTimeoutMs: number
}

export type GroupTimer =
  | { readonly kind: 'join' }
  | { readonly kind: 'sync' }
  /** The session of a member, or of a pending member id. */
  | { readonly kind: 'session'; readonly member: string }

export interface JoinEvent {
  readonly type: 'join'
  readonly requestId: RequestId
  readonly memberId: string
  /** The id for a member without one. */
  readonly newMemberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly Protocol[]
  readonly reason: string | null
  /** From v4: a member without an id gets one and joins again with it (KIP-394). */
  readonly requiresKnownId: boolean
  /** From v9: a static leader that rejoins can skip the assignment (KIP-814). */
  readonly canSkipAssignment: boolean
}

export interface SyncEvent {
  readonly type: 'sync'
  readonly requestId: RequestId
  readonly memberId: string
  readonly instanceId: string | null
  readonly generation: number
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly assignments: ReadonlyMap<string, Buffer>
}

export interface HeartbeatEvent {
  readonly type: 'heartbeat'
  readonly requestId: RequestId
  readonly memberId: string
  readonly instanceId: string | null
  readonly generation: number
}

export interface LeaveEvent {
  readonly type: 'leave'
  readonly requestId: RequestId
  readonly members: LeaveRequest['members']
}

/** The reason why a group is written. */
export type StorePurpose =
  | { readonly kind: 'assignment'; readonly generation: number; readonly assignments: ReadonlyMap<string, Buffer> }
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'replacement'
      readonly requestId: RequestId
      readonly old: Member
      readonly member: string
      readonly response: JoinResponse
    }

export type GroupEvent = { /** Wall time in ms. */ readonly at: number } & (
  | JoinEvent
  | SyncEvent
  | HeartbeatEvent
  | LeaveEvent
  | { readonly type: 'timeout'; readonly timer: GroupTimer }
  /** The connection of a waiting JoinGroup is closed. */
  | { readonly type: 'disconnected'; readonly requestId: RequestId }
  | { readonly type: 'stored'; readonly purpose: StorePurpose; readonly error: ErrorName | null }
  /** A member committed offsets, which renews its session. */
  | { readonly type: 'committed'; readonly memberId: string }
  /** The group is being deleted, or the coordinator stops. */
  | { readonly type: 'close' }
)

export type GroupResponse = JoinResponse | SyncResponse | HeartbeatResponse | LeaveResponse

export type Effect =
  | { readonly type: 'respond'; readonly requestId: RequestId; readonly response: GroupResponse }
  /** Starts or restarts the timer. */
  | { readonly type: 'startTimer'; readonly timer: GroupTimer; readonly delayMs: number }
  | { readonly type: 'cancelTimer'; readonly timer: GroupTimer }
  /** Writes `image`. A `stored` event with the same purpose follows. */
  | { readonly type: 'store'; readonly image: Group; readonly purpose: StorePurpose }
  /** Writes a line to the broker's log. */
  | { readonly type: 'log'; readonly message: string; readonly reason: string }

export interface Decision {
  readonly group: Group
  readonly effects: readonly Effect[]
}

export function newGroup(id: string, at: number): Group {
  return {
    id,
    state: 'Empty',
    stateTimestamp: at,
    generation: 0,
    protocolType: null,
    protocol: null,
    leader: null,
    members: new Map(),
    staticMembers: new Map(),
    pendingJoinMembers: new Set(),
    pendingSyncMembers: new Set(),
    isStoringAssignment: false,
    initialDelay: null,
  }
}

/** A member after a restart of the broker: it stays in the generation. */
export function restoredMember(
  member: Pick<
    Member,
    'id' | 'instanceId' | 'clientId' | 'clientHost' | 'sessionTimeoutMs' | 'rebalanceTimeoutMs' | 'protocols' | 'assignment'
  >,
): Member {
  return { ...member, isNew: false, awaitingJoin: null, awaitingSync: null, isDisconnected: false }
}

/** True for a group without members, pending members and generations. */
export const isUnused = (group: Group): boolean =>
  group.state === 'Empty' && group.generation === 0 && group.members.size === 0 && group.pendingJoinMembers.size === 0

export const metadataOf = (member: Member, protocol: string | null): Buffer =>
  member.protocols.find((candidate) => candidate.name === protocol)?.metadata ?? Buffer.alloc(0)

/** The largest rebalance timeout of a member. */
export function rebalanceTimeoutMs(group: Group): number {
  let longest = 0
  for (const member of group.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs)
  return longest
}

/** The protocols that all members support, in the order of the first member. */
function candidateProtocols(group: Group): string[] {
  const [first, ...rest] = group.members.values()
  if (!first) return []
  return first.protocols
    .map((protocol) => protocol.name)
    .filter((name) => rest.every((member) => member.protocols.some((protocol) => protocol.name === name)))
}

/** Each member votes for its first protocol that all support; the one with most votes is selected. */
export function selectProtocol(group: Group): string | null {
  const votes = new Map(candidateProtocols(group).map((name) => [name, 0]))
  for (const member of group.members.values()) {
    const vote = member.protocols.find((protocol) => votes.has(protocol.name))
    if (vote) votes.set(vote.name, votes.get(vote.name)! + 1)
  }
  let best: string | null = null
  for (const [name, count] of votes) if (best === null || count > votes.get(best)!) best = name
  return best
}

/** Whether a member with this protocol type and these protocols may join. */
export function supportsProtocols(group: Group, protocolType: string, protocols: readonly Protocol[]): boolean {
  if (group.members.size === 0) return protocolType !== '' && protocols.length > 0
  if (group.protocolType !== protocolType) return false
  const shared = candidateProtocols(group)
  return protocols.some((protocol) => shared.includes(protocol.name))
}

/** Whether the protocols of a member are unchanged, in the same order. */
export const sameProtocols = (ours: readonly Protocol[], theirs: readonly Protocol[]): boolean =>
  ours.length === theirs.length &&
  ours.every((protocol, i) => protocol.name === theirs[i]!.name && protocol.metadata.equals(theirs[i]!.metadata))

/** The error for a member id and an instance id that are not a member of the group, or null. */
export function checkMember(group: Group, memberId: string, instanceId: string | null): ErrorName | null {
  if (instanceId !== null) {
    const currentId = group.staticMembers.get(instanceId)
    if (currentId === undefined) return 'UNKNOWN_MEMBER_ID'
    if (currentId !== memberId) return 'FENCED_INSTANCE_ID'
  }
  return group.members.has(memberId) ? null : 'UNKNOWN_MEMBER_ID'
}

/** The error for an offset commit, or null. Invariant 9: only members of the current generation commit. */
export function checkCommit(
  group: Group,
  memberId: string,
  instanceId: string | null,
  generation: number,
  isTransactional = false,
): ErrorName | null {
  if (group.state === 'Dead') return 'COORDINATOR_NOT_AVAILABLE'
  // A consumer without group membership, or an admin client.
  if (generation < 0 && group.state === 'Empty') return null
  if (generation >= 0 || memberId !== '' || instanceId !== null) {
    const memberError = checkMember(group, memberId, instanceId)
    if (memberError) return memberError
    if (generation !== group.generation) return 'ILLEGAL_GENERATION'
  } else if (group.state !== 'Empty' && !isTransactional) return 'UNKNOWN_MEMBER_ID'
  // Older producers do not know the group of their consumer, and its rebalance does not concern a transaction.
  if (isTransactional) return null
  // The member has joined the new generation and has no assignment yet.
  return group.state === 'CompletingRebalance' ? 'REBALANCE_IN_PROGRESS' : null
}
