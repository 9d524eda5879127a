/**
 * What surrounds the pure group: it turns requests into events, and effects into timers, records and answers. One decision at a time, in
 * the order in which events come; records go to the log in that same order.
 */
import { codeOf, type ErrorName, errorCode, KafkaError } from '../errors.ts'
import type { Timer } from '../system/clock.ts'
import type { System } from '../system/index.ts'
import { decide } from './classic.ts'
import { describeGroups, listGroups } from './describe.ts'
import { joinError, syncError } from './draft.ts'
import type { Effect, Group, GroupConfig, GroupEvent, GroupResponse, GroupTimer, RequestId, StorePurpose } from './group.ts'
import { KeyedTimers } from './keyed-timers.ts'
import { limits } from './limits.ts'
import { commitOffsets } from './offset-commit.ts'
import { fetchOffsets } from './offset-fetch.ts'
import { OffsetsTopicWriter } from './offsets-topic-writer.ts'
import { groupMetadataRecord, groupMetadataTombstone, offsetCommitTombstone } from './records.ts'
import { GroupRegistry, partitionOf, type RegisteredGroup } from './registry.ts'
import type {
  Caller,
  CommitRequest,
  CommitResponse,
  DeleteRequest,
  DeleteResponse,
  DescribeRequest,
  DescribeResponse,
  FetchRequest,
  FetchResponse,
  GroupCoordinator,
  GroupSettings,
  GroupStore,
  HeartbeatRequest,
  HeartbeatResponse,
  JoinRequest,
  JoinResponse,
  LeaveRequest,
  LeaveResponse,
  ListRequest,
  ListResponse,
  SyncRequest,
  SyncResponse,
} from './types.ts'

/** Without the moment, which `#apply` adds. */
type EventWithoutTime = GroupEvent extends infer E ? (E extends GroupEvent ? Omit<E, 'at'> : never) : never

const LONGEST_PERIOD_MS = 2_147_483_647
const nameOf = (timer: GroupTimer): string => (timer.kind === 'session' ? `session ${timer.member}` : timer.kind)

export class Coordinator implements GroupCoordinator {
  readonly #store: GroupStore
  readonly #settings: GroupSettings
  readonly #system: System
  readonly #config: GroupConfig
  readonly #registry: GroupRegistry
  readonly #writer: OffsetsTopicWriter
  readonly #timers = new WeakMap<RegisteredGroup, KeyedTimers<GroupTimer>>()
  /** One for each member that waits, so `limits.members` bounds them. Invariant 13. */
  readonly #pending = new Map<RequestId, (answer: GroupResponse) => void>()
  readonly #expiration: Timer
  #isExpiring = false
  #lastRequestId = 0
  #closed = false

  constructor(store: GroupStore, settings: GroupSettings, system: System) {
    this.#store = store
    this.#settings = settings
    this.#system = system
    this.#config = {
      initialRebalanceDelayMs: settings.groupInitialRebalanceDelayMs,
      maxSize: Math.min(settings.groupMaxSize, limits.members),
      maxPending: limits.pendingMembers,
      newMemberJoinTimeoutMs: limits.newMemberJoinTimeoutMs,
    }
    this.#writer = new OffsetsTopicWriter(store, system)
    this.#registry = new GroupRegistry(store, system, (entry) => this.#startSessions(entry))
    this.#expiration = system.clock.every(
      Math.min(settings.offsetsRetentionCheckIntervalMs, LONGEST_PERIOD_MS),
      () => void this.#expireOffsets(),
    )
  }

  /** Reads all groups in the background: their members' sessions run from the start on. */
  async load(): Promise<void> {
    try {
      await this.#registry.ensureAllLoaded()
    } catch (error) {
      // The registry has logged it, and the next request for that partition tries again.
      if (!(error instanceof KafkaError)) throw error
    }
  }

  partitionFor(group: string): number {
    return partitionOf(group, this.#store.partitions)
  }

  prepare(): Promise<void> {
    return this.#store.prepare()
  }

  async join(request: JoinRequest, caller: Caller): Promise<JoinResponse> {
    // Below v7 a protocol's name cannot be null.
    const shown = (response: JoinResponse) => (caller.version < 7 ? { ...response, protocolName: response.protocolName ?? '' } : response)
    const refuse = (error: ErrorName, memberId = request.memberId) => shown(joinError(error, memberId))
    const { groupMinSessionTimeoutMs, groupMaxSessionTimeoutMs } = this.#settings
    if (request.groupId === '') return refuse('INVALID_GROUP_ID')
    if (request.sessionTimeoutMs < groupMinSessionTimeoutMs || request.sessionTimeoutMs > groupMaxSessionTimeoutMs)
      return refuse('INVALID_SESSION_TIMEOUT')
    const sizeBytes = request.protocols.reduce((sum, { name, metadata }) => sum + name.length + metadata.length, 0)
    if (sizeBytes > limits.memberMetadataBytes) return refuse('INVALID_REQUEST')
    let entry: RegisteredGroup | undefined
    try {
      await this.#ensureLoaded(request.groupId)
      entry = request.memberId === '' ? this.#registry.getOrCreate(request.groupId) : this.#registry.get(request.groupId)
    } catch (error) {
      return refuse(this.#errorOf(error))
    }
    if (!entry) return refuse('UNKNOWN_MEMBER_ID')
    const clientId = caller.clientId ?? ''
    const ticket = this.#nextRequestId()
    const parked = this.#request<JoinResponse>(entry, ticket, {
      type: 'join',
      ticket,
      memberId: request.memberId,
      newMemberId: `${request.groupInstanceId ?? clientId}-${this.#uuid()}`,
      instanceId: request.groupInstanceId,
      clientId,
      clientHost: caller.peer.host,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: caller.version === 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
      protocolType: request.protocolType,
      // A copy: the request's bytes belong to a frame that is much larger.
      protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
      reason: request.reason,
      requiresKnownId: caller.version >= 4,
      canSkipAssignment: caller.version >= 9,
    })
    if (!this.#pending.has(ticket)) return shown(await parked)
    const forget = caller.peer.onClose(() => this.#apply(entry, { type: 'disconnected', ticket }))
    const response = await parked
    forget()
    return shown(response)
  }

  async sync(request: SyncRequest, caller: Caller): Promise<SyncResponse> {
    if (request.groupId === '') return syncError('INVALID_GROUP_ID')
    if (caller.version >= 5 && (request.protocolType === null || request.protocolName === null))
      return syncError('INCONSISTENT_GROUP_PROTOCOL')
    try {
      await this.#ensureLoaded(request.groupId)
    } catch (error) {
      return syncError(this.#errorOf(error))
    }
    const entry = this.#registry.get(request.groupId)
    if (!entry) return syncError('UNKNOWN_MEMBER_ID')
    const ticket = this.#nextRequestId()
    return this.#request<SyncResponse>(entry, ticket, {
      type: 'sync',
      ticket,
      memberId: request.memberId,
      instanceId: request.groupInstanceId,
      generation: request.generationId,
      protocolType: request.protocolType,
      protocol: request.protocolName,
      assignments: new Map(request.assignments.map(({ memberId, assignment }) => [memberId, Buffer.from(assignment)])),
    })
  }

  async heartbeat(request: HeartbeatRequest, _caller: Caller): Promise<HeartbeatResponse> {
    if (request.groupId === '') return { errorCode: errorCode('INVALID_GROUP_ID') }
    try {
      await this.#ensureLoaded(request.groupId)
    } catch (error) {
      return { errorCode: errorCode(this.#errorOf(error)) }
    }
    const entry = this.#registry.get(request.groupId)
    if (!entry) return { errorCode: errorCode('UNKNOWN_MEMBER_ID') }
    const ticket = this.#nextRequestId()
    return this.#request<HeartbeatResponse>(entry, ticket, {
      type: 'heartbeat',
      ticket,
      memberId: request.memberId,
      instanceId: request.groupInstanceId,
      generation: request.generationId,
    })
  }

  async leave(request: LeaveRequest, caller: Caller): Promise<LeaveResponse> {
    const single = caller.version <= 2
    const members = single ? [{ memberId: request.memberId, groupInstanceId: null, reason: null }] : request.members
    if (request.groupId === '') return { errorCode: errorCode('INVALID_GROUP_ID'), members: [] }
    try {
      await this.#ensureLoaded(request.groupId)
    } catch (error) {
      return { errorCode: errorCode(this.#errorOf(error)), members: [] }
    }
    const entry = this.#registry.get(request.groupId)
    const ticket = this.#nextRequestId()
    const response = entry
      ? await this.#request<LeaveResponse>(entry, ticket, { type: 'leave', ticket, members })
      : {
          errorCode: 0,
          members: members.map(({ memberId, groupInstanceId }) => ({
            memberId,
            groupInstanceId,
            errorCode: errorCode('UNKNOWN_MEMBER_ID'),
          })),
        }
    return single && response.errorCode === 0 ? { errorCode: response.members[0]!.errorCode, members: [] } : response
  }

  async commit(request: CommitRequest, caller: Caller): Promise<CommitResponse> {
    return commitOffsets(request, caller.version, {
      store: this.#store,
      writer: this.#writer,
      registry: this.#registry,
      metadataMaxBytes: this.#settings.offsetMetadataMaxBytes,
      now: this.#system.clock.now(),
      ensureLoaded: (group) => this.#ensureLoaded(group),
      errorOf: (error) => this.#errorOf(error),
      renewSession: (entry, memberId) => this.#apply(entry, { type: 'committed', memberId }),
    })
  }

  fetch(request: FetchRequest, caller: Caller): Promise<FetchResponse> {
    return fetchOffsets(request, caller.version, this.#store, async (group) => {
      try {
        await this.#ensureLoaded(group)
        return this.#registry.get(group) ?? null
      } catch (error) {
        return this.#errorOf(error)
      }
    })
  }

  async describe(request: DescribeRequest, caller: Caller): Promise<DescribeResponse> {
    return describeGroups(request, caller.version, async (group) => {
      try {
        await this.#ensureLoaded(group)
        return this.#registry.get(group)?.group ?? null
      } catch (error) {
        return this.#errorOf(error)
      }
    })
  }

  async list(request: ListRequest, _caller: Caller): Promise<ListResponse> {
    try {
      await this.#registry.ensureAllLoaded()
    } catch (error) {
      return { errorCode: errorCode(this.#errorOf(error)), groups: [] }
    }
    return {
      errorCode: 0,
      groups: listGroups(
        request,
        [...this.#registry.all()].map(({ group }) => group),
      ),
    }
  }

  async delete(request: DeleteRequest, _caller: Caller): Promise<DeleteResponse> {
    const results = [...new Set(request.groupsNames)].map(async (groupId) => {
      let error: ErrorName
      try {
        await this.#ensureLoaded(groupId)
        error = await this.#delete(this.#registry.get(groupId))
      } catch (thrown) {
        error = this.#errorOf(thrown)
      }
      return { groupId, errorCode: errorCode(error) }
    })
    return { throttleTimeMs: 0, results: await Promise.all(results) }
  }

  async #delete(entry: RegisteredGroup | undefined): Promise<ErrorName> {
    if (!entry || entry.group.state === 'Dead') return 'GROUP_ID_NOT_FOUND'
    if (entry.group.state !== 'Empty') return 'NON_EMPTY_GROUP'
    const before = entry.group
    this.#apply(entry, { type: 'close' })
    try {
      await this.#appendTombstones(entry, entry.offsets.keys(), true)
    } catch (error) {
      entry.group = before
      throw error
    }
    this.#registry.remove(entry)
    this.#timers.get(entry)?.clear()
    return 'NONE'
  }

  /** Writes tombstones for offsets, and for the group itself. */
  async #appendTombstones(entry: RegisteredGroup, keys: readonly { topic: string; partition: number }[], group: boolean): Promise<void> {
    const now = this.#system.clock.now()
    const { id } = entry.group
    const writes = keys.map(({ topic, partition }) => entry.offsets.prepareCommit(topic, partition, null))
    const records = keys.map(({ topic, partition }) => offsetCommitTombstone(id, topic, partition, now))
    if (group) records.push(groupMetadataTombstone(id, now))
    let stored = false
    try {
      await this.#writer.append(entry.partition, records)
      stored = true
    } finally {
      for (const write of writes) entry.offsets.completeCommit(write, stored)
    }
  }

  async topicDeleted(topic: string): Promise<void> {
    await this.#registry.ensureAllLoaded()
    const burials: Promise<void>[] = []
    for (const entry of this.#registry.all()) {
      const keys = entry.offsets.keys(topic)
      if (keys.length > 0) burials.push(this.#appendTombstones(entry, keys, false).then(() => this.#registry.removeIfUnused(entry)))
    }
    await Promise.all(burials)
  }

  async #expireOffsets(): Promise<void> {
    if (this.#isExpiring || this.#closed) return
    this.#isExpiring = true
    try {
      await this.#registry.ensureAllLoaded()
      const now = this.#system.clock.now()
      for (const entry of [...this.#registry.all()]) {
        if (this.#registry.get(entry.group.id) !== entry) continue
        const keys = entry.offsets.expired(entry.group, now, this.#settings.offsetsRetentionMs)
        if (keys.length > 0) await this.#appendTombstones(entry, keys, false)
        // Nobody is in it and nothing is left of it.
        if (entry.group.state === 'Empty' && entry.group.pendingJoinMembers.size === 0 && entry.offsets.isEmpty) await this.#delete(entry)
      }
    } catch (error) {
      this.#system.logger.error({ err: error }, 'offsets could not be expired; the next check tries again')
    } finally {
      this.#isExpiring = false
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#expiration.cancel()
    for (const entry of this.#registry.all()) {
      this.#apply(entry, { type: 'close' })
      this.#timers.get(entry)?.clear()
    }
    await this.#writer.idle()
  }

  /** Resolves when the group is in memory, if there is one. Throws KafkaError where that cannot be now. */
  async #ensureLoaded(group: string): Promise<void> {
    if (this.#closed) throw new KafkaError('COORDINATOR_NOT_AVAILABLE', 'the broker shuts down')
    await this.#registry.ensureLoaded(group)
  }

  #errorOf(error: unknown): ErrorName {
    if (error instanceof KafkaError) return error.error
    this.#system.logger.error({ err: error, code: codeOf(error) }, 'a group request failed: a bug, please report it')
    return 'UNKNOWN_SERVER_ERROR'
  }

  #nextRequestId(): RequestId {
    return ++this.#lastRequestId
  }

  /** As Java's UUID prints itself: clients and people know member ids in this form. */
  #uuid(): string {
    const bytes = this.#system.random.bytes(16)
    bytes[6] = (bytes[6]! & 0x0f) | 0x40
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  }

  #request<A extends GroupResponse>(entry: RegisteredGroup, ticket: RequestId, happening: EventWithoutTime): Promise<A> {
    return new Promise<A>((resolve) => {
      this.#pending.set(ticket, resolve as (answer: GroupResponse) => void)
      this.#apply(entry, happening)
    })
  }

  #apply(entry: RegisteredGroup, happening: EventWithoutTime): void {
    const event = { ...happening, at: this.#system.clock.now() } as GroupEvent
    const { group, effects } = decide(entry.group, event, this.#config)
    entry.group = group
    for (const effect of effects) this.#perform(entry, effect)
    if (effects.length > 0) this.#registry.removeIfUnused(entry)
  }

  #perform(entry: RegisteredGroup, effect: Effect): void {
    switch (effect.type) {
      case 'answer': {
        const resolve = this.#pending.get(effect.ticket)
        this.#pending.delete(effect.ticket)
        resolve?.(effect.answer)
        return
      }
      case 'timer':
        this.#timersOf(entry).restart(effect.timer, effect.delayMs)
        return
      case 'cancel':
        this.#timers.get(entry)?.cancel(effect.timer)
        return
      case 'store':
        void this.#storeGroup(entry, effect.image, effect.purpose)
        return
      case 'tell':
        this.#system.logger.info({ group: entry.group.id, generation: entry.group.generation, reason: effect.reason }, effect.message)
    }
  }

  #timersOf(entry: RegisteredGroup): KeyedTimers<GroupTimer> {
    let alarms = this.#timers.get(entry)
    if (!alarms) {
      alarms = new KeyedTimers(this.#system.clock, nameOf, (timer) => this.#apply(entry, { type: 'timeout', timer }))
      this.#timers.set(entry, alarms)
    }
    return alarms
  }

  async #storeGroup(entry: RegisteredGroup, image: Group, purpose: StorePurpose): Promise<void> {
    let error: ErrorName | null = null
    try {
      await this.#writer.append(entry.partition, [groupMetadataRecord(image)])
    } catch (thrown) {
      error = this.#errorOf(thrown)
      this.#system.logger.error({ err: thrown, group: image.id, purpose: purpose.kind }, 'a group could not be stored')
    }
    this.#apply(entry, { type: 'stored', purpose, error })
  }

  /** A group that was read at start: its members have one session to show that they live. */
  #startSessions(entry: RegisteredGroup): void {
    for (const member of entry.group.members.values())
      this.#perform(entry, { type: 'timer', timer: { kind: 'session', member: member.id }, delayMs: member.sessionTimeoutMs })
  }
}
