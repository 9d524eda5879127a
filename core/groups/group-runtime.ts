/**
 * Executes the decisions about groups: turns events into decisions, and effects into timers, records and responses. One decision at a time,
 * in the order of the events; records are appended in the same order.
 */
import type { ErrorName } from '../errors.ts'
import type { System } from '../system/index.ts'
import { decide } from './classic.ts'
import type { Effect, Group, GroupConfig, GroupEvent, GroupResponse, GroupTimer, RequestId, StorePurpose } from './group.ts'
import { KeyedTimers } from './keyed-timers.ts'
import type { OffsetsTopicWriter } from './offsets-topic-writer.ts'
import { groupMetadataRecord } from './records.ts'
import type { RegisteredGroup } from './registry.ts'

/** An event without its time, which the runtime adds. */
export type EventWithoutTime = GroupEvent extends infer E ? (E extends GroupEvent ? Omit<E, 'at'> : never) : never

const keyOf = (timer: GroupTimer): string => (timer.kind === 'session' ? `session ${timer.member}` : timer.kind)

export interface GroupRuntimeOptions {
  system: System
  config: GroupConfig
  writer: OffsetsTopicWriter
  errorOf(error: unknown): ErrorName
  onChanged(registered: RegisteredGroup): void
}

export class GroupRuntime {
  readonly #options: GroupRuntimeOptions
  readonly #timers = new WeakMap<RegisteredGroup, KeyedTimers<GroupTimer>>()
  /** Requests without a response, at most one per member: `limits.members` bounds them. Invariant 13. */
  readonly #pending = new Map<RequestId, (response: GroupResponse) => void>()
  #lastRequestId = 0

  constructor(options: GroupRuntimeOptions) {
    this.#options = options
  }

  nextRequestId(): RequestId {
    return ++this.#lastRequestId
  }

  isPending(requestId: RequestId): boolean {
    return this.#pending.has(requestId)
  }

  /** Applies the event of a request. Resolves with its response. */
  request<R extends GroupResponse>(registered: RegisteredGroup, requestId: RequestId, event: EventWithoutTime): Promise<R> {
    return new Promise<R>((resolve) => {
      this.#pending.set(requestId, resolve as (response: GroupResponse) => void)
      this.apply(registered, event)
    })
  }

  apply(registered: RegisteredGroup, event: EventWithoutTime): void {
    const { system, config, onChanged } = this.#options
    const { group, effects } = decide(registered.group, { ...event, at: system.clock.now() } as GroupEvent, config)
    registered.group = group
    for (const effect of effects) this.#execute(registered, effect)
    if (effects.length > 0) onChanged(registered)
  }

  /** Starts the sessions of the members of a loaded group: each has one session timeout to send a heartbeat. */
  startSessions(registered: RegisteredGroup): void {
    const timers = this.#timersOf(registered)
    for (const { id, sessionTimeoutMs } of registered.group.members.values())
      timers.restart({ kind: 'session', member: id }, sessionTimeoutMs)
  }

  cancelTimers(registered: RegisteredGroup): void {
    this.#timers.get(registered)?.clear()
  }

  #execute(registered: RegisteredGroup, effect: Effect): void {
    switch (effect.type) {
      case 'respond': {
        const resolve = this.#pending.get(effect.requestId)
        this.#pending.delete(effect.requestId)
        resolve?.(effect.response)
        return
      }
      case 'startTimer':
        this.#timersOf(registered).restart(effect.timer, effect.delayMs)
        return
      case 'cancelTimer':
        this.#timers.get(registered)?.cancel(effect.timer)
        return
      case 'store':
        void this.#store(registered, effect.image, effect.purpose)
        return
      case 'log': {
        const { id, generation } = registered.group
        this.#options.system.logger.info({ group: id, generation, reason: effect.reason }, effect.message)
      }
    }
  }

  #timersOf(registered: RegisteredGroup): KeyedTimers<GroupTimer> {
    let timers = this.#timers.get(registered)
    if (!timers) {
      timers = new KeyedTimers(this.#options.system.clock, keyOf, (timer) => this.apply(registered, { type: 'timeout', timer }))
      this.#timers.set(registered, timers)
    }
    return timers
  }

  async #store(registered: RegisteredGroup, image: Group, purpose: StorePurpose): Promise<void> {
    const { system, writer, errorOf } = this.#options
    let error: ErrorName | null = null
    try {
      await writer.append(registered.partition, [groupMetadataRecord(image)])
    } catch (thrown) {
      error = errorOf(thrown)
      system.logger.error(
        { err: thrown, group: image.id, purpose: purpose.kind },
        'the metadata of a group could not be written to __consumer_offsets; its members retry',
      )
    }
    this.apply(registered, { type: 'stored', purpose, error })
  }
}
