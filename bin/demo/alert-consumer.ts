/**
 * The consumer of the demo, alone in its group: it reads the earthquakes of `us` and commits as it goes, and after the failover it
 * continues with their mirror on `central`. It counts how often it has seen each record, so that skipped and repeated records are known.
 */
import type { Client, Consumer } from '../../core/client/index.ts'
import type { Clock } from '../../core/system/clock.ts'
import { within } from '../../core/system/within.ts'
import type { Fields } from './data-set.ts'
import { CLOSE_MS } from './environment.ts'
import { GROUP } from './layout.ts'

const MAX_POLL_RECORDS = 10
/** Processing time per batch on `us`: slower than the records arrive, so that the cluster fails while records are unread. */
export const SLOW_PROCESSING_MS = 50
const POLL_MS = 200

export interface ConsumerTask {
  client: Client
  topic: string
  identity(fields: Fields): string
  processingMs: number
  onFirstRecord?(): void
}

export class AlertConsumer {
  /** How often each record was seen, by identity. */
  readonly seen = new Map<string, number>()
  readonly #clock: Clock
  readonly #onFailure: (error: Error) => void
  #consumer: Consumer | null = null
  #loop: Promise<void> | null = null
  #stop = new AbortController()

  constructor(clock: Clock, onFailure: (error: Error) => void) {
    this.#clock = clock
    this.#onFailure = onFailure
  }

  get total(): number {
    let sum = 0
    for (const times of this.seen.values()) sum += times
    return sum
  }

  start(task: ConsumerTask): void {
    this.#stop = new AbortController()
    const consumer = task.client.consumer({
      groupId: GROUP,
      autoOffsetReset: 'earliest',
      maxPollRecords: MAX_POLL_RECORDS,
      allowAutoCreateTopics: false,
      sessionTimeoutMs: 6000,
      heartbeatIntervalMs: 1000,
    })
    consumer.subscribe([task.topic])
    this.#consumer = consumer
    const { signal } = this.#stop
    this.#loop = this.#read(consumer, task, signal).catch((error: Error) => {
      // After `stop` the cluster may be down.
      if (!signal.aborted) this.#onFailure(error)
    })
  }

  async #read(consumer: Consumer, { identity, processingMs, onFirstRecord }: ConsumerTask, signal: AbortSignal): Promise<void> {
    let isFirst = true
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
      if (isFirst) onFirstRecord?.()
      isFirst = false
      await consumer.commit(batches.map(({ topic, partition, nextOffset }) => ({ topic, partition, offset: nextOffset })))
      if (processingMs > 0) await this.#clock.sleep(processingMs, signal)
    }
  }

  /** Stops reading at once, and leaves the group if the cluster responds. */
  async stop(): Promise<void> {
    this.#stop.abort()
    const [consumer, loop] = [this.#consumer, this.#loop]
    this.#consumer = null
    await within(this.#clock, CLOSE_MS, Promise.allSettled([consumer?.close(), loop]))
  }
}
