/**
 * The logs of all partitions in the broker's log directories: opens, creates and deletes them; runs retention, checkpoints and producer
 * expiration on timers; owns the cleaner of the compacted ones.
 */
import { join } from 'node:path'
import { KafkaError } from '../errors.ts'
import { BufferPool } from '../system/buffer-pool.ts'
import type { Timer } from '../system/clock.ts'
import type { System } from '../system/index.ts'
import { Semaphore } from '../system/semaphore.ts'
import { partitionKey } from '../topic-partition.ts'
import { formatEpochs, parseEpochs } from './checkpoint.ts'
import { CheckpointFile } from './checkpoint-file.ts'
import type { CleanerSettings, CleanerStatus } from './cleaner/cleaner-settings.ts'
import { CleaningThread } from './cleaner/cleaning-thread.ts'
import { LogCleaner } from './cleaner/log-cleaner.ts'
import type { LoadedLog } from './loaded-log.ts'
import type { LogContext } from './log-context.ts'
import { LogDirectories } from './log-directories.ts'
import type { CheckpointedOffset, CheckpointName, LogDirectory } from './log-directory.ts'
import { createLog, EPOCHS_FILE, failedLog, loadLog, METADATA_FILE, topicIdOf } from './log-loader.ts'
import { NewPartitions, type PlacedPartition } from './new-partitions.ts'
import { OpenFiles } from './open-files.ts'
import { type LogCheckpoints, StoredPartitionLog } from './partition-log.ts'
import { TailCacheBudget } from './tail-cache.ts'
import type { FoundDirectory, LogConfig, Logs, LogsOptions, NewPartition, OpenLogOptions, PartitionLog } from './types.ts'
import { WriteScheduler } from './write-scheduler.ts'

/** Kafka's `replica.high.watermark.checkpoint.interval.ms`. */
const HIGH_WATERMARK_CHECKPOINT_MS = 5_000
/** Kafka's `producer.id.expiration.check.interval.ms`. */
const PRODUCER_EXPIRATION_CHECK_MS = 600_000

/** Of the buffers for reads from disk (Invariant 13). */
const MAX_IDLE_READ_BYTES = 16 * 1024 * 1024
/** The most partitions that are loaded at a time: each may scan its segments with a buffer of its own. */
const MAX_LOADING = 16

interface OpenLog {
  log: StoredPartitionLog
  directory: LogDirectory
}

export async function openLogs(options: LogsOptions, system: System): Promise<Logs> {
  const context: LogContext = {
    disk: system.disk,
    clock: system.clock,
    logger: system.logger.child({ component: 'log' }),
    files: new OpenFiles(system.disk),
    pool: new BufferPool(MAX_IDLE_READ_BYTES),
    tailCaches: new TailCacheBudget(),
    scheduler: new WriteScheduler(system.clock),
    flush: options.flush,
  }
  const logs = new StoredLogs(context, options, system)
  await logs.start()
  return logs
}

class StoredLogs implements Logs {
  brokerEpoch = -1
  producerIdExpirationMs: number
  readonly #context: LogContext
  readonly #options: LogsOptions
  readonly #directories: LogDirectories
  readonly #logs = new Map<string, OpenLog>()
  readonly #loading = new Semaphore(MAX_LOADING)
  readonly #opening = new Map<string, Promise<PartitionLog>>()
  readonly #new: NewPartitions<StoredPartitionLog>
  readonly #cleaner: LogCleaner
  #timers: Timer[] = []
  #closing: Promise<void> | null = null

  constructor(context: LogContext, options: LogsOptions, system: System) {
    this.#context = context
    this.#options = options
    this.producerIdExpirationMs = options.producerIdExpirationMs
    const { clock, random, logger } = system
    this.#directories = new LogDirectories({ disk: system.disk, logger: context.logger, random }, options)
    this.#new = new NewPartitions(clock, (partition) => this.#createLog(partition))
    const logs = this.#logs
    this.#cleaner = new LogCleaner(
      {
        clock,
        random,
        logger: logger.child({ component: 'log cleaner' }),
        newThread: () => new CleaningThread((ms) => clock.sleep(ms), context.scheduler.writes),
      },
      {
        *logs() {
          for (const [partition, { log }] of logs) yield [partition, log]
        },
        cleanedUpTo: (partition) => logs.get(partition)?.directory.checkpointed('cleaner', partition),
        setCleanedUpTo: async (partition, offset) => logs.get(partition)?.directory.setCleanedUpTo(partition, offset),
      },
    )
  }

  async start(): Promise<void> {
    const { clock } = this.#context
    await this.#directories.open((directory, name) => this.#offsetsOf(directory, name))
    const { retentionCheckIntervalMs, flushOffsetCheckpointIntervalMs, flushStartOffsetCheckpointIntervalMs } = this.#options
    const save = (name: CheckpointName) => () => this.#directories.save(name)
    this.#timers = [
      clock.every(retentionCheckIntervalMs, () => this.#applyRetention()),
      clock.every(flushOffsetCheckpointIntervalMs, save('recoveryPoint')),
      clock.every(flushStartOffsetCheckpointIntervalMs, save('logStart')),
      clock.every(HIGH_WATERMARK_CHECKPOINT_MS, save('highWatermark')),
      clock.every(PRODUCER_EXPIRATION_CHECK_MS, () => this.#expireProducers()),
    ]
  }

  get clusterId(): string {
    return this.#directories.clusterId
  }

  get(topic: string, partition: number): PartitionLog | undefined {
    const name = partitionKey({ topic, partition })
    return this.#logs.get(name)?.log ?? this.#new.take(name)
  }

  get cleaner(): CleanerStatus {
    return this.#cleaner.status
  }

  configureCleaner(settings: CleanerSettings): void {
    this.#cleaner.configure(settings)
  }

  *all(): Iterable<PartitionLog> {
    for (const { log } of this.#logs.values()) yield log
  }

  get directories(): readonly FoundDirectory[] {
    return this.#directories.data
  }

  get metadataDirectory(): FoundDirectory {
    return this.#directories.metadata
  }

  directoryOf(topic: string, partition: number): string | null {
    const name = partitionKey({ topic, partition })
    const directory = this.#logs.get(name)?.directory ?? this.#new.directoryOf(name) ?? this.#directories.unopened.get(name)
    return directory?.id ?? null
  }

  storedLeaderEpoch(topic: string, partition: number): number {
    const name = partitionKey({ topic, partition })
    const directory = this.#directories.unopened.get(name)
    const text = directory && this.#context.disk.readFile(join(directory.path, name, EPOCHS_FILE))?.toString('latin1')
    return parseEpochs(text ?? '')?.at(-1)?.epoch ?? -1
  }

  storedHighWatermark(topic: string, partition: number): number {
    const name = partitionKey({ topic, partition })
    return Math.max(0, ...this.#directories.all.map((directory) => directory.checkpointed('highWatermark', name) ?? 0))
  }

  get hasUnopened(): boolean {
    return this.#directories.unopened.size > 0
  }

  directoriesForNew(count: number): string[] {
    return this.#leastLoaded(count).map(({ id }) => id)
  }

  #leastLoaded(count: number): LogDirectory[] {
    const opened = () => [...this.#logs.values()].map(({ directory }) => directory)
    return this.#directories.leastLoaded(count, () => [...opened(), ...this.#new.directories()])
  }

  create(partitions: readonly NewPartition[]): void {
    for (const partition of partitions) this.#new.add({ ...partition, directory: this.#directories.byId(partition.directoryId)! })
  }

  /** Where the folder cannot be created, the log rejects appends. */
  #createLog(partition: PlacedPartition): StoredPartitionLog {
    const name = partitionKey(partition)
    const { directory, config } = partition
    const request = { ...partition, folder: join(directory.path, name), parent: directory.path, logStartOffset: 0 }
    const context = this.#context
    try {
      // The folder of a deleted topic of the same name, whose renaming failed.
      const owner = topicIdOf(context, request.folder, context.disk.names(request.folder))
      if (owner !== null && owner !== partition.topicId) this.#setAside(directory, name, owner)
      return this.#opened(context, directory, createLog(context, request), config)
    } catch (cause) {
      const message = `${request.folder} cannot be created: ${(cause as Error).message}`
      const failure = new KafkaError('KAFKA_STORAGE_ERROR', message, { cause })
      context.logger.error({ err: failure, partition: name }, 'the partition rejects appends until its folder can be created')
      return this.#newLog(context, directory, failedLog(context, request, failure), config)
    }
  }

  open(topic: string, topicId: string, partition: number, config: LogConfig, options: OpenLogOptions = {}): Promise<PartitionLog> {
    if (this.#closing !== null) return Promise.reject(new KafkaError('KAFKA_STORAGE_ERROR', 'the broker is shutting down'))
    const name = partitionKey({ topic, partition })
    const open = this.#logs.get(name)
    if (open?.log.topicId === topicId) return Promise.resolve(open.log)
    let opening = this.#opening.get(name)
    if (!opening) {
      const load = async () => {
        // The log of a deleted topic of the same name whose deletion failed.
        if (open) await this.#delete(name, open)
        return this.#load(topic, topicId, partition, config, options)
      }
      opening = this.#loading.run(load).finally(() => this.#opening.delete(name))
      this.#opening.set(name, opening)
    }
    return opening
  }

  configure(topic: string, partition: number, config: LogConfig): void {
    const name = partitionKey({ topic, partition })
    this.#logs.get(name)?.log.configure(config)
    this.#new.configure(name, config)
  }

  async remove(topic: string, partition: number): Promise<PartitionLog | undefined> {
    const name = partitionKey({ topic, partition })
    this.#new.delete(name)
    await this.#opening.get(name)
    const open = this.#logs.get(name)
    if (open) await this.#delete(name, open)
    return open?.log
  }

  renameStrays(): void {
    this.#directories.renameStrays()
  }

  close(): Promise<void> {
    this.#closing ??= this.#stop()
    return this.#closing
  }

  async #stop(): Promise<void> {
    for (const timer of this.#timers) timer.cancel()
    await this.#new.close()
    await this.#cleaner.close()
    await Promise.allSettled(this.#opening.values())
    const results = await Promise.allSettled([...this.#logs.values()].map(({ log }) => log.close(true)))
    const failures = results.filter((result) => result.status === 'rejected').map((result) => result.reason as Error)
    try {
      for (const directory of this.#directories.all) {
        await Promise.all([directory.save('recoveryPoint'), directory.save('highWatermark'), directory.save('logStart')])
        const unrecovered = !directory.wasClean && [...this.#directories.unopened.values()].includes(directory)
        const failed = [...this.#logs.values()].some((open) => open.directory === directory && open.log.hasFailed)
        // The clean shutdown file covers all partitions: if one has failed or was not recovered, the next start must recover.
        if (failures.length === 0 && !failed && !unrecovered) await directory.markClean(this.brokerEpoch)
      }
    } finally {
      this.#directories.release()
    }
    if (failures.length > 0)
      throw new Error(`${failures.length} partitions could not be closed: ${failures[0]!.message}`, { cause: failures[0] })
  }

  async #load(topic: string, topicId: string, partition: number, config: LogConfig, options: OpenLogOptions): Promise<PartitionLog> {
    const name = partitionKey({ topic, partition })
    const { onDamage = 'truncate' } = options
    const chosen = this.#directories.byId(options.directory)
    const directory = this.#directories.unopened.get(name) ?? chosen ?? this.#leastLoaded(1)[0]!
    const path = join(directory.path, name)
    const context: LogContext = options.alwaysDurable ? { ...this.#context, flush: 'commit' } : this.#context
    const found = context.disk.names(path)
    const owner = topicIdOf(context, path, found)
    const isStray = owner !== null && owner !== topicId
    if (isStray) {
      if (onDamage === 'refuse') {
        const file = join(path, METADATA_FILE)
        throw new Error(
          `${file} has topic id ${owner}, expected ${topicId} for ${name}: correct the file, or restore the folder from a copy`,
        )
      }
      this.#setAside(directory, name, owner)
    }
    const loaded = await loadLog(context, {
      topic,
      topicId,
      partition,
      folder: path,
      names: isStray ? null : found,
      isIdentified: owner === topicId,
      parent: directory.path,
      clean: directory.wasClean,
      recoveryPoint: directory.checkpointed('recoveryPoint', name) ?? 0,
      logStartOffset: directory.checkpointed('logStart', name) ?? 0,
      indexIntervalBytes: config.indexIntervalBytes,
      producersActiveSinceMs: context.clock.now() - this.producerIdExpirationMs,
      onDamage,
      // Also of a topic that was compacted before its policy changed.
      isCompacted: config.cleanupPolicy.includes('compact') || directory.checkpointed('cleaner', name) !== undefined,
    })
    const highWatermark = directory.checkpointed('highWatermark', name) ?? 0
    if (loaded.logEndOffset < highWatermark) {
      context.logger.error(
        { partition: name, logEndOffset: loaded.logEndOffset, highWatermark },
        'the log ends before the last high watermark: records that consumers may have read are lost',
      )
    }
    this.#directories.unopened.delete(name)
    return this.#opened(context, directory, loaded, config)
  }

  #opened(context: LogContext, directory: LogDirectory, loaded: LoadedLog, config: LogConfig): StoredPartitionLog {
    const log = this.#newLog(context, directory, loaded, config)
    this.#logs.set(partitionKey(loaded), { log, directory })
    return log
  }

  #newLog(context: LogContext, directory: LogDirectory, loaded: LoadedLog, config: LogConfig): StoredPartitionLog {
    let epochs: CheckpointFile | null = null
    const checkpoints: LogCheckpoints = {
      saveLogStarts: () => directory.save('logStart'),
      saveEpochs: () => {
        epochs ??= new CheckpointFile(context.disk, join(loaded.folder, EPOCHS_FILE), () => formatEpochs(log.epochs.entries))
        return epochs.save()
      },
      epochsWritten: () => epochs?.idle() ?? Promise.resolve(),
    }
    const log: StoredPartitionLog = new StoredPartitionLog(context, checkpoints, loaded, config)
    return log
  }

  #setAside(directory: LogDirectory, name: string, owner: string): void {
    const stray = this.#directories.setAside(directory, name)
    this.#context.logger.warn(
      { partition: name, topicId: owner, stray },
      'the folder of a partition belongs to a deleted topic of the same name: the folder is renamed',
    )
  }

  /** Closes a partition and renames its folder. If the rename fails, the next start finds a stray folder. */
  async #delete(name: string, { log, directory }: OpenLog): Promise<void> {
    const { clock, disk, logger } = this.#context
    this.#logs.delete(name)
    await this.#cleaner.abort(name)
    await log.close(false).catch((err: unknown) => logger.warn({ err, partition: name }, 'a deleted partition could not be closed'))
    directory.removeCheckpointed(name)
    this.#directories.save('cleaner')
    try {
      const deleted = this.#directories.markDeleted(directory, name)
      clock.after(log.config.fileDeleteDelayMs, () => this.#directories.unlink(deleted))
      await disk.syncFolder(directory.path)
    } catch (err) {
      logger.warn({ err, partition: name }, 'the folder of a deleted partition cannot be renamed; the next start renames it as stray')
    }
  }

  #offsetsOf(directory: LogDirectory, name: CheckpointName): CheckpointedOffset[] {
    const offsets = new Map<string, CheckpointedOffset>()
    for (const [key, offset] of directory.checkpointedEntries(name)) {
      const split = key.lastIndexOf('-')
      offsets.set(key, { topic: key.slice(0, split), partition: Number(key.slice(split + 1)), offset })
    }
    for (const [key, { log, directory: owner }] of this.#logs) {
      if (owner !== directory) continue
      const offset = name === 'recoveryPoint' ? log.recoveryPoint : name === 'highWatermark' ? log.highWatermark : log.logStartOffset
      if (name === 'cleaner' || (name === 'logStart' && offset === 0)) continue
      offsets.set(key, { topic: log.topic, partition: log.partition, offset })
    }
    return [...offsets.values()]
  }

  #applyRetention(): void {
    const now = this.#context.clock.now()
    for (const [partition, { log }] of this.#logs) {
      // Of a compacted log the cleaner applies retention, between two cleanings.
      if (log.config.cleanupPolicy.includes('compact')) continue
      try {
        log.applyRetention(now)
      } catch (err) {
        this.#context.logger.warn({ err, partition }, 'retention failed; the next check retries')
      }
    }
  }

  #expireProducers(): void {
    const cutoff = this.#context.clock.now() - this.producerIdExpirationMs
    for (const { log } of this.#logs.values()) log.expireProducers(cutoff)
  }
}
