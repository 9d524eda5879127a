/**
 * For tests of the coordinator: an offsets topic in memory, and a clock that the test advances.
 */
import { coordinatorPartition } from '../../../core/coordinator-partition.ts'
import {
  type AppendTransaction,
  type Caller,
  createGroupCoordinator,
  type GroupCoordinator,
  type GroupSettings,
  type GroupStore,
  type LoadedMarker,
  type LoadedRecord,
  type StoredRecord,
} from '../../../core/groups/index.ts'
import type { MarkerOfProducer } from '../../../core/log/types.ts'
import type { Clock } from '../../../core/system/clock.ts'
import { realSystem, type System } from '../../../core/system/index.ts'

export class MemoryStore implements GroupStore {
  readonly partitions = 3
  readonly log: StoredRecord[][] = [[], [], []]
  /** Name → id, partitions */
  readonly topics = new Map([
    ['t', { id: 'dG9waWMtdAAAAAAAAAAAAA', partitions: 4 }],
    ['u', { id: 'dG9waWMtdQAAAAAAAAAAAA', partitions: 1 }],
  ])
  prepared = 0
  failure: Error | null = null
  /** While set, appends reach the log and do not complete. */
  pendingAppends: (() => void)[] | null = null

  async prepare(): Promise<void> {
    this.prepared++
  }

  onDeleted(): void {}

  /** The producers of transactional records, and the markers, which are records without a meaning in `log`. */
  readonly #producers = new Map<StoredRecord, number>()
  readonly #markers = new Map<StoredRecord, MarkerOfProducer>()
  /** The verifications of transactional appends. */
  readonly verifications: unknown[] = []

  async append(partition: number, records: readonly StoredRecord[], transaction?: AppendTransaction): Promise<void> {
    if (transaction) {
      this.verifications.push(transaction.verification)
      for (const record of records) this.#producers.set(record, transaction.producerId)
    }
    await this.#append(partition, records)
  }

  async appendMarker(partition: number, marker: MarkerOfProducer): Promise<void> {
    const record = { key: Buffer.alloc(0), value: null, timestamp: 0 }
    this.#markers.set(record, marker)
    await this.#append(partition, [record])
  }

  async #append(partition: number, records: readonly StoredRecord[]): Promise<void> {
    if (this.failure) throw this.failure
    this.log[partition]!.push(...records)
    const { pendingAppends: held } = this
    if (held) await new Promise<void>((resolve) => held.push(resolve))
  }

  pauseAppends(): void {
    this.pendingAppends = []
  }

  completeAppends(): void {
    const { pendingAppends: held } = this
    this.pendingAppends = null
    for (const resolve of held ?? []) resolve()
  }

  async *load(partition: number): AsyncIterable<LoadedRecord | LoadedMarker> {
    for (const record of this.log[partition]!) {
      const marker = this.#markers.get(record)
      if (marker) yield { endOfProducer: marker.producerId, committed: marker.committed }
      else yield { ...record, producerId: this.#producers.get(record) ?? null }
    }
  }

  topicName(id: string): string | undefined {
    return [...this.topics].find(([, topic]) => topic.id === id)?.[0]
  }

  topicId(name: string): string | undefined {
    return this.topics.get(name)?.id
  }

  partitionExists(topic: string, partition: number): boolean {
    return partition >= 0 && partition < (this.topics.get(topic)?.partitions ?? 0)
  }

  recordsOf(group: string): StoredRecord[] {
    return this.log[coordinatorPartition(group, this.partitions)]!
  }
}

export class TestClock implements Clock {
  wall = 1_700_000_000_000
  #monotonic = 0
  readonly #tasks: { at: number; task: () => void; every?: number }[] = []

  now = () => this.wall
  monotonic = () => this.#monotonic
  soon = (task: () => void) => queueMicrotask(task)

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.after(delayMs, resolve)
      signal?.addEventListener('abort', () => {
        timer.cancel()
        resolve()
      })
    })
  }

  after(delayMs: number, task: () => void) {
    return this.#add({ at: this.#monotonic + delayMs, task })
  }

  every(periodMs: number, task: () => void) {
    return this.#add({ at: this.#monotonic + periodMs, task, every: periodMs })
  }

  #add(entry: { at: number; task: () => void; every?: number }) {
    this.#tasks.push(entry)
    return { cancel: () => void this.#tasks.splice(this.#tasks.indexOf(entry) >>> 0, 1) }
  }

  /** Advances the time and runs the timers that expire meanwhile. */
  async pass(ms: number): Promise<void> {
    const end = this.#monotonic + ms
    for (;;) {
      await settle()
      const next = this.#tasks.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.wall += next.at - this.#monotonic
      this.#monotonic = next.at
      if (next.every) next.at += next.every
      else this.#tasks.splice(this.#tasks.indexOf(next), 1)
      next.task()
    }
    this.wall += end - this.#monotonic
    this.#monotonic = end
    await settle()
  }
}

/** Runs all promises that are ready. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

export const settings: GroupSettings = {
  groupMinSessionTimeoutMs: 6000,
  groupMaxSessionTimeoutMs: 1_800_000,
  groupInitialRebalanceDelayMs: 0,
  groupMaxSize: 2_147_483_647,
  offsetMetadataMaxBytes: 4096,
  offsetsRetentionMs: 7 * 86_400_000,
  offsetsRetentionCheckIntervalMs: 600_000,
}

export interface TestCoordinator {
  groups: GroupCoordinator
  store: MemoryStore
  clock: TestClock
}

export async function openCoordinator(
  store = new MemoryStore(),
  clock = new TestClock(),
  changed: Partial<GroupSettings> = {},
): Promise<TestCoordinator> {
  const system: System = { ...realSystem('silent'), clock }
  return { groups: await createGroupCoordinator(store, { ...settings, ...changed }, system), store, clock }
}

export interface TestCaller extends Caller {
  disconnect(): void
}

export function caller(version: number, clientId = 'client'): TestCaller {
  const tasks = new Set<() => void>()
  const peer = {
    host: '/127.0.0.1',
    closed: false,
    onClose(task: () => void) {
      tasks.add(task)
      return () => void tasks.delete(task)
    },
  }
  return {
    version,
    clientId,
    peer,
    disconnect() {
      peer.closed = true
      for (const task of tasks) task()
    },
  }
}
