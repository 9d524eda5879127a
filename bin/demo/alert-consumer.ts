/**
 * The consumer group of the demo: it reads the earthquakes of `us`, commits as it goes, and after the failover goes on with their mirror on
 * `central`. It remembers each record that it saw, so that what was skipped or read again can be told.
 */
import type { Client, Consumer } from '../../core/client/index.ts'
import type { Fields } from './data-set.ts'
import { GROUP } from './layout.ts'

const AT_ONCE = 10
/** How long it works on what it read, so that it is slower than the records come: then the region fails in the middle of its work. */
export const SLOW_WORK_MS = 50
const POLL_MS = 200

/** A cluster that is gone cannot be said goodbye to: how long that is tried. */
export const CLOSE_MS = 1500

export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}

export interface ConsumerWork {
  client: Client
  topic: string
  identity(fields: Fields): string
  workMs: number
  first?(): void
}

export class AlertConsumer {
  /** How often each record was seen, by identity. */
  readonly seen = new Map<string, number>()
  #consumer: Consumer | null = null
  #loop: Promise<void> | null = null
  #stop = new AbortController()
  /** Told when it has seen a record since `work` was called. */
  #onRecord: (() => void) | null = null
  #failure: Error | null = null

  get total(): number {
    let sum = 0
    for (const times of this.seen.values()) sum += times
    return sum
  }

  /** Throws what ended its work. */
  check(): void {
    if (this.#failure) throw this.#failure
  }

  /** Begins to read a topic; `first` is called at the first record from it. */
  work({ client, topic, identity, workMs, first }: ConsumerWork): void {
    this.#onRecord = first ?? null
    this.#stop = new AbortController()
    const consumer = client.consumer({
      groupId: GROUP,
      autoOffsetReset: 'earliest',
      maxPollRecords: AT_ONCE,
      allowAutoCreateTopics: false,
      sessionTimeoutMs: 6000,
      heartbeatIntervalMs: 1000,
    })
    consumer.subscribe([topic])
    this.#consumer = consumer
    const { signal } = this.#stop
    this.#loop = this.#read(consumer, identity, workMs, signal).catch((error: Error) => {
      // a cluster that was killed breaks the work off: that is the point of it
      if (!signal.aborted) this.#failure = error
    })
  }

  async #read(consumer: Consumer, identity: ConsumerWork['identity'], workMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const batches = await consumer.poll(POLL_MS, signal)
      if (signal.aborted) return
      for (const { records } of batches) {
        for (const { value } of records) {
          const id = identity(JSON.parse(value!.toString()) as Fields)
          this.seen.set(id, (this.seen.get(id) ?? 0) + 1)
        }
      }
      if (batches.length === 0) continue
      this.#onRecord?.()
      this.#onRecord = null
      await consumer.commit(batches.map(({ topic, partition, nextOffset }) => ({ topic, partition, offset: nextOffset })))
      if (workMs > 0) await new Promise((resolve) => setTimeout(resolve, workMs))
    }
  }

  /** Lets go at once, whether or not the cluster is there to be told. */
  async stop(): Promise<void> {
    this.#stop.abort()
    const [consumer, loop] = [this.#consumer, this.#loop]
    this.#consumer = null
    await within(CLOSE_MS, Promise.allSettled([consumer?.close(), loop]))
  }
}
