/**
 * The leader's assignment of connectors and tasks to workers, as a pure function (KIP-415). What runs stays where it is; what must move is
 * revoked first and assigned in the next rebalance; what a lost worker ran waits for that worker to return. Nothing is assigned to one
 * worker while another owns it (Invariant 9). Connectors and tasks are named by the keys of `connectorTaskKey`.
 */
import { CONNECTOR_TASK, connectorTaskId } from './connect-protocol.ts'

export interface WorkerMember {
  id: string
  url: string
  /** What it runs, according to its metadata. */
  owned: readonly string[]
}

/** What the leader remembers between two rebalances that it led. */
export interface AssignorState {
  /** The member that each key was assigned to, with its URL. */
  readonly owners: ReadonlyMap<string, { id: string; url: string }>
  /** When what lost members ran is assigned to others; null where no member is lost. */
  readonly delayedUntil: number | null
}

export const initialAssignorState: AssignorState = { owners: new Map(), delayedUntil: null }

export interface AssignorInput {
  members: readonly WorkerMember[]
  /** The keys of all connectors and tasks in the config topic. */
  configured: readonly string[]
  now: number
  maxDelayMs: number
  /** Whether the last owner has reported that it stopped: then there is no need to wait for that owner. */
  hasStopped(key: string): boolean
}

export interface WorkerAssignment {
  assigned: string[]
  revoked: string[]
}

export interface AssignorResult {
  state: AssignorState
  assignments: Map<string, WorkerAssignment>
  /** The time until the scheduled rebalance; 0 where there is none. */
  delayMs: number
}

interface WorkerLoad {
  member: WorkerMember
  /** What it owns and keeps. */
  kept: string[]
  assigned: string[]
  revoked: string[]
}

const isConnector = (key: string) => connectorTaskId(key).task === CONNECTOR_TASK
const isTask = (key: string) => !isConnector(key)
const lexically = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

export function assignIncrementally(state: AssignorState, input: AssignorInput): AssignorResult {
  const configured = new Set(input.configured)
  const { loads, duplicated } = workerLoads(input.members, configured)
  const owned = new Set(loads.flatMap((load) => load.kept))
  const unassigned = [...configured].filter((key) => !owned.has(key) && !duplicated.has(key)).sort(lexically)
  const { ready, delayed, delayedUntil } = splitByDelay(state, input, unassigned)

  assignToLeastLoaded(loads, ready, state)
  const delayMs = delayedUntil === null ? 0 : Math.max(1, delayedUntil - input.now)
  if (delayMs === 0) {
    revokeExcess(loads, isConnector)
    revokeExcess(loads, isTask)
  }

  const owners = new Map<string, { id: string; url: string }>()
  for (const key of delayed) owners.set(key, state.owners.get(key)!)
  for (const { member, kept, assigned } of loads)
    for (const key of [...kept, ...assigned]) owners.set(key, { id: member.id, url: member.url })
  return {
    state: { owners, delayedUntil },
    assignments: new Map(loads.map(({ member, assigned, revoked }) => [member.id, { assigned, revoked }])),
    delayMs,
  }
}

/** What each member keeps of what it owns. What is no longer configured, and what two members own, is revoked from all. */
function workerLoads(members: readonly WorkerMember[], configured: ReadonlySet<string>): { loads: WorkerLoad[]; duplicated: Set<string> } {
  const seen = new Set<string>()
  const duplicated = new Set<string>()
  for (const member of members)
    for (const key of new Set(member.owned)) {
      if (seen.has(key)) duplicated.add(key)
      seen.add(key)
    }
  const loads = [...members]
    .sort((a, b) => lexically(a.id, b.id))
    .map((member) => {
      const owned = [...new Set(member.owned)]
      const stays = (key: string) => configured.has(key) && !duplicated.has(key)
      return { member, kept: owned.filter(stays), assigned: [], revoked: owned.filter((key) => !stays(key)) }
    })
  return { loads, duplicated }
}

/** Splits the unassigned keys into those that can be assigned now and those that wait for a lost member. */
function splitByDelay(
  state: AssignorState,
  { members, now, maxDelayMs, hasStopped }: AssignorInput,
  unassigned: readonly string[],
): { ready: string[]; delayed: string[]; delayedUntil: number | null } {
  const ids = new Set(members.map((member) => member.id))
  const urls = new Set(members.map((member) => member.url))
  const isLost = (key: string) => {
    const owner = state.owners.get(key)
    // An owner that is still a member no longer runs it, by its metadata. A new member at the owner's URL is the owner, restarted.
    return owner !== undefined && !ids.has(owner.id) && !urls.has(owner.url) && !hasStopped(key)
  }
  const lost = unassigned.filter(isLost)
  if (lost.length === 0) return { ready: [...unassigned], delayed: [], delayedUntil: null }
  const delayedUntil = state.delayedUntil ?? now + maxDelayMs
  if (now >= delayedUntil) return { ready: [...unassigned], delayed: [], delayedUntil: null }
  return { ready: unassigned.filter((key) => !isLost(key)), delayed: lost, delayedUntil }
}

type Kind = (key: string) => boolean

const count = (load: WorkerLoad, kind: Kind) => load.kept.filter(kind).length + load.assigned.filter(kind).length
const total = (load: WorkerLoad) => load.kept.length + load.assigned.length

/** Each key goes to the least loaded worker; among equals to the one at the URL of the former owner. */
function assignToLeastLoaded(loads: readonly WorkerLoad[], keys: readonly string[], state: AssignorState): void {
  for (const kind of [isConnector, isTask]) {
    for (const key of keys.filter(kind)) {
      const formerUrl = state.owners.get(key)?.url
      const rank = (load: WorkerLoad) => [count(load, kind), total(load), load.member.url === formerUrl ? 0 : 1] as const
      let best = loads[0]
      for (const load of loads) if (best && isLower(rank(load), rank(best))) best = load
      best?.assigned.push(key)
    }
  }
}

function isLower(a: readonly number[], b: readonly number[]): boolean {
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return a[index]! < b[index]!
  return false
}

/** Revokes from workers with too many what others lack, so that after the next rebalance no two differ by more than one. */
function revokeExcess(loads: readonly WorkerLoad[], kind: Kind): void {
  if (loads.length === 0) return
  const floor = Math.floor(loads.reduce((sum, load) => sum + count(load, kind), 0) / loads.length)
  let lacking = loads.reduce((sum, load) => sum + Math.max(0, floor - count(load, kind)), 0)
  const revokeOne = (load: WorkerLoad): boolean => {
    const last = load.kept.findLastIndex(kind)
    if (last < 0) return false
    load.revoked.push(...load.kept.splice(last, 1))
    return true
  }
  for (const load of loads) while (count(load, kind) > floor + 1 && revokeOne(load)) lacking--
  for (const load of loads) if (lacking > 0 && count(load, kind) > floor && revokeOne(load)) lacking--
}

/** The eager protocol: every member has stopped everything before, so all is assigned again. */
export function assignEagerly(members: readonly WorkerMember[], configured: readonly string[]): Map<string, WorkerAssignment> {
  const { assignments } = assignIncrementally(initialAssignorState, {
    members: members.map((member) => ({ ...member, owned: [] })),
    configured,
    now: 0,
    maxDelayMs: 0,
    hasStopped: () => true,
  })
  return assignments
}
