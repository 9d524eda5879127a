/**
 * One of the broker's `log.dirs`: its lock, `meta.properties`, the mark of a clean shutdown and the checkpoints of its partitions. Files
 * are replaced as a whole (Invariant 8).
 */
import { join } from 'node:path'
import type { Disk, DiskLock } from '../system/disk.ts'
import { formatOffsets, formatProperties, parseOffsets, parseProperties } from './checkpoint.ts'
import { CheckpointFile } from './checkpoint-file.ts'

const META_FILE = 'meta.properties'
const CLEAN_FILE = '.kafka_cleanshutdown'
const LOCK_FILE = '.lock'
export const checkpoints = {
  recoveryPoint: 'recovery-point-offset-checkpoint',
  highWatermark: 'replication-offset-checkpoint',
  logStart: 'log-start-offset-checkpoint',
  cleaner: 'cleaner-offset-checkpoint',
} as const
export type CheckpointName = keyof typeof checkpoints

/** True for the folder name of a partition, false for that of a deleted or stray one. */
export const isPartitionFolder = (name: string): boolean => /-\d+$/.test(name)

export interface CheckpointedOffset {
  topic: string
  partition: number
  offset: number
}

export interface DirectoryIdentity {
  clusterId: string
  nodeId: number
  newDirectoryId: () => string
}

/** The broker epoch in the mark of a clean shutdown; -1 where the file has none. */
function brokerEpochOf(text: string): number {
  try {
    const { brokerEpoch } = JSON.parse(text) as { brokerEpoch?: unknown }
    return Number.isSafeInteger(brokerEpoch) ? (brokerEpoch as number) : -1
  } catch (error) {
    // Releases of Kafka before 3.7 write an empty file.
    if (error instanceof SyntaxError) return -1
    throw error
  }
}

export class LogDirectory {
  readonly path: string
  /** `directory.id` of meta.properties; empty before `writeIdentity`. */
  id = ''
  /** True after a clean shutdown: all files are complete. */
  readonly wasClean: boolean
  /** The broker epoch of the process that shut down cleanly, else -1. */
  readonly previousBrokerEpoch: number
  readonly unreadableCheckpoints: string[] = []
  readonly #disk: Disk
  readonly #lock: DiskLock
  readonly #files: Record<CheckpointName, CheckpointFile>
  /** By partition key, as at the start. */
  readonly #loaded: Record<CheckpointName, Map<string, number>>

  private constructor(disk: Disk, path: string, lock: DiskLock, offsets: (name: CheckpointName) => CheckpointedOffset[]) {
    this.#disk = disk
    this.path = path
    this.#lock = lock
    const file = (name: CheckpointName) => new CheckpointFile(disk, join(path, checkpoints[name]), () => formatOffsets(offsets(name)))
    const load = (name: CheckpointName) => {
      const text = disk.readFile(join(path, checkpoints[name]))?.toString('latin1')
      // Kafka creates them empty.
      const entries = text === undefined || text === '' ? new Map<string, number>() : parseOffsets(text)
      if (entries === null) this.unreadableCheckpoints.push(join(path, checkpoints[name]))
      return entries ?? new Map<string, number>()
    }
    const each = <T>(make: (name: CheckpointName) => T): Record<CheckpointName, T> => ({
      recoveryPoint: make('recoveryPoint'),
      highWatermark: make('highWatermark'),
      logStart: make('logStart'),
      cleaner: make('cleaner'),
    })
    this.#files = each(file)
    this.#loaded = each(load)
    const clean = disk.readFile(join(path, CLEAN_FILE))
    this.wasClean = clean !== null
    this.previousBrokerEpoch = clean === null ? -1 : brokerEpochOf(clean.toString('utf8'))
    if (this.wasClean) disk.unlink(join(path, CLEAN_FILE))
  }

  /** Locks the directory and loads its checkpoints. `offsets` gives the content of a checkpoint that is written. */
  static open(disk: Disk, path: string, offsets: (directory: LogDirectory, name: CheckpointName) => CheckpointedOffset[]): LogDirectory {
    const lock = disk.lock(join(path, LOCK_FILE))
    try {
      const directory: LogDirectory = new LogDirectory(disk, path, lock, (name) => offsets(directory, name))
      return directory
    } catch (error) {
      lock.release()
      throw error
    }
  }

  /** The cluster id in meta.properties; null before the first start. Throws where the directory belongs to another node. */
  clusterIdFor(nodeId: number): string | null {
    const text = this.#disk.readFile(join(this.path, META_FILE))?.toString('utf8')
    if (text === undefined) return null
    const properties = parseProperties(text)
    const owner = properties.get('node.id') ?? properties.get('broker.id')
    if (owner !== undefined && Number(owner) !== nodeId) {
      throw new Error(
        `${this.path} belongs to node ${owner}, this is node ${nodeId}: set node.id=${owner}, or give this node a directory of its own`,
      )
    }
    return properties.get('cluster.id') ?? null
  }

  /** Throws where the directory has partitions: with a new cluster id they would belong to another cluster. */
  assertUnused(nodeId: number): void {
    if (!this.#disk.list(this.path).some((entry) => entry.folder && isPartitionFolder(entry.name))) return
    const path = join(this.path, META_FILE)
    throw new Error(
      `${path} ${this.#disk.exists(path) ? 'has no cluster.id' : 'is missing'}, and the directory has partitions: write it with the lines ` +
        `version=1, node.id=${nodeId}, cluster.id=<the cluster id of these partitions> (a Connect worker of the cluster reports it as ` +
        'kafka_cluster_id), or empty the directory',
    )
  }

  /** Writes meta.properties where it is incomplete. */
  async writeIdentity(identity: DirectoryIdentity): Promise<void> {
    const path = join(this.path, META_FILE)
    const properties = parseProperties(this.#disk.readFile(path)?.toString('utf8') ?? '')
    this.id = properties.get('directory.id') ?? identity.newDirectoryId()
    if (!/^[\w-]{22}$/.test(this.id))
      throw new Error(`${path}: directory.id=${this.id} is not an id: restore the file from a copy, or the id from the metadata log`)
    if (properties.has('cluster.id') && properties.has('node.id') && properties.has('directory.id')) return
    const complete = new Map([
      ['version', '1'],
      ['node.id', String(identity.nodeId)],
      ['directory.id', this.id],
      ['cluster.id', identity.clusterId],
    ])
    await this.#disk.replaceFile(path, formatProperties(complete))
  }

  /** The offset of a partition in a checkpoint at the start. */
  checkpointed(name: CheckpointName, partition: string): number | undefined {
    return this.#loaded[name].get(partition)
  }

  /** The entries of a checkpoint at the start. Those of partitions that are not open are kept. */
  checkpointedEntries(name: CheckpointName): ReadonlyMap<string, number> {
    return this.#loaded[name]
  }

  /** The end of the last cleaning of a partition, which only this checkpoint knows. Durable when it resolves. */
  setCleanedUpTo(partition: string, offset: number): Promise<void> {
    this.#loaded.cleaner.set(partition, offset)
    return this.save('cleaner')
  }

  removeCheckpointed(partition: string): void {
    for (const entries of Object.values(this.#loaded)) entries.delete(partition)
  }

  save(name: CheckpointName): Promise<void> {
    return this.#files[name].save()
  }

  /** The controller at the next start learns which incarnation of the broker shut down cleanly: -1 for the one before, if none followed. */
  markClean(brokerEpoch: number): Promise<void> {
    const epoch = brokerEpoch >= 0 ? brokerEpoch : this.previousBrokerEpoch
    return this.#disk.replaceFile(join(this.path, CLEAN_FILE), JSON.stringify({ version: 0, brokerEpoch: epoch }))
  }

  release(): void {
    this.#lock.release()
  }
}
