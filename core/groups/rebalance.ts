/**
 * From one generation to the next: members are called to join (PreparingRebalance), the generation is closed and its leader told
 * (CompletingRebalance), the leader's assignment is stored and handed out (Stable). Laggards are left behind at the rebalance timeout.
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
  draft.pending.size === 0 && [...draft.members.values()].every((member) => member.awaitingJoin !== null)

/** Calls everybody to join, or closes the join phase where that was done and all are there. */
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
    // The first members rarely come alone: wait a little, and longer while more of them arrive.
    const delayMs = draft.config.initialRebalanceDelayMs
    draft.initialDelay = { remainingMs: Math.max(rebalanceTimeoutMs(draft) - delayMs, 0), newMember: false }
    startTimer(draft, { kind: 'join' }, delayMs)
  } else if (allJoined(draft)) completeJoinPhase(draft)
  else startTimer(draft, { kind: 'join' }, rebalanceTimeoutMs(draft))
}

/** An initial rebalance never ends early. */
export function maybeCompleteJoin(draft: Draft) {
  if (draft.state === 'PreparingRebalance' && draft.initialDelay === null && allJoined(draft)) completeJoinPhase(draft)
}

/** The join timer rang. */
export function expireJoin(draft: Draft) {
  if (draft.state !== 'PreparingRebalance') return
  const { initialDelay: initial, config: rules } = draft
  if (initial?.newMember && initial.remainingMs > 0) {
    const delayMs = Math.min(rules.initialRebalanceDelayMs, initial.remainingMs)
    draft.initialDelay = { remainingMs: Math.max(initial.remainingMs - rules.initialRebalanceDelayMs, 0), newMember: false }
    startTimer(draft, { kind: 'join' }, delayMs)
  } else completeJoinPhase(draft)
}

/** A leader that is there: the old one where it joined on a living connection, else any such member. */
function electLeader(draft: Draft): boolean {
  const leader = draft.leader === null ? undefined : draft.members.get(draft.leader)
  if (leader && leader.awaitingJoin !== null && !leader.isDisconnected) return true
  const joined = [...draft.members.values()].filter((member) => member.awaitingJoin !== null)
  const next = joined.find((member) => !member.isDisconnected) ?? joined[0]
  if (!next) return false
  draft.leader = next.id
  return true
}

/** Closes the join phase. Invariant 9: whoever did not join is out of the generation, a static member apart, which keeps its place. */
function completeJoinPhase(draft: Draft) {
  cancelTimer(draft, { kind: 'join' })
  for (const member of [...draft.members.values()])
    if (member.awaitingJoin === null && member.instanceId === null) removeMember(draft, member.id)
  if (!electLeader(draft) && draft.members.size > 0) {
    // Only static members that are away: their sessions decide.
    startTimer(draft, { kind: 'join' }, rebalanceTimeoutMs(draft))
    return
  }
  draft.initialDelay = null
  draft.isStoringAssignment = false
  draft.generation++
  draft.unsynced.clear()
  if (draft.members.size === 0) {
    draft.protocol = null
    draft.leader = null
    transitionTo(draft, 'Empty')
    draft.effects.push({ type: 'store', image: snapshot(draft), purpose: { kind: 'empty' } })
    return
  }
  draft.protocol = selectProtocol(draft)
  transitionTo(draft, 'CompletingRebalance')
  log(draft, `generation ${draft.generation} has ${draft.members.size} members, led by ${draft.leader}`, '')
  for (const member of [...draft.members.values()]) {
    setMember(draft, { ...respondToJoin(draft, member, joinSuccess(draft, member.id)), isNew: false, assignment: EMPTY })
    draft.unsynced.add(member.id)
    startSession(draft, member)
  }
  startTimer(draft, { kind: 'sync' }, rebalanceTimeoutMs(draft))
}

/** The sync timer rang: who joined and never came for an assignment is out. */
export function expirePendingSync(draft: Draft) {
  if ((draft.state !== 'CompletingRebalance' && draft.state !== 'Stable') || draft.unsynced.size === 0) return
  const late = [...draft.unsynced]
  for (const id of late) removeMember(draft, id)
  prepareRebalance(draft, `${late.join(', ')} did not ask for the assignment in time`)
}

/** A member came for its assignment. */
export function removePendingSync(draft: Draft, memberId: string) {
  draft.unsynced.delete(memberId)
  if (draft.unsynced.size === 0) cancelTimer(draft, { kind: 'sync' })
}

export function propagateError(draft: Draft, error: ErrorName) {
  draft.isStoringAssignment = false
  for (const member of [...draft.members.values()])
    setMember(draft, { ...respondToSync(draft, member, syncError(error)), assignment: EMPTY })
}

/** The assignment is durable: everybody who waits gets its part, who comes later too. */
export function propagateAssignment(draft: Draft, assignments: ReadonlyMap<string, Buffer>) {
  draft.isStoringAssignment = false
  transitionTo(draft, 'Stable')
  for (const member of [...draft.members.values()]) {
    const assignment = assignments.get(member.id) ?? EMPTY
    const waited = member.awaitingSync !== null
    setMember(draft, {
      ...respondToSync(draft, member, {
        errorCode: 0,
        protocolType: draft.protocolType,
        protocolName: draft.protocol,
        assignment,
      }),
      assignment,
    })
    if (waited) startSession(draft, member)
  }
}
