/**
 * The groups in memory. Each partition of `__consumer_offsets` is loaded once, by the first request for it or in the background after the
 * start: a restart loses nothing that was acknowledged (Invariant 1).
 */

import type { CoordinatorLog } from '../coordinator-log.ts'
import { coordinatorPartition } from '../coordinator-partition.ts'
import { KafkaError } from '../errors.ts'
import type { System } from '../system/index.ts'
import { KeyedLoads } from '../system/keyed-loads.ts'
import { type Group, isUnused, newGroup } from './group.ts'
import { limits } from './limits.ts'
import { GroupOffsets, type PendingOffsetCommit } from './offsets.ts'
import { PendingTransactions } from './pending-transactions.ts'
import { readRecord } from './records.ts'
import type { GroupStore, LoadedMarker, LoadedRecord } from './types.ts'

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
  readonly #loads = new KeyedLoads((partition, complete) => this.#log.load(partition, () => this.#read(partition, complete)))
  /** The commits of ongoing transactions. */
  readonly transactions = new PendingTransactions<TransactionalCommit>()
  readonly #log: CoordinatorLog
  readonly #onLoaded: (registered: RegisteredGroup) => void

  constructor(store: GroupStore, system: System, log: CoordinatorLog, onLoaded: (registered: RegisteredGroup) => void) {
    this.#store = store
    this.#system = system
    this.#log = log
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

  async #read(partition: number, complete: () => boolean): Promise<void> {
    const groups = new Map<string, RegisteredGroup>()
    const groupOf = (id: string): RegisteredGroup => {
      let registered = groups.get(id)
      if (!registered) groups.set(id, (registered = this.#create(id)))
      return registered
    }
    const transactions = new Map<number, TransactionalCommit[]>()
    for await (const loaded of this.#log.read(partition, this.#store.load(partition), parse)) {
      if (loaded.kind === 'marker') {
        for (const { registered, pending } of transactions.get(loaded.endOfProducer) ?? [])
          registered.offsets.completeTransactional(pending, loaded.committed)
        transactions.delete(loaded.endOfProducer)
      } else if (loaded.kind === 'group') groupOf(loaded.id).group = loaded.group ?? newGroup(loaded.id, this.#system.clock.now())
      else {
        const registered = groupOf(loaded.group)
        const { topic, partition: index, commit, producerId } = loaded
        if (producerId === null || commit === null) registered.offsets.restore(topic, index, commit)
        else {
          const pending = registered.offsets.prepareTransactional(topic, index, commit)
          const commits = transactions.get(producerId)
          if (commits) commits.push({ registered, pending })
          else transactions.set(producerId, [{ registered, pending }])
        }
      }
    }
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

/** What a record means, or the marker of a transaction. */
function parse(loaded: LoadedRecord | LoadedMarker) {
  if ('endOfProducer' in loaded) return { kind: 'marker' as const, ...loaded }
  return { ...readRecord(loaded), producerId: loaded.producerId }
}
