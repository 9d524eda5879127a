/**
 * The active controller of a cluster of one node: one change of the metadata at a time. The records of a change are one batch of the
 * metadata log; they reach the image once they are durable (Invariant 1). Writes snapshots and deletes what they make superfluous.
 */
import { KafkaError } from '../errors.ts'
import type { BrokerSettings } from '../settings.ts'
import type { Timer } from '../system/clock.ts'
import type { System } from '../system/index.ts'
import { SerialQueue } from '../system/serial-queue.ts'
import type { RaftVoter } from '../wire/control-records.ts'
import type { NewMetadataRecord } from '../wire/metadata-records.ts'
import type { MetadataImage } from './image/metadata-image.ts'
import type { LoadedMetadata } from './metadata-loader.ts'
import { MAX_RECORDS_PER_BATCH, type MetadataLog } from './metadata-log.ts'
import type { MetadataReplay } from './metadata-replay.ts'
import { encodeSnapshotFile } from './snapshot-file.ts'
import { expiredSnapshots, type Snapshots } from './snapshots.ts'
import { type KraftVersion, quorumControls } from './voters.ts'

/** How often snapshots and their deletion are considered, as in Kafka. */
const SNAPSHOT_CHECK_MS = 60_000

export class Controller {
  #kraftVersion: KraftVersion
  #voter: RaftVoter
  readonly #settings: BrokerSettings
  readonly #system: System
  readonly #log: MetadataLog
  readonly #snapshots: Snapshots
  readonly #replay: MetadataReplay
  readonly #changes = new SerialQueue()
  #timer: Timer | null = null
  /** Bytes and time of the first record after the newest snapshot. */
  #bytesSinceSnapshot: number
  #firstRecordMs: number | null
  #isClosed = false

  constructor(loaded: LoadedMetadata, voter: RaftVoter, settings: BrokerSettings, system: System) {
    this.#kraftVersion = loaded.kraftVersion
    this.#voter = voter
    this.#settings = settings
    this.#system = system
    this.#log = loaded.log
    this.#snapshots = loaded.snapshots
    this.#replay = loaded.replay
    this.#bytesSinceSnapshot = loaded.bytesSinceSnapshot
    this.#firstRecordMs = loaded.bytesSinceSnapshot > 0 ? system.clock.now() : null
  }

  /** From now on snapshots are written and deleted by time too, until `close`. */
  start(): void {
    this.#timer = this.#system.clock.every(SNAPSHOT_CHECK_MS, () => this.#inBackground(() => this.#maintain()))
  }

  get kraftVersion(): KraftVersion {
    return this.#kraftVersion
  }

  /** The voter as the log names it; of a static quorum it has no directory. */
  get voter(): RaftVoter {
    return this.#voter
  }

  get image(): MetadataImage {
    return this.#replay.image
  }

  /** The offset of the newest record in the image. */
  get lastOffset(): number {
    return this.#log.endOffset - 1
  }

  get log(): Pick<MetadataLog, 'epoch' | 'endOffset' | 'highWatermark' | 'lastTimestamp'> {
    return this.#log
  }

  /** The offset of the next record, inside a change. */
  get nextOffset(): number {
    return this.#log.endOffset
  }

  get metadataVersion(): number {
    return this.image.metadataVersion
  }

  get hasOpenTransaction(): boolean {
    return this.#replay.transactionStartOffset >= 0
  }

  /** Runs `change` after all earlier ones. It looks at the image, writes records and applies them to the logs of partitions. */
  run<T>(change: () => Promise<T>): Promise<T> {
    return this.#changes.run(() => {
      if (this.#isClosed) throw new KafkaError('NOT_CONTROLLER', 'The controller is shutting down.')
      return change()
    })
  }

  /** Inside a change: writes `records` as one atomic batch, and applies them to the image once they are durable. */
  async write(records: readonly NewMetadataRecord[], metadataVersion = this.metadataVersion): Promise<void> {
    if (records.length === 0) return
    const { baseOffset, sizeBytes, records: written } = await this.#log.append(records, metadataVersion)
    for (const [index, record] of written.entries()) this.#replay.record(record, baseOffset + index)
    this.#firstRecordMs ??= this.#system.clock.now()
    this.#bytesSinceSnapshot += sizeBytes
    const maxBytes = this.#settings.values['metadata.log.max.record.bytes.between.snapshots']
    if (this.#bytesSinceSnapshot >= maxBytes) this.#inBackground(() => this.#snapshot())
  }

  /** Inside a change: the voters are those of the log from now on, this node with `directoryId` alone; kraft.version 0 becomes 1. */
  async upgradeQuorum(directoryId: string): Promise<void> {
    const voter = { ...this.#voter, voterDirectoryId: directoryId }
    await this.#log.appendControls(quorumControls(voter))
    this.#kraftVersion = 1
    this.#voter = voter
  }

  /** `write` for records that need not become visible together. */
  async writeEach(records: Iterable<NewMetadataRecord>): Promise<number> {
    let count = 0
    let batch: NewMetadataRecord[] = []
    for (const record of records) {
      batch.push(record)
      count++
      if (batch.length < MAX_RECORDS_PER_BATCH) continue
      await this.write(batch)
      batch = []
    }
    await this.write(batch)
    return count
  }

  /** Writes `lastRecords` after all changes in progress, and accepts none from then on. */
  async close(lastRecords: readonly NewMetadataRecord[]): Promise<void> {
    this.#timer?.cancel()
    await this.#changes.run(async () => {
      this.#isClosed = true
      try {
        await this.write(lastRecords)
      } catch (err) {
        if (!(err instanceof KafkaError)) throw err
        this.#system.logger.warn({ err }, 'the last metadata records could not be written: the next controller takes this for a crash')
      }
    })
  }

  /** After the changes in progress. A failure concerns no change: their records are in the log. */
  #inBackground(task: () => Promise<void>): void {
    this.#changes
      .run(async () => {
        if (!this.#isClosed) await task()
      })
      .catch((err: unknown) => this.#system.logger.warn({ err }, 'a metadata snapshot could not be written or deleted; the next one may'))
  }

  async #maintain(): Promise<void> {
    const { clock } = this.#system
    const intervalMs = this.#settings.values['metadata.log.max.snapshot.interval.ms']
    const isDue = intervalMs > 0 && this.#firstRecordMs !== null && clock.now() - this.#firstRecordMs >= intervalMs
    if (isDue) await this.#snapshot()
    else await this.#deleteOld()
  }

  async #snapshot(): Promise<void> {
    const id = { endOffset: this.#log.endOffset, epoch: this.#log.epoch }
    const bytes = encodeSnapshotFile({
      epoch: id.epoch,
      lastContainedLogTimestamp: this.#log.lastTimestamp,
      timestamp: this.#system.clock.now(),
      controls: this.kraftVersion === 0 ? [] : quorumControls(this.voter),
      records: this.image.toRecords(),
      metadataVersion: this.metadataVersion,
    })
    await this.#snapshots.write(id, bytes)
    this.#bytesSinceSnapshot = 0
    this.#firstRecordMs = null
    this.#system.logger.info({ snapshot: this.#snapshots.pathOf(id), bytes: bytes.length }, 'a metadata snapshot was written')
    await this.#deleteOld()
  }

  /** The log begins at the oldest snapshot that is kept. */
  async #deleteOld(): Promise<void> {
    const { values } = this.#settings
    const retention = { retentionBytes: values['metadata.max.retention.bytes'], retentionMs: values['metadata.max.retention.ms'] }
    const expired = expiredSnapshots(this.#snapshots.facts(), this.#log.sizeBytes, retention, this.#system.clock.now())
    if (expired === 0) return
    // The log first: a snapshot is needed as long as the log begins at its end.
    await this.#log.deleteBefore(this.#snapshots.ids[expired]!.endOffset)
    this.#snapshots.deleteOldest(expired)
  }
}
