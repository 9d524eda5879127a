/**
 * One call of send(): one promise for all its records, and for each record a reference to its batch and the index there. Offsets are
 * computed when the caller reads them. It keeps no record that is in a batch: what lives until it is acknowledged outlives the collections
 * of new objects, which costs more than the record itself.
 */
import { KafkaError } from '../../errors.ts'
import type { ProducerRecord, RecordMetadata, SendFailure, SendResult } from '../types.ts'
import type { ProducerBatch } from './producer-batch.ts'
import type { RecordOwner } from './record-owner.ts'

const NO_RECORDS: readonly ProducerRecord[] = []

export class PendingSend implements SendResult, RecordOwner {
  /** None once each of them is in a batch, or has failed. */
  records: readonly ProducerRecord[]
  readonly count: number
  /** The timestamp of records that have none. */
  readonly now: number
  /** Whoever gives it wants nothing to be sent after a record that is refused. */
  readonly onRefused: ((error: Error) => void) | undefined
  readonly promise: Promise<SendResult>
  readonly #batches: ProducerBatch[]
  readonly #indexes: Int32Array
  /** Of `records`, which have the rest of what a result tells: one topic where all have the same. */
  #topics: string | readonly string[] = ''
  /** Null where no record has one of its own. */
  #timestamps: readonly number[] | null = null
  #unplaced: number
  #incomplete: number
  #failed = false
  #failures: ReadonlyMap<number, Error> | undefined
  #resolve!: (result: SendResult) => void
  #reject!: (error: Error) => void

  constructor(records: readonly ProducerRecord[], now: number, onRefused?: (error: Error) => void) {
    this.records = records
    this.count = records.length
    this.now = now
    this.onRefused = onRefused
    this.#unplaced = records.length
    this.#incomplete = records.length
    this.#batches = new Array(records.length)
    this.#indexes = new Int32Array(records.length)
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // The caller of send() has a promise of its own; this one must not count as unhandled.
    this.promise.catch(() => {})
    if (records.length === 0) this.#resolve(this)
  }

  /** Record `index` of the call is record `batchIndex` of `batch`. Called once for each record. */
  setBatch(index: number, batch: ProducerBatch, batchIndex: number): void {
    this.#batches[index] = batch
    this.#indexes[index] = batchIndex
    if (--this.#unplaced === 0) this.#releaseRecords()
  }

  #releaseRecords(): void {
    const { records, now } = this
    const { topic } = records[0]!
    this.#topics = records.every((record) => record.topic === topic) ? topic : records.map((record) => record.topic)
    if (records.some(({ timestamp }) => timestamp !== undefined)) this.#timestamps = records.map(({ timestamp }) => timestamp ?? now)
    this.records = NO_RECORDS
  }

  onRecordsCompleted(count: number, failed: boolean): void {
    this.#incomplete -= count
    if (failed) this.#failed = true
    if (this.#incomplete > 0) return
    if (!this.#failed) {
      this.#resolve(this)
      return
    }
    const first = this.failures!.values().next().value!
    const name = first instanceof KafkaError ? first.error : 'UNKNOWN_SERVER_ERROR'
    const error = Object.assign(new KafkaError(name, first.message, { cause: first }), { result: this as SendResult })
    this.#reject(error satisfies SendFailure)
  }

  at(index: number): RecordMetadata {
    const placed = this.#batches[index]
    if (!placed) throw new RangeError(`record ${index} of ${this.count}`)
    const { batch, index: batchIndex } = placed.find(this.#indexes[index]!)
    const { partition, baseOffset, logAppendTime } = batch
    return {
      topic: typeof this.#topics === 'string' ? this.#topics : this.#topics[index]!,
      partition,
      offset: baseOffset < 0 ? -1 : baseOffset + batchIndex,
      timestamp: logAppendTime >= 0 ? logAppendTime : (this.#timestamps?.[index] ?? this.now),
    }
  }

  get failures(): ReadonlyMap<number, Error> | null {
    if (!this.#failed) return null
    this.#failures ??= this.#findFailures()
    return this.#failures
  }

  #findFailures(): Map<number, Error> {
    const failures = new Map<number, Error>()
    for (let i = 0; i < this.count; i++) {
      const { error } = this.#batches[i]!.find(this.#indexes[i]!).batch
      if (error) failures.set(i, error)
    }
    return failures
  }
}
