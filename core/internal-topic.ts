/**
 * The log of a coordinator: an internal topic in Kafka's format, which is created when it is first needed. Appends of one partition keep
 * the order of the calls, and are durable when they resolve (Invariant 1). What the records mean is the coordinator's.
 */
import type { Cluster } from './cluster/types.ts'
import { invariant } from './errors.ts'
import type { Logs, PartitionLog, Verification } from './log/types.ts'
import type { BatchHeader } from './wire/batch-header.ts'
import { batches, type DecodedRecord, decodeRecords } from './wire/record-batch.ts'

/** A batch of this size or less is read at once; a larger one alone. */
const READ_BYTES = 1024 * 1024

export interface InternalTopicDeclaration {
  name: string
  /** Of the topic to be created. */
  partitions: number
  configs: Record<string, string>
}

export class InternalTopic {
  readonly name: string
  readonly #declaration: InternalTopicDeclaration
  readonly #cluster: Cluster
  readonly #logs: Logs
  #creation: Promise<void> | null = null

  constructor(declaration: InternalTopicDeclaration, cluster: Cluster, logs: Logs) {
    this.name = declaration.name
    this.#declaration = declaration
    this.#cluster = cluster
    this.#logs = logs
  }

  get exists(): boolean {
    return this.#cluster.topic(this.name) !== undefined
  }

  /** Also before the topic exists. */
  get partitions(): number {
    return this.#cluster.topic(this.name)?.partitions ?? this.#declaration.partitions
  }

  /** Creates the topic if it does not exist. Concurrent calls share one creation, so that appends keep their order. */
  async prepare(): Promise<void> {
    if (this.#creation === null && this.exists) return
    this.#creation ??= this.#createIfMissing().finally(() => {
      this.#creation = null
    })
    await this.#creation
  }

  async #createIfMissing(): Promise<void> {
    const { name, partitions, configs } = this.#declaration
    await this.#cluster.ensureTopic(name, partitions, configs)
  }

  /** The log of a partition, once the topic exists. */
  log(partition: number): PartitionLog | undefined {
    return this.#logs.get(this.name, partition)
  }

  /** Appends an encoded batch. Creates the topic if it does not exist. Rejects with KafkaError. */
  async append(partition: number, batch: Buffer, verification?: Verification): Promise<void> {
    if (this.#creation !== null || !this.exists) await this.prepare()
    const log = this.log(partition)
    invariant(log, `${this.name} has no partition ${partition}`)
    await log.append(batch, 'coordinator', verification).durable
  }

  /** All batches of a partition with their records, oldest first; none while the topic does not exist. */
  async *load(partition: number): AsyncIterable<{ header: BatchHeader; records: readonly DecodedRecord[] }> {
    const log = this.log(partition)
    if (!log) return
    let offset = log.logStartOffset
    while (offset < log.logEndOffset) {
      const result = await log.read(offset, READ_BYTES, true, 'end')
      const bytes = Buffer.concat(result.chunks)
      result.release()
      if (bytes.length === 0) return
      for (const batch of batches(bytes)) {
        yield { header: batch.header, records: decodeRecords(batch.bytes, { fromOffset: offset }) }
        offset = batch.header.lastOffset + 1
      }
    }
  }
}
