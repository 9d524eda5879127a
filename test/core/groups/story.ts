/**
 * A group told as a story: each line is an event, and what it answers, stores and times is there to look at. No clock, no disk.
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
import type { JoinResponse, LeaveResponse, SyncResponse } from '../../../core/groups/types.ts'

export const rules: GroupConfig = { initialRebalanceDelayMs: 3000, maxSize: 100, maxPending: 100, newMemberJoinTimeoutMs: 300_000 }

type Happening = GroupEvent extends infer E ? (E extends GroupEvent ? Omit<E, 'at'> : never) : never

export class Story {
  group: Group = newGroup('g', 0)
  readonly rules: GroupConfig
  now = 1000
  effects: readonly Effect[] = []
  readonly answers = new Map<number, GroupResponse>()
  readonly timers = new Map<string, number>()
  readonly unstored: { image: Group; purpose: StorePurpose }[] = []
  #ticket = 0

  constructor(changed: Partial<GroupConfig> = {}) {
    this.rules = { ...rules, ...changed }
  }

  happens(happening: Happening): this {
    const { group, effects } = decide(this.group, { ...happening, at: this.now } as GroupEvent, this.rules)
    this.group = group
    this.effects = effects
    for (const effect of effects) {
      if (effect.type === 'answer') this.answers.set(effect.ticket, effect.answer)
      if (effect.type === 'timer')
        this.timers.set(effect.timer.kind === 'session' ? effect.timer.member : effect.timer.kind, effect.delayMs)
      if (effect.type === 'cancel') this.timers.delete(effect.timer.kind === 'session' ? effect.timer.member : effect.timer.kind)
      if (effect.type === 'store') this.unstored.push(effect)
    }
    return this
  }

  /** Joins and returns the ticket. `id` names a known member; without it a member without id joins and gets `newId`. */
  join(id: string, options: Partial<JoinEvent> & { newId?: string; names?: string[]; metadata?: string } = {}): number {
    const ticket = ++this.#ticket
    const { newId = 'new', names = ['range'], metadata = '', ...rest } = options
    this.happens({
      type: 'join',
      ticket,
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
    return ticket
  }

  sync(id: string, options: Partial<SyncEvent> = {}): number {
    const ticket = ++this.#ticket
    this.happens({
      type: 'sync',
      ticket,
      memberId: id,
      instanceId: null,
      generation: this.group.generation,
      protocolType: null,
      protocol: null,
      assignments: new Map(),
      ...options,
    })
    return ticket
  }

  heartbeat(id: string, generation = this.group.generation, instanceId: string | null = null): string {
    const ticket = ++this.#ticket
    this.happens({ type: 'heartbeat', ticket, memberId: id, instanceId, generation })
    return this.error(ticket)
  }

  leave(...members: { memberId: string; groupInstanceId?: string | null }[]): string[] {
    const ticket = ++this.#ticket
    this.happens({
      type: 'leave',
      ticket,
      members: members.map((member) => ({ groupInstanceId: null, reason: null, ...member })),
    })
    return (this.answers.get(ticket) as LeaveResponse).members.map(({ errorCode }) => errorName(errorCode))
  }

  rings(kind: 'join' | 'sync'): this {
    this.timers.delete(kind)
    return this.happens({ type: 'timeout', timer: { kind } })
  }

  /** A member's session ends. */
  silent(member: string): this {
    this.timers.delete(member)
    return this.happens({ type: 'timeout', timer: { kind: 'session', member } })
  }

  /** The oldest record that is on its way is on disk now. */
  stored(error: 'NOT_COORDINATOR' | null = null): this {
    const { purpose } = this.unstored.shift()!
    return this.happens({ type: 'stored', purpose, error })
  }

  joined(ticket: number): JoinResponse {
    return this.answers.get(ticket) as JoinResponse
  }

  synced(ticket: number): SyncResponse {
    return this.answers.get(ticket) as SyncResponse
  }

  waits(ticket: number): boolean {
    return !this.answers.has(ticket)
  }

  error(ticket: number): string {
    const answer = this.answers.get(ticket)
    return answer ? errorName(answer.errorCode) : 'no answer yet'
  }

  /** A stable group of these members; the first leads. */
  static stable(
    ids: readonly string[],
    changed: Partial<GroupConfig> = {},
    each: (id: string) => Parameters<Story['join']>[1] = () => ({}),
  ): Story {
    const story = new Story(changed)
    for (const id of ids) story.join('', { newId: id, ...each(id) })
    while (story.group.state === 'PreparingRebalance') story.rings('join')
    const leader = story.group.leader!
    story.sync(leader, { assignments: new Map(ids.map((id) => [id, Buffer.from(`for ${id}`)])) })
    story.stored()
    for (const id of ids) if (id !== leader) story.sync(id)
    return story
  }
}
