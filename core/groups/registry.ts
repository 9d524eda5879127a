/**
 * The groups in memory. Each partition of `__consumer_offsets` is loaded once, by the first request for it or in the background after the
 * start: a restart loses nothing that was acknowledged (Invariant 1).
 */
import { coordinatorPartition } from '../coordinator-partition.ts'
import { KafkaError } from '../errors.ts'
import type { System } from '../system/index.ts'
import { KeyedLoads } from '../system/keyed-loads.ts'
import { type Group, isUnused, newGroup } from './group.ts'
import { limits } from './limits.ts'
import { GroupOffsets, type PendingOffsetCommit } from './offsets.ts'
import { PendingTransactions } from './pending-transactions.ts'
import { type GroupRecord, readRecord } from './records.ts'
import type { GroupStore } from './types.ts'

/** Kafka's GroupMetadata: a group, its committed offsets, and the partition of `__consumer_offsets` that stores both. */
export interface RegisteredGroup {
  group: Group
  readonly offsets: GroupOffsets
  readonly partition: number
}

/** The commit of an offset in an ongoing transaction. */
export interface TransactionalCommit {
  readonly registered: RegisteredGroup
  readonly pending: PendingOffsetCommit
}

export class GroupRegistry {
  readonly #store: GroupStore
  readonly #system: System
  readonly #groups = new Map<string, RegisteredGroup>()
  readonly #loads = new KeyedLoads((partition, complete) => this.#readOrFail(partition, complete))
  /** The commits of ongoing transactions. */
  readonly transactions = new PendingTransactions<TransactionalCommit>()
  readonly #onLoaded: (registered: RegisteredGroup) => void

  constructor(store: GroupStore, system: System, onLoaded: (registered: RegisteredGroup) => void) {
    this.#store = store
    this.#system = system
    this.#onLoaded = onLoaded
  }

  get(id: string): RegisteredGroup | undefined {
    return this.#groups.get(id)
  }

  /** The groups of all loaded partitions. */
  all(): Iterable<RegisteredGroup> {
    return this.#groups.values()
  }

  /** Throws where the broker has too many groups. Invariant 13. */
  getOrCreate(id: string): RegisteredGroup {
    let registered = this.#groups.get(id)
    if (!registered) {
      if (this.#groups.size >= limits.groups)
        throw new KafkaError('COORDINATOR_NOT_AVAILABLE', `group ${id}: the broker has ${limits.groups} groups; delete some`)
      registered = this.#create(id)
      this.#groups.set(id, registered)
    }
    return registered
  }

  #create(id: string): RegisteredGroup {
    return {
      group: newGroup(id, this.#system.clock.now()),
      offsets: new GroupOffsets(),
      partition: coordinatorPartition(id, this.#store.partitions),
    }
  }

  remove(registered: RegisteredGroup): void {
    if (this.#groups.get(registered.group.id) === registered) this.#groups.delete(registered.group.id)
  }

  /** Removes a group without members and offsets. */
  removeIfUnused(registered: RegisteredGroup): void {
    if (isUnused(registered.group) && registered.offsets.isEmpty) this.remove(registered)
  }

  /** `__consumer_offsets` was deleted. */
  clear(): void {
    this.#groups.clear()
    this.transactions.clear()
    this.#loads.clear()
  }

  /** The partition of `__consumer_offsets` that stores the group. */
  partitionFor(id: string): number {
    return coordinatorPartition(id, this.#store.partitions)
  }

  isLoaded(id: string): boolean {
    return this.#loads.isLoaded(this.partitionFor(id))
  }

  /** Resolves when the partition of the group is loaded. Throws KafkaError. */
  ensureLoaded(id: string): Promise<void> {
    return this.#loads.load(this.partitionFor(id))
  }

  ensurePartitionLoaded(partition: number): Promise<void> {
    return this.#loads.load(partition)
  }

  async ensureAllLoaded(): Promise<void> {
    for (let partition = 0; partition < this.#store.partitions; partition++) await this.#loads.load(partition)
  }

  async #readOrFail(partition: number, complete: () => boolean): Promise<void> {
    try {
      await this.#read(partition, complete)
    } catch (error) {
      this.#system.logger.error(
        { err: error, partition },
        'a partition of __consumer_offsets cannot be read; the next request for its groups retries',
      )
      throw new KafkaError('COORDINATOR_NOT_AVAILABLE', `__consumer_offsets-${partition} cannot be read`, { cause: error })
    }
  }

  async #read(partition: number, complete: () => boolean): Promise<void> {
    const groups = new Map<string, RegisteredGroup>()
    const groupOf = (id: string): RegisteredGroup => {
      let registered = groups.get(id)
      if (!registered) groups.set(id, (registered = this.#create(id)))
      return registered
    }
    const transactions = new Map<number, TransactionalCommit[]>()
    const unknownVersions = new Set<number>()
    let unreadableCount = 0
    for await (const record of this.#store.load(partition)) {
      if ('endOfProducer' in record) {
        for (const { registered, pending } of transactions.get(record.endOfProducer) ?? [])
          registered.offsets.completeTransactional(pending, record.committed)
        transactions.delete(record.endOfProducer)
        continue
      }
      let parsed: GroupRecord
      try {
        parsed = readRecord(record)
      } catch (error) {
        // One malformed record must not make all other groups unavailable.
        if (unreadableCount++ === 0)
          this.#system.logger.error({ err: error, partition }, 'a record of __consumer_offsets cannot be read; it is ignored')
        continue
      }
      if (parsed.kind === 'commit') {
        const registered = groupOf(parsed.group)
        const { topic, partition: index, commit } = parsed
        if (record.producerId === null || commit === null) registered.offsets.restore(topic, index, commit)
        else {
          const pending = registered.offsets.prepareTransactional(topic, index, commit)
          const commits = transactions.get(record.producerId)
          if (commits) commits.push({ registered, pending })
          else transactions.set(record.producerId, [{ registered, pending }])
        }
      } else if (parsed.kind === 'group') groupOf(parsed.id).group = parsed.group ?? newGroup(parsed.id, this.#system.clock.now())
      else unknownVersions.add(parsed.keyVersion)
    }
    if (unknownVersions.size > 0)
      this.#system.logger.warn(
        { partition, keyVersions: [...unknownVersions] },
        '__consumer_offsets has records of a newer group protocol, which are ignored',
      )
    // What was read is no more.
    if (!complete()) throw new KafkaError('COORDINATOR_NOT_AVAILABLE', '__consumer_offsets was deleted')
    for (const [id, registered] of groups) {
      if (isUnused(registered.group) && registered.offsets.isEmpty) continue
      this.#groups.set(id, registered)
      this.#onLoaded(registered)
    }
    for (const [producerId, commits] of transactions) this.transactions.add(partition, producerId, commits)
  }
}
