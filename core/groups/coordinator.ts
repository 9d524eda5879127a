/**
 * The group coordinator for the classic protocol: validates requests, loads the group, and gives the request to the part that handles it:
 * membership to the runtime, offsets to offset-commit.ts and offset-fetch.ts, deletion to GroupDeletion.
 */
import { CoordinatorLog } from '../coordinator-log.ts'
import { codeOf, type ErrorName, errorCode, KafkaError } from '../errors.ts'
import type { MarkerOfProducer } from '../log/types.ts'
import type { Timer } from '../system/clock.ts'
import type { System } from '../system/index.ts'
import { within } from '../system/within.ts'
import { describeGroups, listGroups } from './describe.ts'
import { joinError, syncError } from './draft.ts'
import { GroupDeletion } from './group-deletion.ts'
import { GroupRuntime } from './group-runtime.ts'
import { limits } from './limits.ts'
import { commitOffsets } from './offset-commit.ts'
import { fetchOffsets } from './offset-fetch.ts'
import { OffsetsTopicWriter } from './offsets-topic-writer.ts'
import { GroupRegistry, type RegisteredGroup } from './registry.ts'
import { commitTransactionalOffsets, endGroupTransaction } from './transactional-commit.ts'
import type {
  Caller,
  CommitRequest,
  CommitResponse,
  DeleteOffsetsRequest,
  DeleteOffsetsResponse,
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
  TransactionalCommitRequest,
  TransactionalCommitResponse,
  VerifyAppend,
} from './types.ts'

const MAX_PERIOD_MS = 2_147_483_647

export class Coordinator implements GroupCoordinator {
  readonly #store: GroupStore
  readonly #settings: GroupSettings
  readonly #system: System
  readonly #log: CoordinatorLog
  readonly #registry: GroupRegistry
  readonly #writer: OffsetsTopicWriter
  readonly #runtime: GroupRuntime
  readonly #deletion: GroupDeletion
  readonly #expirationCheck: Timer
  #isClosed = false

  constructor(store: GroupStore, settings: GroupSettings, system: System) {
    this.#store = store
    this.#settings = settings
    this.#system = system
    this.#log = new CoordinatorLog('__consumer_offsets', system.logger)
    this.#writer = new OffsetsTopicWriter(store, this.#log)
    this.#runtime = new GroupRuntime({
      system,
      config: {
        initialRebalanceDelayMs: settings.groupInitialRebalanceDelayMs,
        maxSize: Math.min(settings.groupMaxSize, limits.members),
        maxPending: limits.pendingMembers,
        newMemberJoinTimeoutMs: limits.newMemberJoinTimeoutMs,
      },
      writer: this.#writer,
      errorOf: (error) => this.#errorOf(error),
      onChanged: (registered) => this.#registry.removeIfUnused(registered),
    })
    this.#registry = new GroupRegistry(store, system, this.#log, (registered) => this.#runtime.startSessions(registered))
    store.onDeleted(() => this.#forgetAll())
    this.#deletion = new GroupDeletion(system, this.#registry, this.#runtime, this.#writer)
    const periodMs = Math.min(settings.offsetsRetentionCheckIntervalMs, MAX_PERIOD_MS)
    this.#expirationCheck = system.clock.every(periodMs, () => void this.#deletion.expireOffsets(settings.offsetsRetentionMs))
  }

  /** Loads all groups in the background: the sessions of their members start with the broker. */
  async load(): Promise<void> {
    try {
      await this.#registry.ensureAllLoaded()
    } catch (error) {
      // The registry has logged it, and the next request for that partition retries.
      if (!(error instanceof KafkaError)) throw error
    }
  }

  partitionFor(group: string): number {
    return this.#registry.partitionFor(group)
  }

  prepare(): Promise<void> {
    return this.#store.prepare()
  }

  async join(request: JoinRequest, caller: Caller): Promise<JoinResponse> {
    // Below v7 the name of the protocol cannot be null.
    const inVersion = (response: JoinResponse) =>
      caller.version < 7 ? { ...response, protocolName: response.protocolName ?? '' } : response
    const errorResponse = (error: ErrorName, memberId = request.memberId) => inVersion(joinError(error, memberId))
    const { groupMinSessionTimeoutMs, groupMaxSessionTimeoutMs } = this.#settings
    if (request.groupId === '') return errorResponse('INVALID_GROUP_ID')
    if (request.sessionTimeoutMs < groupMinSessionTimeoutMs || request.sessionTimeoutMs > groupMaxSessionTimeoutMs)
      return errorResponse('INVALID_SESSION_TIMEOUT')
    const sizeBytes = request.protocols.reduce((sum, { name, metadata }) => sum + name.length + metadata.length, 0)
    if (sizeBytes > limits.memberMetadataBytes) return errorResponse('INVALID_REQUEST')
    let registered: RegisteredGroup | undefined
    try {
      await this.#ensureLoaded(request.groupId)
      registered = request.memberId === '' ? this.#registry.getOrCreate(request.groupId) : this.#registry.get(request.groupId)
    } catch (error) {
      return errorResponse(this.#errorOf(error))
    }
    if (!registered) return errorResponse('UNKNOWN_MEMBER_ID')
    const group = registered
    const clientId = caller.clientId ?? ''
    const requestId = this.#runtime.nextRequestId()
    const response = this.#runtime.request<JoinResponse>(group, requestId, {
      type: 'join',
      requestId,
      memberId: request.memberId,
      newMemberId: `${request.groupInstanceId ?? clientId}-${this.#uuid()}`,
      instanceId: request.groupInstanceId,
      clientId,
      clientHost: caller.peer.host,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: caller.version === 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
      protocolType: request.protocolType,
      // A copy: the bytes of the request are part of a much larger frame.
      protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
      reason: request.reason,
      requiresKnownId: caller.version >= 4,
      canSkipAssignment: caller.version >= 9,
    })
    if (!this.#runtime.isPending(requestId)) return inVersion(await response)
    const unsubscribe = caller.peer.onClose(() => this.#runtime.apply(group, { type: 'disconnected', requestId }))
    const joined = await response
    unsubscribe()
    return inVersion(joined)
  }

  async sync(request: SyncRequest, _caller: Caller): Promise<SyncResponse> {
    if (request.groupId === '') return syncError('INVALID_GROUP_ID')
    try {
      await this.#ensureLoaded(request.groupId)
    } catch (error) {
      return syncError(this.#errorOf(error))
    }
    const registered = this.#registry.get(request.groupId)
    if (!registered) return syncError('UNKNOWN_MEMBER_ID')
    const requestId = this.#runtime.nextRequestId()
    return this.#runtime.request<SyncResponse>(registered, requestId, {
      type: 'sync',
      requestId,
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
    const registered = this.#registry.get(request.groupId)
    if (!registered) return { errorCode: errorCode('UNKNOWN_MEMBER_ID') }
    const requestId = this.#runtime.nextRequestId()
    return this.#runtime.request<HeartbeatResponse>(registered, requestId, {
      type: 'heartbeat',
      requestId,
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
    const registered = this.#registry.get(request.groupId)
    const requestId = this.#runtime.nextRequestId()
    const response = registered
      ? await this.#runtime.request<LeaveResponse>(registered, requestId, { type: 'leave', requestId, members })
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
      renewSession: (registered, memberId) => this.#runtime.apply(registered, { type: 'committed', memberId }),
    })
  }

  commitTransactional(request: TransactionalCommitRequest, verify: VerifyAppend): Promise<TransactionalCommitResponse> {
    return commitTransactionalOffsets(request, verify, {
      store: this.#store,
      writer: this.#writer,
      registry: this.#registry,
      metadataMaxBytes: this.#settings.offsetMetadataMaxBytes,
      now: this.#system.clock.now(),
      ensureLoaded: (group) => this.#ensureLoaded(group),
      errorOf: (error) => this.#errorOf(error),
    })
  }

  async endTransaction(partition: number, marker: MarkerOfProducer): Promise<void> {
    if (this.#isClosed) throw new KafkaError('COORDINATOR_NOT_AVAILABLE', 'the broker is shutting down')
    await endGroupTransaction(partition, marker, this.#registry, this.#writer)
  }

  fetch(request: FetchRequest, caller: Caller): Promise<FetchResponse> {
    return fetchOffsets(request, caller.version, this.#store, (group) => this.#lookUp(group))
  }

  describe(request: DescribeRequest, caller: Caller): Promise<DescribeResponse> {
    return describeGroups(request, caller.version, async (group) => {
      const result = await this.#lookUp(group)
      return result === null || typeof result === 'string' ? result : result.group
    })
  }

  async list(request: ListRequest, _caller: Caller): Promise<ListResponse> {
    try {
      await this.#inTime(this.#registry.ensureAllLoaded())
    } catch (error) {
      return { errorCode: errorCode(this.#errorOf(error)), groups: [] }
    }
    const groups = [...this.#registry.all()].map(({ group }) => group)
    return { errorCode: 0, groups: listGroups(request, groups) }
  }

  async delete(request: DeleteRequest, _caller: Caller): Promise<DeleteResponse> {
    const results = [...new Set(request.groupsNames)].map(async (groupId) => {
      let error: ErrorName
      try {
        await this.#ensureLoaded(groupId)
        error = await this.#deletion.deleteGroup(this.#registry.get(groupId))
      } catch (thrown) {
        error = this.#errorOf(thrown)
      }
      return { groupId, errorCode: errorCode(error) }
    })
    return { throttleTimeMs: 0, results: await Promise.all(results) }
  }

  async deleteOffsets({ groupId, topics }: DeleteOffsetsRequest, _caller: Caller): Promise<DeleteOffsetsResponse> {
    if (groupId === '') return { errorCode: errorCode('INVALID_GROUP_ID'), topics: [] }
    const registered = await this.#lookUp(groupId)
    if (typeof registered === 'string') return { errorCode: errorCode(registered), topics: [] }
    try {
      const outcomes = await this.#deletion.deleteOffsets(registered, topics)
      return { errorCode: 0, topics: outcomes.map(({ name, error }) => ({ name, errorCode: errorCode(error) })) }
    } catch (error) {
      return { errorCode: errorCode(this.#errorOf(error)), topics: [] }
    }
  }

  topicDeleted(topic: string): Promise<void> {
    return this.#deletion.deleteOffsetsOf(topic)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#expirationCheck.cancel()
    for (const registered of this.#registry.all()) {
      this.#runtime.apply(registered, { type: 'close' })
      this.#runtime.cancelTimers(registered)
    }
    await this.#log.idle()
  }

  /** The group, null where there is none, or the error. */
  async #lookUp(group: string): Promise<RegisteredGroup | null | ErrorName> {
    try {
      await this.#ensureLoaded(group)
      return this.#registry.get(group) ?? null
    } catch (error) {
      return this.#errorOf(error)
    }
  }

  /** The offsets topic was deleted, and with it all groups, as in Kafka. Their members find no coordinator, and join again. */
  #forgetAll(): void {
    const groups = [...this.#registry.all()]
    this.#registry.clear()
    for (const registered of groups) {
      this.#runtime.apply(registered, { type: 'close' })
      this.#runtime.cancelTimers(registered)
    }
  }

  /** Resolves when the group is in memory, if it exists. Throws KafkaError. */
  async #ensureLoaded(group: string): Promise<void> {
    if (this.#isClosed) throw new KafkaError('COORDINATOR_NOT_AVAILABLE', 'the broker is shutting down')
    if (!this.#registry.isLoaded(group)) await this.#inTime(this.#registry.ensureLoaded(group))
  }

  /** A request waits for a short load, as its client would only repeat it; after a while the client is told to. Throws KafkaError. */
  async #inTime(load: Promise<void>): Promise<void> {
    if (!(await within(this.#system.clock, limits.loadWaitMs, load)))
      throw new KafkaError('COORDINATOR_LOAD_IN_PROGRESS', 'the offsets topic is being read')
    await load
  }

  #errorOf(error: unknown): ErrorName {
    if (error instanceof KafkaError) return error.error
    this.#system.logger.error({ err: error, code: codeOf(error) }, 'a group request failed because of a bug; please report it')
    return 'UNKNOWN_SERVER_ERROR'
  }

  /** In the form of Java's UUID, as clients and tools show member ids. */
  #uuid(): string {
    const bytes = this.#system.random.bytes(16)
    bytes[6] = (bytes[6]! & 0x0f) | 0x40
    bytes[8] = (bytes[8]! & 0x3f) | 0x80
    return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  }
}
