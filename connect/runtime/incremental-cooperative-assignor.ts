/**
 * Who runs what: the leader's decision, as a pure function. Cooperative (KIP-415): running work stays where it is, what must move is first
 * revoked and given out in the next round, and the work of a worker that vanished waits for its return. A unit is never given to one member
 * while another declares it (Invariant 9).
 */
import { CONNECTOR, unitOf } from './connect-protocol.ts'

export interface BalanceMember {
  id: string
  url: string
  /** Units that it runs, by its own word. */
  owned: readonly string[]
}

/** What the leader remembers between two rounds that it led. */
export interface BalanceState {
  /** Who was given each unit, and at which address that member was. */
  readonly owners: ReadonlyMap<string, { id: string; url: string }>
  /** When the work of members that vanished is given to others. */
  readonly heldUntil: number | null
}

export const nothingKnown: BalanceState = { owners: new Map(), heldUntil: null }

export interface BalanceInput {
  members: readonly BalanceMember[]
  /** All units that there are. */
  configured: readonly string[]
  now: number
  maxDelayMs: number
  /** Whether the unit's last owner said that it had ended it: nobody needs to wait for that owner. */
  released(unit: string): boolean
}

export interface Share {
  assigned: string[]
  revoked: string[]
}

export interface BalanceResult {
  state: BalanceState
  shares: Map<string, Share>
  /** In how long all members are to join again; 0 where nothing waits. */
  delayMs: number
}

interface Load {
  member: BalanceMember
  /** What it runs and goes on running. */
  kept: string[]
  given: string[]
  revoked: string[]
}

const isConnector = (unit: string) => unitOf(unit).task === CONNECTOR
const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

export function rebalance(state: BalanceState, input: BalanceInput): BalanceResult {
  const configured = new Set(input.configured)
  const { loads, duplicated } = declared(input.members, configured)
  const owned = new Set(loads.flatMap((load) => load.kept))
  const free = [...configured].filter((unit) => !owned.has(unit) && !duplicated.has(unit)).sort(byText)
  const { ready, held, heldUntil } = sortOut(state, input, free)

  give(loads, ready, state)
  const delayMs = heldUntil === null ? 0 : Math.max(1, heldUntil - input.now)
  if (delayMs === 0) {
    even(loads, isConnector)
    even(loads, (unit) => !isConnector(unit))
  }

  const owners = new Map<string, { id: string; url: string }>()
  for (const unit of held) owners.set(unit, state.owners.get(unit)!)
  for (const { member, kept, given } of loads) for (const unit of [...kept, ...given]) owners.set(unit, { id: member.id, url: member.url })
  return {
    state: { owners, heldUntil },
    shares: new Map(loads.map(({ member, given, revoked }) => [member.id, { assigned: given, revoked }])),
    delayMs,
  }
}

/** What each keeps of what it declares. What is gone from the config, and what two declare, is taken from all who declare it. */
function declared(members: readonly BalanceMember[], configured: ReadonlySet<string>): { loads: Load[]; duplicated: Set<string> } {
  const seen = new Set<string>()
  const duplicated = new Set<string>()
  for (const member of members)
    for (const unit of new Set(member.owned)) {
      if (seen.has(unit)) duplicated.add(unit)
      seen.add(unit)
    }
  const loads = [...members]
    .sort((a, b) => byText(a.id, b.id))
    .map((member) => {
      const owned = [...new Set(member.owned)]
      const stays = (unit: string) => configured.has(unit) && !duplicated.has(unit)
      return { member, kept: owned.filter(stays), given: [], revoked: owned.filter((unit) => !stays(unit)) }
    })
  return { loads, duplicated }
}

/** Splits what nobody runs into what may be given out and what waits for its owner's return. */
function sortOut(
  state: BalanceState,
  { members, now, maxDelayMs, released }: BalanceInput,
  free: readonly string[],
): { ready: string[]; held: string[]; heldUntil: number | null } {
  const ids = new Set(members.map((member) => member.id))
  const urls = new Set(members.map((member) => member.url))
  const waits = (unit: string) => {
    const owner = state.owners.get(unit)
    // an owner that is here runs it no more by its own word; a new member at its address is its successor
    return owner !== undefined && !ids.has(owner.id) && !urls.has(owner.url) && !released(unit)
  }
  const lost = free.filter(waits)
  if (lost.length === 0) return { ready: [...free], held: [], heldUntil: null }
  const until = state.heldUntil ?? now + maxDelayMs
  if (now >= until) return { ready: [...free], held: [], heldUntil: null }
  return { ready: free.filter((unit) => !waits(unit)), held: lost, heldUntil: until }
}

const count = (load: Load, kind: (unit: string) => boolean) => load.kept.filter(kind).length + load.given.filter(kind).length
const total = (load: Load) => load.kept.length + load.given.length

/** Each unit to whoever has least; a member at the address of its former owner goes first among equals. */
function give(loads: readonly Load[], units: readonly string[], state: BalanceState): void {
  for (const kind of [isConnector, (unit: string) => !isConnector(unit)]) {
    for (const unit of units.filter(kind)) {
      const former = state.owners.get(unit)?.url
      const rank = (load: Load) => [count(load, kind), total(load), load.member.url === former ? 0 : 1] as const
      let best = loads[0]
      for (const load of loads) if (best && before(rank(load), rank(best))) best = load
      best?.given.push(unit)
    }
  }
}

function before(a: readonly number[], b: readonly number[]): boolean {
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return a[at]! < b[at]!
  return false
}

/** Takes from those who have too many what others lack, so that nobody has more than one over another after the next round. */
function even(loads: readonly Load[], kind: (unit: string) => boolean): void {
  if (loads.length === 0) return
  const floor = Math.floor(loads.reduce((sum, load) => sum + count(load, kind), 0) / loads.length)
  let wanted = loads.reduce((sum, load) => sum + Math.max(0, floor - count(load, kind)), 0)
  const take = (load: Load): boolean => {
    const at = load.kept.findLastIndex(kind)
    if (at < 0) return false
    load.revoked.push(...load.kept.splice(at, 1))
    return true
  }
  for (const load of loads) while (count(load, kind) > floor + 1 && take(load)) wanted--
  for (const load of loads) if (wanted > 0 && count(load, kind) > floor && take(load)) wanted--
}

/** The eager protocol: everybody has let go of everything, and all is given out anew. */
export function dealOut(members: readonly BalanceMember[], configured: readonly string[]): Map<string, Share> {
  const { shares } = rebalance(nothingKnown, {
    members: members.map((member) => ({ ...member, owned: [] })),
    configured,
    now: 0,
    maxDelayMs: 0,
    released: () => true,
  })
  return shares
}
