/**
 * The steps from one generation to the next: members join (PreparingRebalance), the generation begins and waits for the leader's assignment
 * (CompletingRebalance), the assignment is stored and propagated (Stable). Members that do not join within the rebalance timeout are
 * removed.
 */
import type { ErrorName } from '../errors.ts'
import {
  cancelTimer,
  type Draft,
  joinSuccess,
  log,
  removeMember,
  respondToJoin,
  respondToSync,
  setMember,
  snapshot,
  startSession,
  startTimer,
  syncError,
  transitionTo,
} from './draft.ts'
import { rebalanceTimeoutMs, selectProtocol } from './group.ts'

const EMPTY = Buffer.alloc(0)

const allJoined = (draft: Draft): boolean =>
  draft.pendingJoinMembers.size === 0 && [...draft.members.values()].every((member) => member.awaitingJoin !== null)

/** Starts a rebalance; in a running one completes the join phase if all members have joined. */
export function prepareOrCompleteJoin(draft: Draft, reason: string) {
  if (draft.state === 'PreparingRebalance') maybeCompleteJoin(draft)
  else prepareRebalance(draft, reason)
}

export function prepareRebalance(draft: Draft, reason: string) {
  if (draft.state === 'CompletingRebalance') propagateError(draft, 'REBALANCE_IN_PROGRESS')
  cancelTimer(draft, { kind: 'sync' })
  log(draft, 'the group rebalances', reason)
  const first = draft.state === 'Empty'
  transitionTo(draft, 'PreparingRebalance')
  if (first) {
    // More members usually follow the first one: the delay is extended while they arrive.
    const delayMs = draft.config.initialRebalanceDelayMs
    draft.initialDelay = { remainingMs: Math.max(rebalanceTimeoutMs(draft) - delayMs, 0), newMember: false }
    startTimer(draft, { kind: 'join' }, delayMs)
  } else if (allJoined(draft)) completeJoinPhase(draft)
  else startTimer(draft, { kind: 'join' }, rebalanceTimeoutMs(draft))
}

/** Completes the join phase once all members have joined. The initial delay is never shortened. */
export function maybeCompleteJoin(draft: Draft) {
  if (draft.state === 'PreparingRebalance' && draft.initialDelay === null && allJoined(draft)) completeJoinPhase(draft)
}

/** The rebalance timeout or the initial delay expired. */
export function expireJoin(draft: Draft) {
  if (draft.state !== 'PreparingRebalance') return
  const { initialDelay, config } = draft
  if (initialDelay?.newMember && initialDelay.remainingMs > 0) {
    const delayMs = Math.min(config.initialRebalanceDelayMs, initialDelay.remainingMs)
    draft.initialDelay = { remainingMs: Math.max(initialDelay.remainingMs - config.initialRebalanceDelayMs, 0), newMember: false }
    startTimer(draft, { kind: 'join' }, delayMs)
  } else completeJoinPhase(draft)
}

/** Keeps the leader if it has joined and is connected, else elects another such member. */
function electLeader(draft: Draft): boolean {
  const leader = draft.leader === null ? undefined : draft.members.get(draft.leader)
  if (leader && leader.awaitingJoin !== null && !leader.isDisconnected) return true
  const joined = [...draft.members.values()].filter((member) => member.awaitingJoin !== null)
  const next = joined.find((member) => !member.isDisconnected) ?? joined[0]
  if (!next) return false
  draft.leader = next.id
  return true
}

/** Begins the next generation. Invariant 9: members that have not joined are not in it, except static members, which stay members. */
function completeJoinPhase(draft: Draft) {
  cancelTimer(draft, { kind: 'join' })
  for (const member of [...draft.members.values()])
    if (member.awaitingJoin === null && member.instanceId === null) removeMember(draft, member.id)
  if (!electLeader(draft) && draft.members.size > 0) {
    // Only static members that have not joined are left: their session timeouts decide.
    startTimer(draft, { kind: 'join' }, rebalanceTimeoutMs(draft))
    return
  }
  draft.initialDelay = null
  draft.isStoringAssignment = false
  draft.generation++
  draft.pendingSyncMembers.clear()
  if (draft.members.size === 0) {
    draft.protocol = null
    draft.leader = null
    transitionTo(draft, 'Empty')
    draft.effects.push({ type: 'store', image: snapshot(draft), purpose: { kind: 'empty' } })
    return
  }
  draft.protocol = selectProtocol(draft)
  transitionTo(draft, 'CompletingRebalance')
  log(draft, `generation ${draft.generation} begins with ${draft.members.size} members, leader ${draft.leader}`, '')
  for (const member of [...draft.members.values()]) {
    setMember(draft, { ...respondToJoin(draft, member, joinSuccess(draft, member.id)), isNew: false, assignment: EMPTY })
    draft.pendingSyncMembers.add(member.id)
    startSession(draft, member)
  }
  startTimer(draft, { kind: 'sync' }, rebalanceTimeoutMs(draft))
}

/** The rebalance timeout expired: members that have not sent SyncGroup are removed. */
export function expirePendingSync(draft: Draft) {
  if ((draft.state !== 'CompletingRebalance' && draft.state !== 'Stable') || draft.pendingSyncMembers.size === 0) return
  const missing = [...draft.pendingSyncMembers]
  for (const id of missing) removeMember(draft, id)
  prepareRebalance(draft, `${missing.join(', ')} sent no SyncGroup within the rebalance timeout`)
}

/** The member has sent SyncGroup. */
export function removePendingSync(draft: Draft, memberId: string) {
  draft.pendingSyncMembers.delete(memberId)
  if (draft.pendingSyncMembers.size === 0) cancelTimer(draft, { kind: 'sync' })
}

export function propagateError(draft: Draft, error: ErrorName) {
  draft.isStoringAssignment = false
  for (const member of [...draft.members.values()])
    setMember(draft, { ...respondToSync(draft, member, syncError(error)), assignment: EMPTY })
}

/** The assignment is durable: completes the waiting SyncGroups; later ones get it at once. */
export function propagateAssignment(draft: Draft, assignments: ReadonlyMap<string, Buffer>) {
  draft.isStoringAssignment = false
  transitionTo(draft, 'Stable')
  for (const member of [...draft.members.values()]) {
    const assignment = assignments.get(member.id) ?? EMPTY
    const wasWaiting = member.awaitingSync !== null
    setMember(draft, {
      ...respondToSync(draft, member, {
        errorCode: 0,
        protocolType: draft.protocolType,
        protocolName: draft.protocol,
        assignment,
      }),
      assignment,
    })
    if (wasWaiting) startSession(draft, member)
  }
}
