/**
 * What became of the records of one send(): one promise for all of them, and for each record only a reference to its batch and its place in
 * it. Offsets are worked out when somebody asks.
 */
import { KafkaError } from '../../errors.ts'
import type { ProducerRecord, SendFailure, SendResult, Sent } from '../types.ts'
import type { ProducerBatch } from './producer-batch.ts'

export class PendingSend implements SendResult {
  readonly records: readonly ProducerRecord[]
  /** The timestamp of records that bring none. */
  readonly now: number
  readonly promise: Promise<SendResult>
  readonly #batches: ProducerBatch[]
  readonly #places: Int32Array
  #undecided: number
  #failed = false
  #known: ReadonlyMap<number, Error> | null | undefined
  #resolve!: (result: SendResult) => void
  #reject!: (error: Error) => void

  constructor(records: readonly ProducerRecord[], now: number) {
    this.records = records
    this.now = now
    this.#undecided = records.length
    this.#batches = new Array(records.length)
    this.#places = new Int32Array(records.length)
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Whoever called send() hears of it through the promise made from this one.
    this.promise.catch(() => {})
    if (records.length === 0) this.#resolve(this)
  }

  get count(): number {
    return this.records.length
  }

  put(index: number, batch: ProducerBatch, place: number): void {
    this.#batches[index] = batch
    this.#places[index] = place
  }

  /** `count` of the records are decided. */
  settle(count: number, failed: boolean): void {
    this.#undecided -= count
    if (failed) this.#failed = true
    if (this.#undecided > 0) return
    if (!this.#failed) {
      this.#resolve(this)
      return
    }
    const first = this.failures!.values().next().value!
    const name = first instanceof KafkaError ? first.error : 'UNKNOWN_SERVER_ERROR'
    const error = Object.assign(new KafkaError(name, first.message, { cause: first }), { result: this as SendResult })
    this.#reject(error satisfies SendFailure)
  }

  at(index: number): Sent {
    const record = this.records[index]
    if (!record) throw new RangeError(`record ${index} of ${this.count}`)
    const { batch, place } = this.#batches[index]!.locate(this.#places[index]!)
    return {
      topic: record.topic,
      partition: batch.partition,
      offset: batch.baseOffset < 0 ? -1 : batch.baseOffset + place,
      timestamp: batch.logAppendTime >= 0 ? batch.logAppendTime : (record.timestamp ?? this.now),
    }
  }

  get failures(): ReadonlyMap<number, Error> | null {
    if (this.#known !== undefined) return this.#known
    if (!this.#failed) return null
    const failures = new Map<number, Error>()
    for (let i = 0; i < this.count; i++) {
      const { error } = this.#batches[i]!.locate(this.#places[i]!).batch
      if (error) failures.set(i, error)
    }
    this.#known = failures
    return failures
  }
}
