/**
 * All partitions of this broker's folders: finds, opens, makes and removes them, and does on timers what no request waits for: retention, checkpoints, forgetting
 * of silent producers. Composition; what a partition promises is its own.
 */
import { join, resolve } from 'node:path'
import { KafkaError } from '../errors.ts'
import type { Timer } from '../system/clock.ts'
import type { System } from '../system/index.ts'
import { Semaphore } from '../system/semaphore.ts'
import { BufferPool } from './buffer-pool.ts'
import { folderName, formatEpochs } from './checkpoint.ts'
import type { LogContext } from './log-context.ts'
import { type CheckpointedOffset, isPartitionFolder, LogFolder, ReplacedFile } from './log-directory.ts'
import { EPOCHS_FILE, loadLog, METADATA_FILE, topicIdOf } from './log-loader.ts'
import { OpenFiles } from './open-files.ts'
import { type PartitionHome, StoredPartitionLog } from './partition-log.ts'
import { TailBudget } from './tail-cache.ts'
import type { LogConfig, Logs, LogsOptions, OnDamage, PartitionLog } from './types.ts'
import { WriteScheduler } from './write-scheduler.ts'

/** Kafka's `replica.high.watermark.checkpoint.interval.ms`. */
const HIGH_WATERMARK_CHECKPOINT_MS = 5_000
/** Kafka's `producer.id.expiration.check.interval.ms`. */
const PRODUCER_EXPIRATION_CHECK_MS = 600_000

const DELETED = '-delete'
const STRAY = '-stray'
/** Partitions that are opened at the same time: each may read through its segments with a buffer of its own. */
const MAX_LOADING = 16

interface Placed {
  log: StoredPartitionLog
  folder: LogFolder
}

export async function openLogs(options: LogsOptions, system: System): Promise<Logs> {
  const context: LogContext = {
    disk: system.disk,
    clock: system.clock,
    logger: system.logger.child({ room: 'log' }),
    files: new OpenFiles(system.disk),
    pool: new BufferPool(),
    tails: new TailBudget(),
    scheduler: new WriteScheduler(system.clock),
    flush: options.flush,
  }
  const logs = new StoredLogs(context, options, system)
  await logs.start()
  return logs
}

class StoredLogs implements Logs {
  clusterId = ''
  producerIdExpirationMs: number
  readonly #context: LogContext
  readonly #options: LogsOptions
  readonly #system: System
  #folders: LogFolder[] = []
  readonly #logs = new Map<string, Placed>()
  readonly #loading = new Semaphore(MAX_LOADING)
  readonly #opening = new Map<string, Promise<PartitionLog>>()
  /** Folders of partitions found at the start that nobody has opened yet. */
  readonly #found = new Map<string, LogFolder>()
  #timers: Timer[] = []
  #closing: Promise<void> | null = null

  constructor(context: LogContext, options: LogsOptions, system: System) {
    this.#context = context
    this.#options = options
    this.producerIdExpirationMs = options.producerIdExpirationMs
    this.#system = system
  }

  async start(): Promise<void> {
    const { disk, clock, logger } = this.#context
    try {
      for (const path of this.#options.dirs)
        this.#folders.push(LogFolder.open(disk, resolve(path), (folder, name) => this.#offsetsOf(folder, name)))
      for (const file of this.#folders.flatMap(({ damaged }) => damaged))
        logger.warn(
          { file },
          'a checkpoint cannot be read: its partitions stand as their own files tell, records that were deleted may be there again',
        )
      // a mark that came back with the power would vouch for what is written from here on
      await Promise.all(this.#folders.filter(({ wasClean }) => wasClean).map(({ path }) => disk.syncFolder(path)))
      await this.#identify()
      for (const folder of this.#folders) this.#scan(folder)
    } catch (error) {
      for (const folder of this.#folders) folder.release()
      throw error
    }
    const { retentionCheckIntervalMs, flushOffsetCheckpointIntervalMs, flushStartOffsetCheckpointIntervalMs } = this.#options
    this.#timers = [
      clock.every(retentionCheckIntervalMs, () => this.#retain()),
      clock.every(flushOffsetCheckpointIntervalMs, () => this.#save('recoveryPoint')),
      clock.every(flushStartOffsetCheckpointIntervalMs, () => this.#save('logStart')),
      clock.every(HIGH_WATERMARK_CHECKPOINT_MS, () => this.#save('highWatermark')),
      clock.every(PRODUCER_EXPIRATION_CHECK_MS, () => this.#expireProducers()),
    ]
  }

  get(topic: string, partition: number): PartitionLog | undefined {
    return this.#logs.get(folderName(topic, partition))?.log
  }

  *all(): Iterable<PartitionLog> {
    for (const { log } of this.#logs.values()) yield log
  }

  open(topic: string, topicId: string, partition: number, config: LogConfig, damage: OnDamage = 'cut'): Promise<PartitionLog> {
    if (this.#closing !== null)
      return Promise.reject(new KafkaError('KAFKA_STORAGE_ERROR', 'the broker is stopping: no partition is opened any more'))
    const name = folderName(topic, partition)
    const open = this.#logs.get(name)
    if (open?.log.topicId === topicId) return Promise.resolve(open.log)
    let opening = this.#opening.get(name)
    if (!opening) {
      const load = async () => {
        // of a topic that went and could not be let go of: never another topic's
        if (open) await this.#discard(name, open)
        return this.#load(topic, topicId, partition, config, damage)
      }
      opening = this.#loading.run(load).finally(() => this.#opening.delete(name))
      this.#opening.set(name, opening)
    }
    return opening
  }

  async remove(topic: string, partition: number): Promise<void> {
    const name = folderName(topic, partition)
    await this.#opening.get(name)
    const placed = this.#logs.get(name)
    if (placed) await this.#discard(name, placed)
  }

  dropStrays(): void {
    const { logger } = this.#context
    for (const [name, folder] of this.#found) {
      try {
        const stray = this.#setAside(folder, name, STRAY)
        logger.warn({ partition: name, stray }, 'a folder belongs to no topic that is there: set aside')
      } catch (err) {
        logger.warn({ err, partition: name }, 'a folder that belongs to no topic could not be set aside')
        continue
      }
      this.#found.delete(name)
      folder.forget(name)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#stop()
    return this.#closing
  }

  async #stop(): Promise<void> {
    for (const timer of this.#timers) timer.cancel()
    await Promise.allSettled(this.#opening.values())
    const results = await Promise.allSettled([...this.#logs.values()].map(({ log }) => log.close(true)))
    const failures = results.filter((result) => result.status === 'rejected').map((result) => result.reason as Error)
    try {
      for (const folder of this.#folders) {
        await Promise.all([folder.save('recoveryPoint'), folder.save('highWatermark'), folder.save('logStart')])
        const unread = !folder.wasClean && [...this.#found.values()].includes(folder)
        const failed = [...this.#logs.values()].some((placed) => placed.folder === folder && placed.log.hasFailed)
        // The mark vouches for every file: one failed partition, or one that a crash left and nobody read, and the next start recovers.
        if (failures.length === 0 && !failed && !unread) await folder.markClean()
      }
    } finally {
      for (const folder of this.#folders) folder.release()
    }
    if (failures.length > 0)
      throw new Error(`${failures.length} partitions could not be closed: ${failures[0]!.message}`, { cause: failures[0] })
  }

  async #load(topic: string, topicId: string, partition: number, config: LogConfig, damage: OnDamage): Promise<PartitionLog> {
    const name = folderName(topic, partition)
    const folder = this.#found.get(name) ?? this.#roomiest()
    const path = join(folder.path, name)
    const owner = topicIdOf(this.#context, path)
    if (owner !== null && owner !== topicId) {
      if (damage === 'refuse') {
        const file = join(path, METADATA_FILE)
        throw new Error(
          `${file} names topic id ${owner}, which ${name} never has: put ${topicId} there, or a copy of the folder in its place`,
        )
      }
      const stray = this.#setAside(folder, name, STRAY)
      folder.forget(name)
      this.#context.logger.warn(
        { partition: name, topicId: owner, expected: topicId, stray },
        'a folder belonged to a deleted topic of the same name: set aside',
      )
    }
    const loaded = await loadLog(this.#context, {
      topic,
      topicId,
      partition,
      folder: path,
      parent: folder.path,
      clean: folder.wasClean,
      recoveryPoint: folder.checkpointed('recoveryPoint', name) ?? 0,
      logStartOffset: folder.checkpointed('logStart', name) ?? 0,
      indexIntervalBytes: config.indexIntervalBytes,
      repeatsSinceMs: this.#context.clock.now() - this.producerIdExpirationMs,
      damage,
      isCompacted: config.cleanupPolicy.includes('compact'),
    })
    const known = folder.checkpointed('highWatermark', name) ?? 0
    if (loaded.logEndOffset < known) {
      this.#context.logger.error(
        { partition: name, logEndOffset: loaded.logEndOffset, highWatermark: known },
        'records that readers may have seen are gone',
      )
    }
    const epochs = new ReplacedFile(this.#context.disk, join(path, EPOCHS_FILE), () => formatEpochs(loaded.epochs.entries))
    const home: PartitionHome = {
      saveLogStarts: () => folder.save('logStart'),
      saveEpochs: () => epochs.save(),
      epochsWritten: () => epochs.idle(),
    }
    const log = new StoredPartitionLog(this.#context, home, loaded, config)
    this.#found.delete(name)
    this.#logs.set(name, { log, folder })
    return log
  }

  /** Lets go of a partition and its folder. Where the disk refuses that, the folder is found to be a stray at the next opening or start. */
  async #discard(name: string, { log, folder }: Placed): Promise<void> {
    const { clock, disk, logger } = this.#context
    this.#logs.delete(name)
    await log.close(false).catch((err: unknown) => logger.warn({ err, partition: name }, 'a partition that goes could not be closed'))
    folder.forget(name)
    try {
      const gone = this.#setAside(folder, name, DELETED)
      clock.after(log.config.fileDeleteDelayMs, () => this.#unlink(gone))
      await disk.syncFolder(folder.path)
    } catch (err) {
      logger.warn({ err, partition: name }, 'the folder of a deleted partition could not be given another name')
    }
  }

  async #identify(): Promise<void> {
    const { nodeId } = this.#options
    const known = new Map<string, string>()
    for (const folder of this.#folders) {
      const id = folder.clusterIdFor(nodeId)
      if (id !== null) known.set(id, folder.path)
    }
    if (known.size > 1) {
      const list = [...known].map(([id, path]) => `${path} (${id})`).join(', ')
      throw new Error(`log.dirs holds folders of different clusters: ${list}. Keep those of one cluster in log.dirs`)
    }
    if (known.size === 0) for (const folder of this.#folders) folder.assertUnused(nodeId)
    this.clusterId = known.keys().next().value ?? this.#system.random.uuid()
    const identity = { clusterId: this.clusterId, nodeId, newDirectoryId: () => this.#system.random.uuid() }
    await Promise.all(this.#folders.map((folder) => folder.identify(identity)))
  }

  #scan(folder: LogFolder): void {
    for (const entry of this.#context.disk.list(folder.path)) {
      if (!entry.folder) continue
      if (entry.name.endsWith(DELETED)) this.#unlink(join(folder.path, entry.name))
      else if (isPartitionFolder(entry.name)) {
        const other = this.#found.get(entry.name)
        if (other) {
          const [one, two] = [join(other.path, entry.name), join(folder.path, entry.name)]
          throw new Error(`one partition lies in two folders, ${one} and ${two}: move the one away that is not to be kept`)
        }
        this.#found.set(entry.name, folder)
      }
    }
  }

  #unlink(path: string): void {
    this.#context.disk.removeFolder(path).catch((err: unknown) => {
      this.#context.logger.warn({ err, path }, 'a deleted partition could not be unlinked; the next start tries again')
    })
  }

  /** Gives a partition's folder a name that stands for no partition. */
  #setAside(folder: LogFolder, name: string, ending: string): string {
    const tail = `.${this.#system.random.bytes(16).toString('hex')}${ending}`
    const path = join(folder.path, name.slice(0, 255 - tail.length) + tail)
    this.#context.disk.rename(join(folder.path, name), path)
    return path
  }

  /** The folder with the fewest partitions. */
  #roomiest(): LogFolder {
    const counts = new Map(this.#folders.map((folder) => [folder, 0]))
    for (const { folder } of this.#logs.values()) counts.set(folder, counts.get(folder)! + 1)
    for (const folder of this.#found.values()) counts.set(folder, counts.get(folder)! + 1)
    return [...counts].reduce((best, next) => (next[1] < best[1] ? next : best))[0]
  }

  #offsetsOf(folder: LogFolder, name: 'recoveryPoint' | 'highWatermark' | 'logStart'): CheckpointedOffset[] {
    const offsets = new Map<string, CheckpointedOffset>()
    for (const [key, offset] of folder.checkpointedEntries(name)) {
      const split = key.lastIndexOf('-')
      offsets.set(key, { topic: key.slice(0, split), partition: Number(key.slice(split + 1)), offset })
    }
    for (const [key, placed] of this.#logs) {
      if (placed.folder !== folder) continue
      const { log } = placed
      const offset = name === 'recoveryPoint' ? log.recoveryPoint : name === 'highWatermark' ? log.highWatermark : log.logStartOffset
      if (name === 'logStart' && offset === 0) continue
      offsets.set(key, { topic: log.topic, partition: log.partition, offset })
    }
    return [...offsets.values()]
  }

  #save(name: 'recoveryPoint' | 'highWatermark' | 'logStart'): void {
    for (const folder of this.#folders) {
      folder
        .save(name)
        .catch((err: unknown) =>
          this.#context.logger.warn({ err, folder: folder.path, checkpoint: name }, 'a checkpoint could not be written'),
        )
    }
  }

  #retain(): void {
    const now = this.#context.clock.now()
    for (const [partition, { log }] of this.#logs) {
      try {
        log.retain(now)
      } catch (err) {
        this.#context.logger.warn({ err, partition }, 'retention could not finish; it tries again at the next check')
      }
    }
  }

  #expireProducers(): void {
    const cutoff = this.#context.clock.now() - this.producerIdExpirationMs
    for (const { log } of this.#logs.values()) log.expireProducers(cutoff)
  }
}
