/**
 * A group as a sequence of events, with the responses, writes and timers that they have caused so far. No clock, no disk.
 */
import { errorName } from '../../../core/errors.ts'
import { decide } from '../../../core/groups/classic.ts'
import {
  type Effect,
  type Group,
  type GroupConfig,
  type GroupEvent,
  type GroupResponse,
  type JoinEvent,
  newGroup,
  type StorePurpose,
  type SyncEvent,
} from '../../../core/groups/group.ts'
import type { EventWithoutTime } from '../../../core/groups/group-runtime.ts'
import type { JoinResponse, LeaveResponse, SyncResponse } from '../../../core/groups/types.ts'

export const rules: GroupConfig = { initialRebalanceDelayMs: 3000, maxSize: 100, maxPending: 100, newMemberJoinTimeoutMs: 300_000 }

export class GroupScenario {
  group: Group = newGroup('g', 0)
  readonly rules: GroupConfig
  now = 1000
  effects: readonly Effect[] = []
  readonly responses = new Map<number, GroupResponse>()
  readonly timers = new Map<string, number>()
  readonly pendingWrites: { image: Group; purpose: StorePurpose }[] = []
  #requestId = 0

  constructor(changed: Partial<GroupConfig> = {}) {
    this.rules = { ...rules, ...changed }
  }

  apply(event: EventWithoutTime): this {
    const { group, effects } = decide(this.group, { ...event, at: this.now } as GroupEvent, this.rules)
    this.group = group
    this.effects = effects
    for (const effect of effects) {
      if (effect.type === 'respond') this.responses.set(effect.requestId, effect.response)
      if (effect.type === 'startTimer')
        this.timers.set(effect.timer.kind === 'session' ? effect.timer.member : effect.timer.kind, effect.delayMs)
      if (effect.type === 'cancelTimer') this.timers.delete(effect.timer.kind === 'session' ? effect.timer.member : effect.timer.kind)
      if (effect.type === 'store') this.pendingWrites.push(effect)
    }
    return this
  }

  /** Sends JoinGroup and returns its request id. Without `id` a new member joins and gets `newId`. */
  join(id: string, options: Partial<JoinEvent> & { newId?: string; names?: string[]; metadata?: string } = {}): number {
    const requestId = ++this.#requestId
    const { newId = 'new', names = ['range'], metadata = '', ...rest } = options
    this.apply({
      type: 'join',
      requestId,
      memberId: id,
      newMemberId: newId,
      instanceId: null,
      clientId: 'client',
      clientHost: '/127.0.0.1',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 60_000,
      protocolType: 'consumer',
      protocols: names.map((name) => ({ name, metadata: Buffer.from(`${name}:${metadata}`) })),
      reason: null,
      requiresKnownId: false,
      canSkipAssignment: true,
      ...rest,
    })
    return requestId
  }

  sync(id: string, options: Partial<SyncEvent> = {}): number {
    const requestId = ++this.#requestId
    this.apply({
      type: 'sync',
      requestId,
      memberId: id,
      instanceId: null,
      generation: this.group.generation,
      protocolType: null,
      protocol: null,
      assignments: new Map(),
      ...options,
    })
    return requestId
  }

  heartbeat(id: string, generation = this.group.generation, instanceId: string | null = null): string {
    const requestId = ++this.#requestId
    this.apply({ type: 'heartbeat', requestId, memberId: id, instanceId, generation })
    return this.error(requestId)
  }

  leave(...members: { memberId: string; groupInstanceId?: string | null }[]): string[] {
    const requestId = ++this.#requestId
    this.apply({
      type: 'leave',
      requestId,
      members: members.map((member) => ({ groupInstanceId: null, reason: null, ...member })),
    })
    return (this.responses.get(requestId) as LeaveResponse).members.map(({ errorCode }) => errorName(errorCode))
  }

  expire(kind: 'join' | 'sync'): this {
    this.timers.delete(kind)
    return this.apply({ type: 'timeout', timer: { kind } })
  }

  /** The session of the member expires. */
  expireSession(member: string): this {
    this.timers.delete(member)
    return this.apply({ type: 'timeout', timer: { kind: 'session', member } })
  }

  /** The oldest write in progress completes. */
  completeWrite(error: 'NOT_COORDINATOR' | null = null): this {
    const { purpose } = this.pendingWrites.shift()!
    return this.apply({ type: 'stored', purpose, error })
  }

  joinResponse(requestId: number): JoinResponse {
    return this.responses.get(requestId) as JoinResponse
  }

  syncResponse(requestId: number): SyncResponse {
    return this.responses.get(requestId) as SyncResponse
  }

  isPending(requestId: number): boolean {
    return !this.responses.has(requestId)
  }

  error(requestId: number): string {
    const response = this.responses.get(requestId)
    return response ? errorName(response.errorCode) : 'no response yet'
  }

  /** A stable group of these members, the first one is the leader. */
  static stable(
    ids: readonly string[],
    changed: Partial<GroupConfig> = {},
    each: (id: string) => Parameters<GroupScenario['join']>[1] = () => ({}),
  ): GroupScenario {
    const scenario = new GroupScenario(changed)
    for (const id of ids) scenario.join('', { newId: id, ...each(id) })
    while (scenario.group.state === 'PreparingRebalance') scenario.expire('join')
    const leader = scenario.group.leader!
    scenario.sync(leader, { assignments: new Map(ids.map((id) => [id, Buffer.from(`for ${id}`)])) })
    scenario.completeWrite()
    for (const id of ids) if (id !== leader) scenario.sync(id)
    return scenario
  }
}
