/**
 * The groups in memory, and how they get there: each partition of `__consumer_offsets` is read once, when it is first asked for or in the
 * background after the start. Restart forgets nothing that was acknowledged (Invariant 1).
 */
import { KafkaError } from '../errors.ts'
import type { System } from '../system/index.ts'
import { type Group, isUnused, newGroup } from './group.ts'
import { limits } from './limits.ts'
import { GroupOffsets } from './offsets.ts'
import { type GroupRecord, readRecord } from './records.ts'
import type { GroupStore } from './types.ts'

/** One group: its membership, its offsets, and the partition that keeps both. */
export interface RegisteredGroup {
  group: Group
  readonly offsets: GroupOffsets
  readonly partition: number
}

/** Java's String.hashCode, made positive the way Kafka does it. */
export function partitionOf(group: string, partitions: number): number {
  let hash = 0
  for (let i = 0; i < group.length; i++) hash = (Math.imul(hash, 31) + group.charCodeAt(i)) | 0
  return (hash === -0x8000_0000 ? 0 : Math.abs(hash)) % partitions
}

export class GroupRegistry {
  readonly #store: GroupStore
  readonly #system: System
  readonly #groups = new Map<string, RegisteredGroup>()
  readonly #loads = new Map<number, Promise<void>>()
  readonly #onLoaded: (entry: RegisteredGroup) => void

  constructor(store: GroupStore, system: System, onLoaded: (entry: RegisteredGroup) => void) {
    this.#store = store
    this.#system = system
    this.#onLoaded = onLoaded
  }

  get(id: string): RegisteredGroup | undefined {
    return this.#groups.get(id)
  }

  /** Those of the partitions that are loaded. */
  all(): Iterable<RegisteredGroup> {
    return this.#groups.values()
  }

  /** Throws where there are too many already. Invariant 13. */
  getOrCreate(id: string): RegisteredGroup {
    let entry = this.#groups.get(id)
    if (!entry) {
      if (this.#groups.size >= limits.groups)
        throw new KafkaError('COORDINATOR_NOT_AVAILABLE', `group ${id}: the broker keeps ${limits.groups} groups already; delete some`)
      entry = this.#create(id)
      this.#groups.set(id, entry)
    }
    return entry
  }

  #create(id: string): RegisteredGroup {
    return {
      group: newGroup(id, this.#system.clock.now()),
      offsets: new GroupOffsets(),
      partition: partitionOf(id, this.#store.partitions),
    }
  }

  remove(entry: RegisteredGroup): void {
    if (this.#groups.get(entry.group.id) === entry) this.#groups.delete(entry.group.id)
  }

  /** Lets go of an entry that holds nothing. */
  removeIfUnused(entry: RegisteredGroup): void {
    if (isUnused(entry.group) && entry.offsets.isEmpty) this.remove(entry)
  }

  /** Resolves when the group's partition is in memory. Throws KafkaError. */
  ensureLoaded(id: string): Promise<void> {
    return this.#load(partitionOf(id, this.#store.partitions))
  }

  async ensureAllLoaded(): Promise<void> {
    for (let partition = 0; partition < this.#store.partitions; partition++) await this.#load(partition)
  }

  #load(partition: number): Promise<void> {
    let load = this.#loads.get(partition)
    if (!load) {
      load = this.#read(partition).catch((error: unknown) => {
        // The next request tries again.
        this.#loads.delete(partition)
        this.#system.logger.error({ err: error, partition }, 'a partition of __consumer_offsets cannot be read')
        throw new KafkaError('COORDINATOR_NOT_AVAILABLE', `__consumer_offsets-${partition} cannot be read`, { cause: error })
      })
      this.#loads.set(partition, load)
    }
    return load
  }

  async #read(partition: number): Promise<void> {
    const found = new Map<string, RegisteredGroup>()
    const entryOf = (id: string): RegisteredGroup => {
      let entry = found.get(id)
      if (!entry) found.set(id, (entry = this.#create(id)))
      return entry
    }
    const foreign = new Set<number>()
    let unreadable = 0
    for await (const record of this.#store.load(partition)) {
      let read: GroupRecord
      try {
        read = readRecord(record)
      } catch (error) {
        // One record that is not Kafka's must not keep all other groups from their work.
        if (unreadable++ === 0) this.#system.logger.error({ err: error, partition }, 'a record of __consumer_offsets cannot be read')
        continue
      }
      if (read.kind === 'commit') entryOf(read.group).offsets.restore(read.topic, read.partition, read.commit)
      else if (read.kind === 'group') entryOf(read.id).group = read.group ?? newGroup(read.id, this.#system.clock.now())
      else foreign.add(read.keyVersion)
    }
    if (foreign.size > 0)
      this.#system.logger.warn(
        { partition, keyVersions: [...foreign] },
        'records of a newer group protocol in __consumer_offsets: their groups are left alone',
      )
    for (const [id, entry] of found) {
      if (isUnused(entry.group) && entry.offsets.isEmpty) continue
      this.#groups.set(id, entry)
      this.#onLoaded(entry)
    }
  }
}
