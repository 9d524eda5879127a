/**
 * The logs of all partitions in the broker's log directories: finds, opens, creates and deletes them; runs retention, checkpoints and
 * producer expiration on timers; owns the cleaner of the compacted ones.
 */
import { join, resolve } from 'node:path'
import { KafkaError } from '../errors.ts'
import type { Timer } from '../system/clock.ts'
import { createFolder } from '../system/disk.ts'
import type { System } from '../system/index.ts'
import { Semaphore } from '../system/semaphore.ts'
import { partitionKey } from '../topic-partition.ts'
import { BufferPool } from './buffer-pool.ts'
import { formatEpochs, parseEpochs } from './checkpoint.ts'
import { CheckpointFile } from './checkpoint-file.ts'
import type { CleanerSettings, CleanerStatus } from './cleaner/cleaner-settings.ts'
import { LogCleaner } from './cleaner/log-cleaner.ts'
import type { LogContext } from './log-context.ts'
import { type CheckpointedOffset, type CheckpointName, isPartitionFolder, LogDirectory } from './log-directory.ts'
import { EPOCHS_FILE, loadLog, METADATA_FILE, topicIdOf } from './log-loader.ts'
import { OpenFiles } from './open-files.ts'
import { type LogCheckpoints, StoredPartitionLog } from './partition-log.ts'
import { TailCacheBudget } from './tail-cache.ts'
import type { FoundDirectory, LogConfig, Logs, LogsOptions, OpenLogOptions, PartitionLog } from './types.ts'
import { WriteScheduler } from './write-scheduler.ts'

/** Kafka's `replica.high.watermark.checkpoint.interval.ms`. */
const HIGH_WATERMARK_CHECKPOINT_MS = 5_000
/** Kafka's `producer.id.expiration.check.interval.ms`. */
const PRODUCER_EXPIRATION_CHECK_MS = 600_000

const DELETED = '-delete'
const STRAY = '-stray'
/** The limit of most file systems for the name of a folder. */
const MAX_NAME_LENGTH = 255
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
    pool: new BufferPool(),
    tailCaches: new TailCacheBudget(),
    scheduler: new WriteScheduler(system.clock),
    flush: options.flush,
  }
  const logs = new StoredLogs(context, options, system)
  await logs.start()
  return logs
}

class StoredLogs implements Logs {
  clusterId = ''
  brokerEpoch = -1
  producerIdExpirationMs: number
  readonly #context: LogContext
  readonly #options: LogsOptions
  readonly #system: System
  /** `log.dirs`, and metadata.log.dir where it is none of them. */
  #directories: LogDirectory[] = []
  readonly #logs = new Map<string, OpenLog>()
  readonly #loading = new Semaphore(MAX_LOADING)
  readonly #opening = new Map<string, Promise<PartitionLog>>()
  /** By partition: the directories of those that were found at the start and are not open yet. */
  readonly #unopened = new Map<string, LogDirectory>()
  readonly #cleaner: LogCleaner
  #timers: Timer[] = []
  #closing: Promise<void> | null = null

  constructor(context: LogContext, options: LogsOptions, system: System) {
    this.#context = context
    this.#options = options
    this.producerIdExpirationMs = options.producerIdExpirationMs
    this.#system = system
    const { clock, random, logger } = system
    const logs = this.#logs
    this.#cleaner = new LogCleaner(
      { clock, random, logger: logger.child({ component: 'log cleaner' }) },
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
    const { disk, clock, logger } = this.#context
    try {
      for (const path of new Set([...this.#options.dirs, this.#metadataDir].map((path) => resolve(path)))) {
        await createFolder(disk, path)
        this.#directories.push(LogDirectory.open(disk, path, (directory, name) => this.#offsetsOf(directory, name)))
      }
      for (const file of this.#directories.flatMap(({ unreadableCheckpoints }) => unreadableCheckpoints))
        logger.warn({ file }, 'a checkpoint cannot be read and is ignored: records that DeleteRecords removed may reappear')
      // The clean shutdown file is unlinked. After a power loss it must not reappear: later writes may be incomplete.
      await Promise.all(this.#directories.filter(({ wasClean }) => wasClean).map(({ path }) => disk.syncFolder(path)))
      await this.#checkIdentity()
      for (const directory of this.#directories) this.#scan(directory)
      this.#checkDirectoryIds()
    } catch (error) {
      // Nothing has changed: what was clean is clean at the next attempt too.
      const clean = this.#directories.filter(({ wasClean }) => wasClean)
      await Promise.allSettled(clean.map((directory) => directory.markClean(-1)))
      for (const directory of this.#directories) directory.release()
      throw error
    }
    const { retentionCheckIntervalMs, flushOffsetCheckpointIntervalMs, flushStartOffsetCheckpointIntervalMs } = this.#options
    this.#timers = [
      clock.every(retentionCheckIntervalMs, () => this.#applyRetention()),
      clock.every(flushOffsetCheckpointIntervalMs, () => this.#save('recoveryPoint')),
      clock.every(flushStartOffsetCheckpointIntervalMs, () => this.#save('logStart')),
      clock.every(HIGH_WATERMARK_CHECKPOINT_MS, () => this.#save('highWatermark')),
      clock.every(PRODUCER_EXPIRATION_CHECK_MS, () => this.#expireProducers()),
    ]
  }

  get(topic: string, partition: number): PartitionLog | undefined {
    return this.#logs.get(partitionKey({ topic, partition }))?.log
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
    const paths = this.#options.dirs.map((path) => resolve(path))
    return this.#directories.filter(({ path }) => paths.includes(path))
  }

  get metadataDirectory(): FoundDirectory {
    return this.#directories.find(({ path }) => path === resolve(this.#metadataDir))!
  }

  get #metadataDir(): string {
    return this.#options.metadataDir ?? this.#options.dirs[0]!
  }

  directoryOf(topic: string, partition: number): string | null {
    const name = partitionKey({ topic, partition })
    return (this.#logs.get(name)?.directory ?? this.#unopened.get(name))?.id ?? null
  }

  storedLeaderEpoch(topic: string, partition: number): number {
    const name = partitionKey({ topic, partition })
    const directory = this.#unopened.get(name)
    const text = directory && this.#context.disk.readFile(join(directory.path, name, EPOCHS_FILE))?.toString('latin1')
    return parseEpochs(text ?? '')?.at(-1)?.epoch ?? -1
  }

  storedHighWatermark(topic: string, partition: number): number {
    const name = partitionKey({ topic, partition })
    return Math.max(0, ...this.#directories.map((directory) => directory.checkpointed('highWatermark', name) ?? 0))
  }

  get hasUnopened(): boolean {
    return this.#unopened.size > 0
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

  async remove(topic: string, partition: number): Promise<void> {
    const name = partitionKey({ topic, partition })
    await this.#opening.get(name)
    const open = this.#logs.get(name)
    if (open) await this.#delete(name, open)
  }

  renameStrays(): void {
    const { logger } = this.#context
    for (const [name, directory] of this.#unopened) {
      try {
        const stray = this.#renameFolder(directory, name, STRAY)
        logger.warn({ partition: name, stray }, 'the topic of a partition folder does not exist: the folder is renamed')
      } catch (err) {
        logger.warn({ err, partition: name }, 'the topic of a partition folder does not exist, and the folder cannot be renamed')
        continue
      }
      this.#unopened.delete(name)
      directory.removeCheckpointed(name)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#stop()
    return this.#closing
  }

  async #stop(): Promise<void> {
    for (const timer of this.#timers) timer.cancel()
    await this.#cleaner.close()
    await Promise.allSettled(this.#opening.values())
    const results = await Promise.allSettled([...this.#logs.values()].map(({ log }) => log.close(true)))
    const failures = results.filter((result) => result.status === 'rejected').map((result) => result.reason as Error)
    try {
      for (const directory of this.#directories) {
        await Promise.all([directory.save('recoveryPoint'), directory.save('highWatermark'), directory.save('logStart')])
        const unrecovered = !directory.wasClean && [...this.#unopened.values()].includes(directory)
        const failed = [...this.#logs.values()].some((open) => open.directory === directory && open.log.hasFailed)
        // The clean shutdown file covers all partitions: if one has failed or was not recovered, the next start must recover.
        if (failures.length === 0 && !failed && !unrecovered) await directory.markClean(this.brokerEpoch)
      }
    } finally {
      for (const directory of this.#directories) directory.release()
    }
    if (failures.length > 0)
      throw new Error(`${failures.length} partitions could not be closed: ${failures[0]!.message}`, { cause: failures[0] })
  }

  async #load(topic: string, topicId: string, partition: number, config: LogConfig, options: OpenLogOptions): Promise<PartitionLog> {
    const name = partitionKey({ topic, partition })
    const { onDamage = 'truncate' } = options
    const chosen = this.#directories.find(({ id }) => id === options.directory)
    const directory = this.#unopened.get(name) ?? chosen ?? this.#leastLoaded(1)[0]!
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
      const stray = this.#renameFolder(directory, name, STRAY)
      directory.removeCheckpointed(name)
      context.logger.warn(
        { partition: name, topicId: owner, expected: topicId, stray },
        'the folder of a partition belongs to a deleted topic of the same name: the folder is renamed',
      )
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
    let epochs: CheckpointFile | null = null
    const checkpoints: LogCheckpoints = {
      saveLogStarts: () => directory.save('logStart'),
      saveEpochs: () => {
        epochs ??= new CheckpointFile(context.disk, join(path, EPOCHS_FILE), () => formatEpochs(log.epochs.entries))
        return epochs.save()
      },
      epochsWritten: () => epochs?.idle() ?? Promise.resolve(),
    }
    const log = new StoredPartitionLog(context, checkpoints, loaded, config)
    this.#unopened.delete(name)
    this.#logs.set(name, { log, directory })
    return log
  }

  /** Closes a partition and renames its folder. If the rename fails, the next start finds a stray folder. */
  async #delete(name: string, { log, directory }: OpenLog): Promise<void> {
    const { clock, disk, logger } = this.#context
    this.#logs.delete(name)
    await this.#cleaner.abort(name)
    await log.close(false).catch((err: unknown) => logger.warn({ err, partition: name }, 'a deleted partition could not be closed'))
    directory.removeCheckpointed(name)
    this.#save('cleaner')
    try {
      const deleted = this.#renameFolder(directory, name, DELETED)
      clock.after(log.config.fileDeleteDelayMs, () => this.#unlink(deleted))
      await disk.syncFolder(directory.path)
    } catch (err) {
      logger.warn({ err, partition: name }, 'the folder of a deleted partition cannot be renamed; the next start renames it as stray')
    }
  }

  async #checkIdentity(): Promise<void> {
    const { nodeId } = this.#options
    const clusterIds = new Map<string, string>()
    for (const directory of this.#directories) {
      const id = directory.clusterIdFor(nodeId)
      if (id !== null) clusterIds.set(id, directory.path)
    }
    if (clusterIds.size > 1) {
      const list = [...clusterIds].map(([id, path]) => `${path} (${id})`).join(', ')
      throw new Error(`log.dirs has directories of different clusters: ${list}. Keep those of one cluster in log.dirs`)
    }
    if (clusterIds.size === 0) for (const directory of this.#directories) directory.assertUnused(nodeId)
    this.clusterId = clusterIds.keys().next().value ?? this.#system.random.uuid()
    const identity = { clusterId: this.clusterId, nodeId, newDirectoryId: () => this.#system.random.uuid() }
    await Promise.all(this.#directories.map((directory) => directory.writeIdentity(identity)))
  }

  #checkDirectoryIds(): void {
    for (const [index, { id, path }] of this.#directories.entries()) {
      const other = this.#directories.slice(0, index).find((directory) => directory.id === id)
      if (other)
        throw new Error(
          `${other.path} and ${path} have the same directory.id, ${id}, in meta.properties: remove that line of the one that is a copy`,
        )
    }
  }

  #scan(directory: LogDirectory): void {
    for (const { name, folder } of this.#context.disk.list(directory.path)) {
      if (!folder) continue
      const path = join(directory.path, name)
      if (name.endsWith(DELETED)) this.#unlink(path)
      else if (isPartitionFolder(name)) {
        const otherDirectory = this.#unopened.get(name)
        if (otherDirectory)
          throw new Error(`${name} is in two log directories, ${join(otherDirectory.path, name)} and ${path}: move one of the folders away`)
        this.#unopened.set(name, directory)
      }
    }
  }

  #unlink(path: string): void {
    this.#context.disk.removeFolder(path).catch((err: unknown) => {
      this.#context.logger.warn({ err, path }, 'the folder of a deleted partition could not be unlinked; the next start retries')
    })
  }

  /** Renames the folder of a partition to one that is not a partition's. Returns the new path. */
  #renameFolder(directory: LogDirectory, name: string, ending: string): string {
    const suffix = `.${this.#system.random.bytes(16).toString('hex')}${ending}`
    const path = join(directory.path, name.slice(0, MAX_NAME_LENGTH - suffix.length) + suffix)
    this.#context.disk.rename(join(directory.path, name), path)
    return path
  }

  directoriesForNew(count: number): string[] {
    return this.#leastLoaded(count).map(({ id }) => id)
  }

  /** For each of `count` new partitions the directory that has the fewest then. */
  #leastLoaded(count: number): LogDirectory[] {
    const counts = new Map((this.directories as LogDirectory[]).map((directory) => [directory, 0]))
    if (counts.size === 1) return new Array<LogDirectory>(count).fill([...counts.keys()][0]!)
    const add = (directory: LogDirectory) => counts.has(directory) && counts.set(directory, counts.get(directory)! + 1)
    for (const { directory } of this.#logs.values()) add(directory)
    for (const directory of this.#unopened.values()) add(directory)
    return Array.from({ length: count }, () => {
      const [least] = [...counts].reduce((best, next) => (next[1] < best[1] ? next : best))
      add(least)
      return least
    })
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

  #save(name: CheckpointName): void {
    const { logger } = this.#context
    for (const directory of this.#directories) {
      directory
        .save(name)
        .catch((err: unknown) =>
          logger.warn({ err, directory: directory.path, checkpoint: name }, 'a checkpoint could not be written; the next interval retries'),
        )
    }
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
