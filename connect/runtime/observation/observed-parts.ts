/**
 * The parts of a task, observed: what goes through them is counted and timed, and traced where tracing is on. The parts themselves know
 * nothing of it. Each observation is one of a batch, a poll or a commit.
 */
import type { Consumer, Producer } from '../../../core/client/types.ts'
import type { Clock } from '../../../core/system/clock.ts'
import type { SinkRecord, SinkSide, SinkTask, SourceBatch, SourceSide } from '../../sdk/index.ts'
import type { SourceOffsets } from '../../storage/offset-backing-store.ts'
import type { Pipeline } from '../pipeline.ts'
import type { TaskMetrics } from './task-metrics.ts'
import type { TaskTracing } from './task-tracing.ts'

// biome-ignore lint/suspicious/noExplicitAny: the settings of a side are the connector's own
type Any = any

/** The object with some of its methods in another form. The others, and its state, stay its own. */
function replacing<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(methods, name)) return methods[name as keyof T]
      const value = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

export class ObservedParts {
  readonly #metrics: TaskMetrics
  readonly #tracing: TaskTracing | null
  readonly #clock: Clock

  constructor(metrics: TaskMetrics, tracing: TaskTracing | null, clock: Clock) {
    this.#metrics = metrics
    this.#tracing = tracing
    this.#clock = clock
  }

  /** Times `work`, also where it fails. */
  async #timed<T>(work: () => Promise<T>, done: (durationMs: number, result: T | undefined) => void): Promise<T> {
    const start = this.#clock.monotonic()
    let result: T | undefined
    try {
      result = await work()
      return result
    } finally {
      done(this.#clock.monotonic() - start, result)
    }
  }

  /** Records that Kafka has acknowledged, or that were delivered to the sink. */
  wrote(records: number): void {
    this.#metrics.wrote(records)
  }

  /** What is called with the records of each transaction that is committed. */
  transactions(): (records: number) => void {
    this.#metrics.hasTransactions()
    return (records) => this.#metrics.committedTransaction(records)
  }

  source(side: SourceSide<Any>): SourceSide<Any> {
    const read = (context: Parameters<SourceSide<Any>['read']>[0]) => this.#reading(side.read(context))
    return { ...side, read }
  }

  async *#reading(reading: AsyncGenerator<SourceBatch, void, void>): AsyncGenerator<SourceBatch, void, void> {
    try {
      for (;;) {
        const start = this.#clock.monotonic()
        const next = await reading.next()
        if (next.done) return
        const durationMs = this.#clock.monotonic() - start
        this.#metrics.polled(next.value.records.length, durationMs)
        this.#tracing?.polled(next.value.records, durationMs)
        yield next.value
      }
    } finally {
      await reading.return()
    }
  }

  producer<T extends Producer>(producer: T): T {
    const send: Producer['send'] = (records, options) => {
      const sent = producer.send(records, options)
      this.#metrics.changeActive(records.length)
      const settled = () => this.#metrics.changeActive(-records.length)
      sent.then(settled, settled)
      return this.#tracing ? this.#tracing.sending(records, sent) : sent
    }
    return replacing<Producer>(producer, { send }) as T
  }

  offsets(offsets: SourceOffsets): SourceOffsets {
    const put: SourceOffsets['put'] = (connector, positions) => this.#commit(() => offsets.put(connector, positions), positions.length)
    return replacing(offsets, { put })
  }

  #commit<T>(work: () => Promise<T>, count: number): Promise<T> {
    let succeeded = false
    const committing = async () => {
      const result = await work()
      succeeded = true
      return result
    }
    const traced = () => (this.#tracing ? this.#tracing.committing(count, committing) : committing())
    return this.#timed(traced, (durationMs) => this.#metrics.commitEnded(durationMs, succeeded))
  }

  consumer(consumer: Consumer): Consumer {
    this.#metrics.partitionCount = () => consumer.assignment.length
    const poll: Consumer['poll'] = async (timeoutMs, signal) => {
      const start = this.#clock.monotonic()
      const batches = await consumer.poll(timeoutMs, signal)
      this.#tracing?.consumed(batches, this.#clock.monotonic() - start)
      let count = 0
      for (const batch of batches) {
        count += batch.records.length
        this.#metrics.consumed(batch, batch.records[0]?.offset ?? batch.nextOffset, batch.nextOffset)
      }
      this.#metrics.polled(count, null)
      return batches
    }
    const commit: Consumer['commit'] = async (offsets) => {
      await this.#commit(() => consumer.commit(offsets), offsets.length)
      this.#metrics.committed(offsets)
    }
    const subscribe: Consumer['subscribe'] = (topics, listener = {}) =>
      consumer.subscribe(topics, {
        ...listener,
        revoked: async (partitions) => {
          await listener.revoked?.(partitions)
          this.#metrics.forget(partitions)
        },
        lost: async (partitions) => {
          await (listener.lost ?? listener.revoked)?.(partitions)
          this.#metrics.forget(partitions)
        },
      })
    return replacing(consumer, { poll, commit, subscribe })
  }

  sink(side: SinkSide<Any>): SinkSide<Any> {
    return { ...side, start: async (context) => this.#task(await side.start(context)) }
  }

  #task(task: SinkTask): SinkTask {
    const write = (records: readonly SinkRecord[]) => {
      const writing = () => task.write(records)
      const traced = () => (this.#tracing ? this.#tracing.putting(records, writing) : writing())
      return this.#timed(traced, (durationMs) => this.#metrics.put(durationMs))
    }
    const flush: SinkTask['flush'] = (offsets) => (this.#tracing ? this.#tracing.flushing(() => task.flush(offsets)) : task.flush(offsets))
    return replacing(task, { write, flush })
  }

  pipeline(pipeline: Pipeline): Pipeline {
    const tracing = this.#tracing
    if (!tracing) return pipeline
    return replacing(pipeline, {
      toKafka: (records, ...more) => tracing.converting(records.length, () => pipeline.toKafka(records, ...more)),
      toConnect: (batches, onFailure) =>
        tracing.converting(
          batches.reduce((count, batch) => count + batch.records.length, 0),
          () => pipeline.toConnect(batches, onFailure),
        ),
    })
  }
}
