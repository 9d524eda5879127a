/**
 * A group while one decision is made about it: a private copy that changes freely, and the effects so far. The decision's rules live in
 * classic.ts and rebalance.ts; here are the moves that keep the parts of a group in step with each other.
 */
import { type ErrorName, errorCode } from '../errors.ts'
import type { Effect, Group, GroupConfig, GroupResponse, GroupState, GroupTimer, Member, RequestId } from './group.ts'
import type { JoinResponse, SyncResponse } from './types.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export interface Draft extends Mutable<Omit<Group, 'members' | 'statics' | 'pending' | 'unsynced'>> {
  readonly members: Map<string, Member>
  readonly statics: Map<string, string>
  readonly pending: Set<string>
  readonly unsynced: Set<string>
  readonly effects: Effect[]
  readonly config: GroupConfig
  readonly now: number
}

const EMPTY = Buffer.alloc(0)

export function openDraft(group: Group, rules: GroupConfig, at: number): Draft {
  return {
    ...group,
    members: new Map(group.members),
    statics: new Map(group.staticMembers),
    pending: new Set(group.pendingJoinMembers),
    unsynced: new Set(group.pendingSyncMembers),
    effects: [],
    config: rules,
    now: at,
  }
}

export function closeDraft({ effects: _, config: __, now: ___, ...group }: Draft): Group {
  return group
}

/** The group as it is at this moment: for a record. */
export const snapshot = (draft: Draft): Group => closeDraft({ ...draft, members: new Map(draft.members) })

export function transitionTo(draft: Draft, state: GroupState): void {
  draft.state = state
  draft.stateTimestamp = draft.now
}

export const respond = (draft: Draft, ticket: RequestId, response: GroupResponse): void =>
  void draft.effects.push({ type: 'answer', ticket, answer: response })

export const startTimer = (draft: Draft, timer: GroupTimer, delayMs: number): void =>
  void draft.effects.push({ type: 'timer', timer, delayMs: Math.max(0, delayMs) })

export const cancelTimer = (draft: Draft, timer: GroupTimer): void => void draft.effects.push({ type: 'cancel', timer })

export const log = (draft: Draft, message: string, reason: string): void => void draft.effects.push({ type: 'tell', message, reason })

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

/** Answers a member's waiting JoinGroup, where there is one. */
export function respondToJoin(draft: Draft, member: Member, response: JoinResponse): Member {
  if (member.awaitingJoin === null) return member
  respond(draft, member.awaitingJoin, response)
  return setMember(draft, { ...member, awaitingJoin: null, isDisconnected: false })
}

/** Answers a member's waiting SyncGroup, where there is one. */
export function respondToSync(draft: Draft, member: Member, response: SyncResponse): Member {
  if (member.awaitingSync === null) return member
  respond(draft, member.awaitingSync, response)
  return setMember(draft, { ...member, awaitingSync: null })
}

/** Takes a member in. The first one of an empty group leads it and says what type it is of. */
export function addMember(draft: Draft, member: Member, protocolType: string): void {
  if (draft.members.size === 0) draft.protocolType = protocolType
  draft.leader ??= member.id
  setMember(draft, member)
  if (member.instanceId !== null) draft.statics.set(member.instanceId, member.id)
  draft.pending.delete(member.id)
}

/** Puts a member out. What it waits for is answered, so that a client that lives on starts anew. */
export function removeMember(draft: Draft, id: string): void {
  draft.pending.delete(id)
  draft.unsynced.delete(id)
  cancelTimer(draft, { kind: 'session', member: id })
  const known = draft.members.get(id)
  if (!known) return
  respondToSync(draft, respondToJoin(draft, known, joinError('UNKNOWN_MEMBER_ID', '')), syncError('UNKNOWN_MEMBER_ID'))
  draft.members.delete(id)
  if (known.instanceId !== null && draft.statics.get(known.instanceId) === id) draft.statics.delete(known.instanceId)
  if (draft.leader === id) draft.leader = draft.members.keys().next().value ?? null
}

/** A joining member that comes again, perhaps with other protocols, sessions and on another connection. */
export function updateMember(
  draft: Draft,
  member: Member,
  change: Pick<Member, 'protocols' | 'sessionTimeoutMs' | 'rebalanceTimeoutMs' | 'clientId' | 'clientHost'> & { joining: RequestId | null },
): Member {
  // Its older request comes from a connection that it gave up.
  const quiet = respondToJoin(draft, member, joinError('REBALANCE_IN_PROGRESS', member.id))
  return setMember(draft, { ...quiet, ...change, isDisconnected: false })
}

/** Gives a static member another id (KIP-345). Whoever waits under the old one is fenced. */
export function replaceStaticMember(draft: Draft, old: Member, id: string): Member {
  const quiet = respondToSync(draft, respondToJoin(draft, old, joinError('FENCED_INSTANCE_ID', old.id)), syncError('FENCED_INSTANCE_ID'))
  cancelTimer(draft, { kind: 'session', member: old.id })
  draft.members.delete(old.id)
  if (draft.unsynced.delete(old.id)) draft.unsynced.add(id)
  if (draft.leader === old.id) draft.leader = id
  draft.statics.set(old.instanceId!, id)
  return setMember(draft, { ...quiet, id })
}

/** What the leader is told about the members. */
export const memberMetadata = (draft: Draft): JoinResponse['members'] =>
  [...draft.members.values()].map((member) => ({
    memberId: member.id,
    groupInstanceId: member.instanceId,
    metadata: member.protocols.find((protocol) => protocol.name === draft.protocol)?.metadata ?? EMPTY,
  }))

/** The present generation as a member sees it: the leader with everybody's metadata. */
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
