/**
 * What a group is: its state, the events that reach it and the effects they have. A group is a value: `decide` (classic.ts) takes one and
 * gives another, without clock, I/O or randomness. Times come with the events; timers, storage and answers are effects.
 */
import type { ErrorName } from '../errors.ts'
import type { HeartbeatResponse, JoinResponse, LeaveRequest, LeaveResponse, SyncResponse } from './types.ts'

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'

/** Names a request that waits for its answer. */
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
  /** It was in no generation yet. */
  readonly isNew: boolean
  /** Its JoinGroup waits. */
  readonly awaitingJoin: RequestId | null
  /** Its SyncGroup waits. */
  readonly awaitingSync: RequestId | null
  /** The connection of its waiting JoinGroup is gone. */
  readonly isDisconnected: boolean
}

export interface Group {
  readonly id: string
  readonly state: GroupState
  /** Wall time in ms at which the state began. */
  readonly stateTimestamp: number
  readonly generation: number
  /** Null for a group that only ever kept offsets. */
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly leader: string | null
  readonly members: ReadonlyMap<string, Member>
  /** group.instance.id → member id (KIP-345). */
  readonly staticMembers: ReadonlyMap<string, string>
  /** Ids that were given out with MEMBER_ID_REQUIRED and have not come back. */
  readonly pendingJoinMembers: ReadonlySet<string>
  /** Members that have not asked for their assignment in this generation. */
  readonly pendingSyncMembers: ReadonlySet<string>
  /** The leader's assignment is on its way to the disk. */
  readonly isStoringAssignment: boolean
  /** Set while an empty group waits for its first members. */
  readonly initialDelay: { readonly remainingMs: number; readonly newMember: boolean } | null
}

/** Settings and limits that decisions depend on. */
export interface GroupConfig {
  readonly initialRebalanceDelayMs: number
  readonly maxSize: number
  readonly maxPending: number
  readonly newMemberJoinTimeoutMs: number
}

export type GroupTimer =
  | { readonly kind: 'join' }
  | { readonly kind: 'sync' }
  /** A member's session, or the life of an id that was given out. */
  | { readonly kind: 'session'; readonly member: string }

export interface JoinEvent {
  readonly type: 'join'
  readonly ticket: RequestId
  readonly memberId: string
  /** The id that the member gets where it has none. */
  readonly newMemberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly Protocol[]
  readonly reason: string | null
  /** v4 on: a member without an id gets one first and joins with it (KIP-394). */
  readonly requiresKnownId: boolean
  /** v9 on: a static leader that comes back can be told not to assign (KIP-814). */
  readonly canSkipAssignment: boolean
}

export interface SyncEvent {
  readonly type: 'sync'
  readonly ticket: RequestId
  readonly memberId: string
  readonly instanceId: string | null
  readonly generation: number
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly assignments: ReadonlyMap<string, Buffer>
}

export interface HeartbeatEvent {
  readonly type: 'heartbeat'
  readonly ticket: RequestId
  readonly memberId: string
  readonly instanceId: string | null
  readonly generation: number
}

export interface LeaveEvent {
  readonly type: 'leave'
  readonly ticket: RequestId
  readonly members: LeaveRequest['members']
}

/** What a record that goes to the disk is for. */
export type StorePurpose =
  | { readonly kind: 'assignment'; readonly generation: number; readonly assignments: ReadonlyMap<string, Buffer> }
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'replacement'
      readonly ticket: RequestId
      readonly old: Member
      readonly member: string
      readonly answer: JoinResponse
    }

export type GroupEvent = { /** Wall time in ms. */ readonly at: number } & (
  | JoinEvent
  | SyncEvent
  | HeartbeatEvent
  | LeaveEvent
  | { readonly type: 'timeout'; readonly timer: GroupTimer }
  /** The connection of a waiting JoinGroup is gone. */
  | { readonly type: 'disconnected'; readonly ticket: RequestId }
  | { readonly type: 'stored'; readonly purpose: StorePurpose; readonly error: ErrorName | null }
  /** A member committed offsets: a sign of life. */
  | { readonly type: 'committed'; readonly memberId: string }
  /** The group is about to be deleted: it takes nobody in. */
  | { readonly type: 'close' }
)

export type GroupResponse = JoinResponse | SyncResponse | HeartbeatResponse | LeaveResponse

export type Effect =
  | { readonly type: 'answer'; readonly ticket: RequestId; readonly answer: GroupResponse }
  /** Starts the timer, or starts it again. */
  | { readonly type: 'timer'; readonly timer: GroupTimer; readonly delayMs: number }
  | { readonly type: 'cancel'; readonly timer: GroupTimer }
  /** Writes `image`; a `stored` event with the same purpose comes back. */
  | { readonly type: 'store'; readonly image: Group; readonly purpose: StorePurpose }
  /** For people: a line of the log. */
  | { readonly type: 'tell'; readonly message: string; readonly reason: string }

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

/** A member of a group that lives on after a restart: it may go on where it was. */
export function restoredMember(
  member: Pick<
    Member,
    'id' | 'instanceId' | 'clientId' | 'clientHost' | 'sessionTimeoutMs' | 'rebalanceTimeoutMs' | 'protocols' | 'assignment'
  >,
): Member {
  return { ...member, isNew: false, awaitingJoin: null, awaitingSync: null, isDisconnected: false }
}

/** Nothing to keep: no members, none expected, and never in a generation. */
export const isUnused = (group: Group): boolean =>
  group.state === 'Empty' && group.generation === 0 && group.members.size === 0 && group.pendingJoinMembers.size === 0

export const metadataOf = (member: Member, protocol: string | null): Buffer =>
  member.protocols.find((candidate) => candidate.name === protocol)?.metadata ?? Buffer.alloc(0)

/** The longest time that any member asks for. */
export function rebalanceTimeoutMs(group: Group): number {
  let longest = 0
  for (const member of group.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs)
  return longest
}

/** The protocols that all members know, in the order of the first member. */
function candidateProtocols(group: Group): string[] {
  const [first, ...others] = group.members.values()
  if (!first) return []
  return first.protocols
    .map((protocol) => protocol.name)
    .filter((name) => others.every((member) => member.protocols.some((protocol) => protocol.name === name)))
}

/** Each member votes for the first protocol of its own that all know; most votes win. */
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

/** Whether somebody of this type with these protocols may join. */
export function supportsProtocols(group: Group, protocolType: string, protocols: readonly Protocol[]): boolean {
  if (group.members.size === 0) return protocolType !== '' && protocols.length > 0
  if (group.protocolType !== protocolType) return false
  const shared = candidateProtocols(group)
  return protocols.some((protocol) => shared.includes(protocol.name))
}

/** Whether a member's protocols are what it said before, in the same order. */
export const sameProtocols = (ours: readonly Protocol[], theirs: readonly Protocol[]): boolean =>
  ours.length === theirs.length &&
  ours.every((protocol, i) => protocol.name === theirs[i]!.name && protocol.metadata.equals(theirs[i]!.metadata))

/** The error of a member id and an instance id that do not fit the group, or null. */
export function checkMember(group: Group, memberId: string, instanceId: string | null): ErrorName | null {
  if (instanceId !== null) {
    const known = group.staticMembers.get(instanceId)
    if (known === undefined) return 'UNKNOWN_MEMBER_ID'
    if (known !== memberId) return 'FENCED_INSTANCE_ID'
  }
  return group.members.has(memberId) ? null : 'UNKNOWN_MEMBER_ID'
}

/** Whether the group takes a commit, or the error. Invariant 9: only the present generation's members commit. */
export function checkCommit(group: Group, memberId: string, instanceId: string | null, generation: number): ErrorName | null {
  if (group.state === 'Dead') return 'COORDINATOR_NOT_AVAILABLE'
  // A consumer without membership, or an admin client.
  if (generation < 0 && group.state === 'Empty') return null
  if (generation >= 0 || memberId !== '' || instanceId !== null) {
    const wrong = checkMember(group, memberId, instanceId)
    if (wrong) return wrong
    if (generation !== group.generation) return 'ILLEGAL_GENERATION'
  } else if (group.state !== 'Empty') return 'UNKNOWN_MEMBER_ID'
  // The member knows the new generation but not what it owns in it.
  return group.state === 'CompletingRebalance' ? 'REBALANCE_IN_PROGRESS' : null
}
