/**
 * A group during one decision: a mutable copy, and the effects so far. The rules of the protocol are in classic.ts and rebalance.ts; these
 * are the changes that keep members, static members, pending members and timers consistent.
 */
import { type ErrorName, errorCode } from '../errors.ts'
import type { Effect, Group, GroupConfig, GroupResponse, GroupState, GroupTimer, Member, RequestId } from './group.ts'
import type { JoinResponse, SyncResponse } from './types.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Collections = 'members' | 'staticMembers' | 'pendingJoinMembers' | 'pendingSyncMembers'

export interface Draft extends Mutable<Omit<Group, Collections>> {
  readonly members: Map<string, Member>
  readonly staticMembers: Map<string, string>
  readonly pendingJoinMembers: Set<string>
  readonly pendingSyncMembers: Set<string>
  readonly effects: Effect[]
  readonly config: GroupConfig
  readonly now: number
}

const EMPTY = Buffer.alloc(0)

export function openDraft(group: Group, config: GroupConfig, now: number): Draft {
  return {
    ...group,
    members: new Map(group.members),
    staticMembers: new Map(group.staticMembers),
    pendingJoinMembers: new Set(group.pendingJoinMembers),
    pendingSyncMembers: new Set(group.pendingSyncMembers),
    effects: [],
    config,
    now,
  }
}

export function closeDraft({ effects: _, config: __, now: ___, ...group }: Draft): Group {
  return group
}

/** The group at this moment, for a record. */
export const snapshot = (draft: Draft): Group => closeDraft({ ...draft, members: new Map(draft.members) })

export function transitionTo(draft: Draft, state: GroupState): void {
  draft.state = state
  draft.stateTimestamp = draft.now
}

export const respond = (draft: Draft, requestId: RequestId, response: GroupResponse): void =>
  void draft.effects.push({ type: 'respond', requestId, response })

export const startTimer = (draft: Draft, timer: GroupTimer, delayMs: number): void =>
  void draft.effects.push({ type: 'startTimer', timer, delayMs: Math.max(0, delayMs) })

export const cancelTimer = (draft: Draft, timer: GroupTimer): void => void draft.effects.push({ type: 'cancelTimer', timer })

export const log = (draft: Draft, message: string, reason: string): void => void draft.effects.push({ type: 'log', message, reason })

export const startSession = (draft: Draft, member: Member, delayMs = member.sessionTimeoutMs): void =>
  startTimer(draft, { kind: 'session', member: member.id }, delayMs)

export const joinError = (error: ErrorName, memberId: string): JoinResponse => ({
  errorCode: errorCode(error),
  generationId: -1,
  protocolType: null,
  protocolName: null,
  leader: '',
  skipAssignment: false,
  memberId,
  members: [],
})

export const syncError = (error: ErrorName): SyncResponse => ({
  errorCode: errorCode(error),
  protocolType: null,
  protocolName: null,
  assignment: EMPTY,
})

export function setMember(draft: Draft, member: Member): Member {
  draft.members.set(member.id, member)
  return member
}

/** Completes the member's JoinGroup, if it is waiting in one. */
export function respondToJoin(draft: Draft, member: Member, response: JoinResponse): Member {
  if (member.awaitingJoin === null) return member
  respond(draft, member.awaitingJoin, response)
  return setMember(draft, { ...member, awaitingJoin: null, isDisconnected: false })
}

/** Completes the member's SyncGroup, if it is waiting in one. */
export function respondToSync(draft: Draft, member: Member, response: SyncResponse): Member {
  if (member.awaitingSync === null) return member
  respond(draft, member.awaitingSync, response)
  return setMember(draft, { ...member, awaitingSync: null })
}

/** Adds a member. The first member of an empty group becomes its leader and sets its protocol type. */
export function addMember(draft: Draft, member: Member, protocolType: string): void {
  if (draft.members.size === 0) draft.protocolType = protocolType
  draft.leader ??= member.id
  setMember(draft, member)
  if (member.instanceId !== null) draft.staticMembers.set(member.instanceId, member.id)
  draft.pendingJoinMembers.delete(member.id)
}

/** Removes a member. Its waiting requests fail with UNKNOWN_MEMBER_ID, so that a live client joins again. */
export function removeMember(draft: Draft, id: string): void {
  draft.pendingJoinMembers.delete(id)
  draft.pendingSyncMembers.delete(id)
  cancelTimer(draft, { kind: 'session', member: id })
  const member = draft.members.get(id)
  if (!member) return
  respondToSync(draft, respondToJoin(draft, member, joinError('UNKNOWN_MEMBER_ID', '')), syncError('UNKNOWN_MEMBER_ID'))
  draft.members.delete(id)
  if (member.instanceId !== null && draft.staticMembers.get(member.instanceId) === id) draft.staticMembers.delete(member.instanceId)
  if (draft.leader === id) draft.leader = draft.members.keys().next().value ?? null
}

/** Updates a member that sends JoinGroup again, perhaps with other protocols or timeouts and on another connection. */
export function updateMember(
  draft: Draft,
  member: Member,
  change: Pick<Member, 'protocols' | 'sessionTimeoutMs' | 'rebalanceTimeoutMs' | 'clientId' | 'clientHost' | 'awaitingJoin'>,
): Member {
  // The client has given up the connection of its older request.
  const idle = respondToJoin(draft, member, joinError('REBALANCE_IN_PROGRESS', member.id))
  return setMember(draft, { ...idle, ...change, isDisconnected: false })
}

/** Gives a static member a new member id (KIP-345). Requests that wait under the old id are fenced. */
export function replaceStaticMember(draft: Draft, old: Member, id: string): Member {
  const idle = respondToSync(draft, respondToJoin(draft, old, joinError('FENCED_INSTANCE_ID', old.id)), syncError('FENCED_INSTANCE_ID'))
  cancelTimer(draft, { kind: 'session', member: old.id })
  draft.members.delete(old.id)
  if (draft.pendingSyncMembers.delete(old.id)) draft.pendingSyncMembers.add(id)
  if (draft.leader === old.id) draft.leader = id
  draft.staticMembers.set(old.instanceId!, id)
  return setMember(draft, { ...idle, id })
}

/** The members as the leader gets them, to compute the assignment. */
const memberMetadata = (draft: Draft): JoinResponse['members'] =>
  [...draft.members.values()].map((member) => ({
    memberId: member.id,
    groupInstanceId: member.instanceId,
    metadata: member.protocols.find((protocol) => protocol.name === draft.protocol)?.metadata ?? EMPTY,
  }))

/** The JoinGroup response for the current generation; the leader's has the metadata of all members. */
export const joinSuccess = (draft: Draft, memberId: string): JoinResponse => ({
  errorCode: 0,
  generationId: draft.generation,
  protocolType: draft.protocolType,
  protocolName: draft.protocol,
  leader: draft.leader ?? '',
  skipAssignment: false,
  memberId,
  members: draft.leader === memberId ? memberMetadata(draft) : [],
})
