/**
 * The classic group protocol of Kafka 4.3: what JoinGroup, SyncGroup, Heartbeat, LeaveGroup and the timers do to a group. Pure: a group and
 * an event in, a group and effects out.
 */
import { type ErrorName, errorCode } from '../errors.ts'
import {
  addMember,
  cancelTimer,
  closeDraft,
  type Draft,
  joinError,
  joinSuccess,
  openDraft,
  removeMember,
  replaceStaticMember,
  respond,
  respondToJoin,
  respondToSync,
  setMember,
  snapshot,
  startSession,
  startTimer,
  syncError,
  transitionTo,
  updateMember,
} from './draft.ts'
import {
  checkMember,
  type Decision,
  type Group,
  type GroupConfig,
  type GroupEvent,
  type GroupTimer,
  type HeartbeatEvent,
  type JoinEvent,
  type LeaveEvent,
  type Member,
  type RequestId,
  type StorePurpose,
  type SyncEvent,
  sameProtocols,
  selectProtocol,
  supportsProtocols,
} from './group.ts'
import {
  expireJoin,
  expirePendingSync,
  maybeCompleteJoin,
  prepareOrCompleteJoin,
  prepareRebalance,
  propagateAssignment,
  propagateError,
  removePendingSync,
} from './rebalance.ts'
import type { LeaveResponse } from './types.ts'

export function decide(group: Group, event: GroupEvent, config: GroupConfig): Decision {
  // The two most frequent events only restart a timer.
  if (event.type === 'heartbeat') return heartbeat(group, event)
  if (event.type === 'committed') return committed(group, event.memberId)
  const draft = openDraft(group, config, event.at)
  switch (event.type) {
    case 'join':
      join(draft, event)
      break
    case 'sync':
      sync(draft, event)
      break
    case 'leave':
      leave(draft, event)
      break
    case 'timeout':
      timeout(draft, event.timer)
      break
    case 'disconnected':
      disconnected(draft, event.requestId)
      break
    case 'stored':
      stored(draft, event.purpose, event.error)
      break
    case 'close':
      close(draft)
      break
  }
  return { group: closeDraft(draft), effects: draft.effects }
}

/** False where the group has group.max.size members. A member that waits in JoinGroup already is accepted. Invariant 13. */
function acceptsJoiningMember({ state, members, config }: Draft, memberId: string): boolean {
  const member = members.get(memberId)
  if (state === 'Empty' || state === 'Dead') return true
  if (state !== 'PreparingRebalance') return member !== undefined || members.size < config.maxSize
  if (member?.awaitingJoin != null) return true
  let waiting = 0
  for (const { awaitingJoin } of members.values()) if (awaitingJoin !== null) waiting++
  return waiting < config.maxSize
}

function join(draft: Draft, event: JoinEvent) {
  const respondError = (error: ErrorName, memberId = event.memberId) => respond(draft, event.requestId, joinError(error, memberId))
  if (!acceptsJoiningMember(draft, event.memberId)) {
    removeMember(draft, event.memberId)
    return respondError('GROUP_MAX_SIZE_REACHED', '')
  }
  if (draft.state === 'Dead') return respondError('COORDINATOR_NOT_AVAILABLE')
  if (!supportsProtocols(draft, event.protocolType, event.protocols)) return respondError('INCONSISTENT_GROUP_PROTOCOL')
  if (event.memberId !== '') return rejoin(draft, event)
  const existingId = event.instanceId === null ? undefined : draft.staticMembers.get(event.instanceId)
  if (existingId !== undefined) return rejoinStaticMember(draft, event, draft.members.get(existingId)!)
  if (event.instanceId !== null || !event.requiresKnownId) return addNewMember(draft, event, event.newMemberId)
  if (draft.pendingJoinMembers.size >= draft.config.maxPending) return respondError('GROUP_MAX_SIZE_REACHED', '')
  draft.pendingJoinMembers.add(event.newMemberId)
  startTimer(draft, { kind: 'session', member: event.newMemberId }, event.sessionTimeoutMs)
  respondError('MEMBER_ID_REQUIRED', event.newMemberId)
}

function addNewMember(draft: Draft, event: JoinEvent, id: string) {
  if (draft.state === 'PreparingRebalance' && draft.initialDelay) draft.initialDelay = { ...draft.initialDelay, newMember: true }
  const member: Member = {
    id,
    instanceId: event.instanceId,
    ...fieldsOf(event),
    assignment: Buffer.alloc(0),
    isNew: true,
    awaitingSync: null,
    isDisconnected: false,
  }
  addMember(draft, member, event.protocolType)
  // It sends no heartbeats before its JoinGroup response: its first session is longer.
  startSession(draft, member, draft.config.newMemberJoinTimeoutMs)
  prepareOrCompleteJoin(draft, `${id} joins${reasonOf(event)}`)
}

/** The reason that the client gives (KIP-800). */
const reasonOf = (event: JoinEvent): string => (event.reason ? `: ${event.reason}` : '')

const fieldsOf = (event: JoinEvent) => ({
  clientId: event.clientId,
  clientHost: event.clientHost,
  sessionTimeoutMs: event.sessionTimeoutMs,
  rebalanceTimeoutMs: event.rebalanceTimeoutMs,
  protocols: event.protocols,
  awaitingJoin: event.requestId,
})

function rejoin(draft: Draft, event: JoinEvent) {
  const { memberId } = event
  if (draft.pendingJoinMembers.has(memberId)) {
    if (event.instanceId !== null) return respond(draft, event.requestId, joinError('UNKNOWN_MEMBER_ID', memberId))
    return addNewMember(draft, event, memberId)
  }
  const memberError = checkMember(draft, memberId, event.instanceId)
  if (memberError) return respond(draft, event.requestId, joinError(memberError, memberId))
  const member = draft.members.get(memberId)!
  const unchanged = sameProtocols(member.protocols, event.protocols)
  // The response to its JoinGroup was lost, or a follower has nothing new. A leader that joins again requests a rebalance.
  const repeats = draft.state === 'CompletingRebalance' ? unchanged : draft.state === 'Stable' && unchanged && draft.leader !== memberId
  if (draft.state === 'Empty') return respond(draft, event.requestId, joinError('UNKNOWN_MEMBER_ID', memberId))
  if (repeats) return respond(draft, event.requestId, joinSuccess(draft, memberId))
  updateMember(draft, member, fieldsOf(event))
  prepareOrCompleteJoin(draft, `${memberId} rejoins${draft.leader === memberId ? ' as the leader' : ''}${reasonOf(event)}`)
}

/** A static member that rejoins without its member id replaces its previous instance (KIP-345). */
function rejoinStaticMember(draft: Draft, event: JoinEvent, old: Member) {
  const formerLeader = draft.leader
  const member = updateMember(draft, replaceStaticMember(draft, old, event.newMemberId), fieldsOf(event))
  startSession(draft, member)
  if (draft.state === 'CompletingRebalance') return prepareRebalance(draft, `static member ${old.instanceId} rejoins during the rebalance`)
  if (draft.state !== 'Stable') return maybeCompleteJoin(draft)
  if (selectProtocol(draft) !== draft.protocol) return prepareRebalance(draft, `static member ${old.instanceId} changes the protocol`)
  const leads = draft.leader === member.id
  const generation = joinSuccess(draft, member.id)
  draft.effects.push({
    type: 'store',
    image: snapshot(draft),
    purpose: {
      kind: 'replacement',
      requestId: event.requestId,
      old: { ...old, awaitingJoin: null, awaitingSync: null, isDisconnected: false },
      member: member.id,
      // An older client that is the leader would compute an assignment without a rebalance: it gets the former id of the leader.
      response: event.canSkipAssignment
        ? { ...generation, skipAssignment: leads }
        : { ...generation, leader: formerLeader ?? '', members: [] },
    },
  })
}

function sync(draft: Draft, event: SyncEvent) {
  const respondError = (error: ErrorName) => respond(draft, event.requestId, syncError(error))
  if (draft.state === 'Dead') return respondError('COORDINATOR_NOT_AVAILABLE')
  const memberError = checkMember(draft, event.memberId, event.instanceId)
  if (memberError) return respondError(memberError)
  if (event.generation !== draft.generation) return respondError('ILLEGAL_GENERATION')
  if (event.protocolType !== null && event.protocolType !== draft.protocolType) return respondError('INCONSISTENT_GROUP_PROTOCOL')
  if (event.protocol !== null && event.protocol !== draft.protocol) return respondError('INCONSISTENT_GROUP_PROTOCOL')
  if (draft.state === 'Empty') return respondError('UNKNOWN_MEMBER_ID')
  if (draft.state === 'PreparingRebalance') return respondError('REBALANCE_IN_PROGRESS')
  const member = draft.members.get(event.memberId)!
  removePendingSync(draft, member.id)
  if (draft.state === 'Stable')
    return respond(draft, event.requestId, {
      errorCode: 0,
      protocolType: draft.protocolType,
      protocolName: draft.protocol,
      assignment: member.assignment,
    })
  // The client has given up the connection of its older request.
  setMember(draft, { ...respondToSync(draft, member, syncError('REBALANCE_IN_PROGRESS')), awaitingSync: event.requestId })
  if (draft.leader !== member.id || draft.isStoringAssignment) return
  draft.isStoringAssignment = true
  const image = { ...snapshot(draft), state: 'Stable' as const, stateTimestamp: draft.now, members: new Map<string, Member>() }
  for (const assigned of draft.members.values())
    image.members.set(assigned.id, { ...assigned, assignment: event.assignments.get(assigned.id) ?? Buffer.alloc(0) })
  draft.effects.push({
    type: 'store',
    image,
    purpose: { kind: 'assignment', generation: draft.generation, assignments: event.assignments },
  })
}

/** Invariant 9: an assignment is propagated once it is durable, and only in its generation. */
function stored(draft: Draft, purpose: StorePurpose, error: ErrorName | null) {
  if (purpose.kind === 'assignment') {
    if (draft.state !== 'CompletingRebalance' || draft.generation !== purpose.generation) return
    if (error === null) return propagateAssignment(draft, purpose.assignments)
    propagateError(draft, error)
    prepareRebalance(draft, `the assignment could not be stored: ${error}`)
  } else if (purpose.kind === 'replacement') {
    const member = draft.members.get(purpose.member)
    // A rebalance that began during the write completes the JoinGroup.
    if (draft.state !== 'Stable' || !member || member.awaitingJoin !== purpose.requestId) return
    if (error === null) {
      respondToJoin(draft, member, purpose.response)
      return
    }
    respondToJoin(draft, member, joinError(error, ''))
    startSession(draft, setMember(draft, { ...replaceStaticMember(draft, draft.members.get(member.id)!, purpose.old.id), ...purpose.old }))
  }
}

function heartbeat(group: Group, event: HeartbeatEvent): Decision {
  const reply = (error: ErrorName, renewsSession: boolean): Decision => {
    const timer: GroupTimer = { kind: 'session', member: event.memberId }
    const respond = { type: 'respond', requestId: event.requestId, response: { errorCode: errorCode(error) } } as const
    if (!renewsSession) return { group, effects: [respond] }
    return { group, effects: [respond, { type: 'startTimer', timer, delayMs: group.members.get(event.memberId)!.sessionTimeoutMs }] }
  }
  if (group.state === 'Dead') return reply('COORDINATOR_NOT_AVAILABLE', false)
  const memberError = checkMember(group, event.memberId, event.instanceId)
  if (memberError) return reply(memberError, false)
  if (event.generation !== group.generation) return reply('ILLEGAL_GENERATION', false)
  if (group.state === 'Empty') return reply('UNKNOWN_MEMBER_ID', false)
  return reply(group.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE', true)
}

function committed(group: Group, memberId: string): Decision {
  const member = group.members.get(memberId)
  if (!member || (group.state !== 'Stable' && group.state !== 'PreparingRebalance')) return { group, effects: [] }
  return { group, effects: [{ type: 'startTimer', timer: { kind: 'session', member: memberId }, delayMs: member.sessionTimeoutMs }] }
}

function leave(draft: Draft, event: LeaveEvent) {
  if (draft.state === 'Dead')
    return respond(draft, event.requestId, { errorCode: errorCode('COORDINATOR_NOT_AVAILABLE'), members: [] } satisfies LeaveResponse)
  const reasons: string[] = []
  let hasLeft = false
  const members = event.members.map((leaving) => {
    // An admin client removes a static member by its instance id.
    const id =
      leaving.memberId === '' && leaving.groupInstanceId !== null ? draft.staticMembers.get(leaving.groupInstanceId) : leaving.memberId
    let error: ErrorName = 'NONE'
    if (!id) error = 'UNKNOWN_MEMBER_ID'
    else if (!draft.pendingJoinMembers.has(id)) error = checkMember(draft, id, leaving.groupInstanceId) ?? 'NONE'
    if (id && error === 'NONE') {
      // A pending member id owns no partitions.
      hasLeft ||= draft.members.has(id)
      removeMember(draft, id)
      reasons.push(`${id} leaves${leaving.reason ? `: ${leaving.reason}` : ''}`)
    }
    return { memberId: leaving.memberId, groupInstanceId: leaving.groupInstanceId, errorCode: errorCode(error) }
  })
  respond(draft, event.requestId, { errorCode: 0, members } satisfies LeaveResponse)
  if (hasLeft) rebalanceAfterRemoval(draft, reasons.join('; '))
  else maybeCompleteJoin(draft)
}

/** After the removal of a member: starts a rebalance, or continues the running one without it. */
function rebalanceAfterRemoval(draft: Draft, reason: string) {
  if (draft.state === 'Stable' || draft.state === 'CompletingRebalance') prepareRebalance(draft, reason)
  else maybeCompleteJoin(draft)
}

function timeout(draft: Draft, timer: GroupTimer) {
  if (timer.kind === 'join') return expireJoin(draft)
  if (timer.kind === 'sync') return expirePendingSync(draft)
  if (draft.pendingJoinMembers.delete(timer.member)) return maybeCompleteJoin(draft)
  const member = draft.members.get(timer.member)
  // A member that waits for a response sends no heartbeats. A new member is removed anyway.
  if (!member || (!member.isNew && !member.isDisconnected && (member.awaitingJoin !== null || member.awaitingSync !== null))) return
  removeMember(draft, member.id)
  rebalanceAfterRemoval(draft, `${member.id} sent no heartbeat within its session timeout of ${member.sessionTimeoutMs} ms`)
}

/** The connection of a waiting JoinGroup is closed: a new member is removed, a member of a generation may rejoin within its session. */
function disconnected(draft: Draft, requestId: RequestId) {
  for (const member of draft.members.values()) {
    if (member.awaitingJoin !== requestId) continue
    if (member.isNew && member.instanceId === null) {
      removeMember(draft, member.id)
      maybeCompleteJoin(draft)
    } else startSession(draft, setMember(draft, { ...member, isDisconnected: true }))
    return
  }
}

function close(draft: Draft) {
  for (const id of [...draft.pendingJoinMembers]) cancelTimer(draft, { kind: 'session', member: id })
  draft.pendingJoinMembers.clear()
  for (const member of [...draft.members.values()]) {
    respondToSync(
      draft,
      respondToJoin(draft, member, joinError('COORDINATOR_NOT_AVAILABLE', member.id)),
      syncError('COORDINATOR_NOT_AVAILABLE'),
    )
    cancelTimer(draft, { kind: 'session', member: member.id })
  }
  cancelTimer(draft, { kind: 'join' })
  cancelTimer(draft, { kind: 'sync' })
  transitionTo(draft, 'Dead')
}
