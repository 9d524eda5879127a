/**
 * One of the broker's `log.dirs`: its lock, `meta.properties`, the mark of a clean stop and the checkpoints of its partitions. Everything here changes by
 * write, fsync, rename, fsync of the folder (Invariant 8).
 */
import { join } from 'node:path'
import type { Disk, DiskLock } from '../system/disk.ts'
import { formatOffsets, formatProperties, parseOffsets, parseProperties } from './checkpoint.ts'

const META_FILE = 'meta.properties'
const CLEAN_FILE = '.kafka_cleanshutdown'
const LOCK_FILE = '.lock'
export const checkpoints = {
  recoveryPoint: 'recovery-point-offset-checkpoint',
  highWatermark: 'replication-offset-checkpoint',
  logStart: 'log-start-offset-checkpoint',
} as const
type CheckpointName = keyof typeof checkpoints

/** True for the name of a partition that is in use: neither deleted nor set aside. */
export const isPartitionFolder = (name: string): boolean => /-\d+$/.test(name)

export interface CheckpointedOffset {
  topic: string
  partition: number
  offset: number
}

export interface FolderIdentity {
  clusterId: string
  nodeId: number
  newDirectoryId: () => string
}

/** A file that is replaced as a whole: writers queue up, and who comes while one writes is served by the next write together with others. */
export class ReplacedFile {
  readonly #disk: Disk
  readonly #path: string
  readonly #render: () => string
  #last: string | null
  #running: Promise<void> = Promise.resolve()
  #next: Promise<void> | null = null

  constructor(disk: Disk, path: string, render: () => string) {
    this.#disk = disk
    this.#path = path
    this.#render = render
    this.#last = disk.readFile(path)?.toString('latin1') ?? null
  }

  /** Resolves when what `render` gives now, or something newer, is durable. */
  save(): Promise<void> {
    const write = () => {
      this.#next = null
      this.#running = this.#write()
      return this.#running
    }
    // Whoever waited for the write before has its failure already.
    this.#next ??= this.#running.then(write, write)
    return this.#next
  }

  /** Resolves when no write is on its way, whatever came of it. */
  async idle(): Promise<void> {
    while (this.#next !== null) await this.#next.catch(() => {})
    await this.#running.catch(() => {})
  }

  async #write(): Promise<void> {
    const text = this.#render()
    if (text === this.#last) return
    await this.#disk.replaceFile(this.#path, text)
    this.#last = text
  }
}

export class LogFolder {
  readonly path: string
  /** True when the last stop vouched for all files. */
  readonly wasClean: boolean
  /** Checkpoints that cannot be read: their partitions stand as their files tell. */
  readonly damaged: string[] = []
  readonly #disk: Disk
  readonly #lock: DiskLock
  readonly #files: Record<CheckpointName, ReplacedFile>
  readonly #loaded: Record<CheckpointName, Map<string, number>>

  private constructor(disk: Disk, path: string, lock: DiskLock, offsets: (name: CheckpointName) => CheckpointedOffset[]) {
    this.#disk = disk
    this.path = path
    this.#lock = lock
    const file = (name: CheckpointName) => new ReplacedFile(disk, join(path, checkpoints[name]), () => formatOffsets(offsets(name)))
    const load = (name: CheckpointName) => {
      const text = disk.readFile(join(path, checkpoints[name]))?.toString('latin1')
      const entries = text === undefined ? new Map<string, number>() : parseOffsets(text)
      if (entries === null) this.damaged.push(join(path, checkpoints[name]))
      return entries ?? new Map<string, number>()
    }
    this.#files = { recoveryPoint: file('recoveryPoint'), highWatermark: file('highWatermark'), logStart: file('logStart') }
    this.#loaded = { recoveryPoint: load('recoveryPoint'), highWatermark: load('highWatermark'), logStart: load('logStart') }
    this.wasClean = disk.exists(join(path, CLEAN_FILE))
    if (this.wasClean) disk.unlink(join(path, CLEAN_FILE))
  }

  /** Locks the folder and reads what it knows. `offsets` gives what its checkpoints must say when they are written. */
  static open(disk: Disk, path: string, offsets: (folder: LogFolder, name: CheckpointName) => CheckpointedOffset[]): LogFolder {
    disk.makeFolder(path)
    const lock = disk.lock(join(path, LOCK_FILE))
    try {
      const folder: LogFolder = new LogFolder(disk, path, lock, (name) => offsets(folder, name))
      return folder
    } catch (error) {
      lock.release()
      throw error
    }
  }

  /** The cluster that the folder belongs to; null before its first use. Throws where it belongs to another node. */
  clusterIdFor(nodeId: number): string | null {
    const text = this.#disk.readFile(join(this.path, META_FILE))?.toString('utf8')
    if (text === undefined) return null
    const properties = parseProperties(text)
    const owner = properties.get('node.id') ?? properties.get('broker.id')
    if (owner !== undefined && Number(owner) !== nodeId) {
      throw new Error(
        `${this.path} belongs to node ${owner}, this is node ${nodeId}: set node.id=${owner}, or give this node a folder of its own`,
      )
    }
    return properties.get('cluster.id') ?? null
  }

  /** Throws where partitions say that it was in use: to give them a new cluster id would make another cluster of them. */
  assertUnused(nodeId: number): void {
    if (!this.#disk.list(this.path).some((entry) => entry.folder && isPartitionFolder(entry.name))) return
    const path = join(this.path, META_FILE)
    throw new Error(
      `${path} ${this.#disk.exists(path) ? 'names no cluster.id' : 'is missing'}, though partitions lie beside it: write it anew with the lines ` +
        `version=1, node.id=${nodeId}, cluster.id=<the id that this cluster had> (a Connect worker of this cluster tells it as kafka_cluster_id), ` +
        'or empty the folder',
    )
  }

  /** Writes who the folder belongs to, where that is not written yet. */
  async identify(identity: FolderIdentity): Promise<void> {
    const path = join(this.path, META_FILE)
    const properties = parseProperties(this.#disk.readFile(path)?.toString('utf8') ?? '')
    if (properties.has('cluster.id') && properties.has('node.id') && properties.has('directory.id')) return
    const complete = new Map([
      ['version', '1'],
      ['node.id', String(identity.nodeId)],
      ['directory.id', properties.get('directory.id') ?? identity.newDirectoryId()],
      ['cluster.id', identity.clusterId],
    ])
    await this.#disk.replaceFile(path, formatProperties(complete))
  }

  /** What a checkpoint said at the start. */
  checkpointed(name: CheckpointName, folderName: string): number | undefined {
    return this.#loaded[name].get(folderName)
  }

  /** Partitions of a checkpoint that nobody opened keep their entry. */
  checkpointedEntries(name: CheckpointName): ReadonlyMap<string, number> {
    return this.#loaded[name]
  }

  forget(folderName: string): void {
    for (const entries of Object.values(this.#loaded)) entries.delete(folderName)
  }

  save(name: CheckpointName): Promise<void> {
    return this.#files[name].save()
  }

  markClean(): Promise<void> {
    return this.#disk.replaceFile(join(this.path, CLEAN_FILE), '{"version":0,"brokerEpoch":-1}')
  }

  release(): void {
    this.#lock.release()
  }
}
