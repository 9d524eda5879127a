/**
 * A group while one decision is made about it: a private copy that changes freely, and the effects so far. The decision's rules live in
 * classic.ts and rebalance.ts; here are the moves that keep the parts of a group in step with each other.
 */
import { type ErrorName, errorCode } from '../errors.ts'
import type { Effect, Group, GroupAnswer, GroupState, GroupTimer, Member, Rules, Ticket } from './group.ts'
import type { JoinResponse, SyncResponse } from './types.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export interface Draft extends Mutable<Omit<Group, 'members' | 'statics' | 'pending' | 'unsynced'>> {
  readonly members: Map<string, Member>
  readonly statics: Map<string, string>
  readonly pending: Set<string>
  readonly unsynced: Set<string>
  readonly effects: Effect[]
  readonly rules: Rules
  readonly at: number
}

const EMPTY = Buffer.alloc(0)

export function openDraft(group: Group, rules: Rules, at: number): Draft {
  return {
    ...group,
    members: new Map(group.members),
    statics: new Map(group.statics),
    pending: new Set(group.pending),
    unsynced: new Set(group.unsynced),
    effects: [],
    rules,
    at,
  }
}

export function closeDraft({ effects: _, rules: __, at: ___, ...group }: Draft): Group {
  return group
}

/** The group as it is at this moment: for a record. */
export const snapshot = (draft: Draft): Group => closeDraft({ ...draft, members: new Map(draft.members) })

export function enter(draft: Draft, state: GroupState): void {
  draft.state = state
  draft.stateTimestamp = draft.at
}

export const answer = (draft: Draft, ticket: Ticket, response: GroupAnswer): void =>
  void draft.effects.push({ type: 'answer', ticket, answer: response })

export const startTimer = (draft: Draft, timer: GroupTimer, delayMs: number): void =>
  void draft.effects.push({ type: 'timer', timer, delayMs: Math.max(0, delayMs) })

export const cancelTimer = (draft: Draft, timer: GroupTimer): void => void draft.effects.push({ type: 'cancel', timer })

export const tell = (draft: Draft, message: string, reason: string): void => void draft.effects.push({ type: 'tell', message, reason })

export const startSession = (draft: Draft, member: Member, delayMs = member.sessionTimeoutMs): void =>
  startTimer(draft, { kind: 'session', member: member.id }, delayMs)

export const joinRefusal = (error: ErrorName, memberId: string): JoinResponse => ({
  errorCode: errorCode(error),
  generationId: -1,
  protocolType: null,
  protocolName: null,
  leader: '',
  skipAssignment: false,
  memberId,
  members: [],
})

export const syncRefusal = (error: ErrorName): SyncResponse => ({
  errorCode: errorCode(error),
  protocolType: null,
  protocolName: null,
  assignment: EMPTY,
})

export function put(draft: Draft, member: Member): Member {
  draft.members.set(member.id, member)
  return member
}

/** Answers a member's waiting JoinGroup, where there is one. */
export function answerJoin(draft: Draft, member: Member, response: JoinResponse): Member {
  if (member.joining === null) return member
  answer(draft, member.joining, response)
  return put(draft, { ...member, joining: null, gone: false })
}

/** Answers a member's waiting SyncGroup, where there is one. */
export function answerSync(draft: Draft, member: Member, response: SyncResponse): Member {
  if (member.syncing === null) return member
  answer(draft, member.syncing, response)
  return put(draft, { ...member, syncing: null })
}

/** Takes a member in. The first one of an empty group leads it and says what type it is of. */
export function add(draft: Draft, member: Member, protocolType: string): void {
  if (draft.members.size === 0) draft.protocolType = protocolType
  draft.leader ??= member.id
  put(draft, member)
  if (member.instanceId !== null) draft.statics.set(member.instanceId, member.id)
  draft.pending.delete(member.id)
}

/** Puts a member out. What it waits for is answered, so that a client that lives on starts anew. */
export function remove(draft: Draft, id: string): void {
  draft.pending.delete(id)
  draft.unsynced.delete(id)
  cancelTimer(draft, { kind: 'session', member: id })
  const known = draft.members.get(id)
  if (!known) return
  answerSync(draft, answerJoin(draft, known, joinRefusal('UNKNOWN_MEMBER_ID', '')), syncRefusal('UNKNOWN_MEMBER_ID'))
  draft.members.delete(id)
  if (known.instanceId !== null && draft.statics.get(known.instanceId) === id) draft.statics.delete(known.instanceId)
  if (draft.leader === id) draft.leader = draft.members.keys().next().value ?? null
}

/** A joining member that comes again, perhaps with other protocols, sessions and on another connection. */
export function renew(
  draft: Draft,
  member: Member,
  change: Pick<Member, 'protocols' | 'sessionTimeoutMs' | 'rebalanceTimeoutMs' | 'clientId' | 'clientHost'> & { joining: Ticket | null },
): Member {
  // Its older request comes from a connection that it gave up.
  const quiet = answerJoin(draft, member, joinRefusal('REBALANCE_IN_PROGRESS', member.id))
  return put(draft, { ...quiet, ...change, gone: false })
}

/** Gives a static member another id (KIP-345). Whoever waits under the old one is fenced. */
export function replace(draft: Draft, old: Member, id: string): Member {
  const quiet = answerSync(draft, answerJoin(draft, old, joinRefusal('FENCED_INSTANCE_ID', old.id)), syncRefusal('FENCED_INSTANCE_ID'))
  cancelTimer(draft, { kind: 'session', member: old.id })
  draft.members.delete(old.id)
  if (draft.unsynced.delete(old.id)) draft.unsynced.add(id)
  if (draft.leader === old.id) draft.leader = id
  draft.statics.set(old.instanceId!, id)
  return put(draft, { ...quiet, id })
}

/** What the leader is told about the members. */
export const roster = (draft: Draft): JoinResponse['members'] =>
  [...draft.members.values()].map((member) => ({
    memberId: member.id,
    groupInstanceId: member.instanceId,
    metadata: member.protocols.find((protocol) => protocol.name === draft.protocol)?.metadata ?? EMPTY,
  }))

/** The present generation as a member sees it: the leader with everybody's metadata. */
export const generationFor = (draft: Draft, memberId: string): JoinResponse => ({
  errorCode: 0,
  generationId: draft.generation,
  protocolType: draft.protocolType,
  protocolName: draft.protocol,
  leader: draft.leader ?? '',
  skipAssignment: false,
  memberId,
  members: draft.leader === memberId ? roster(draft) : [],
})
