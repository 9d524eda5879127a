/**
 * All log directories of the broker: their identity, which partition folders they had at the start, and the folders that are set aside.
 * What is in a partition's folder is not its business.
 */
import { join, resolve } from 'node:path'
import { createFolder, type Disk } from '../system/disk.ts'
import type { Logger } from '../system/logger.ts'
import type { Random } from '../system/random.ts'
import { type CheckpointedOffset, type CheckpointName, isPartitionFolder, LogDirectory } from './log-directory.ts'
import type { LogsOptions } from './types.ts'

const DELETED = '-delete'
const STRAY = '-stray'
/** The limit of most file systems for the name of a folder. */
const MAX_NAME_LENGTH = 255

type DirectoriesOptions = Pick<LogsOptions, 'dirs' | 'metadataDir' | 'nodeId'>

export interface DirectoriesParts {
  readonly disk: Disk
  readonly logger: Logger
  readonly random: Random
}

export class LogDirectories {
  clusterId = ''
  /** `log.dirs`, and metadata.log.dir where it is none of them. */
  all: readonly LogDirectory[] = []
  /** By partition: the directories of those that were found at the start and are not open yet. */
  readonly unopened = new Map<string, LogDirectory>()
  readonly #parts: DirectoriesParts
  readonly #options: DirectoriesOptions

  constructor(parts: DirectoriesParts, options: DirectoriesOptions) {
    this.#parts = parts
    this.#options = options
  }

  /** Locks and checks all of them. `offsets` gives the content of a checkpoint that is written. */
  async open(offsets: (directory: LogDirectory, name: CheckpointName) => CheckpointedOffset[]): Promise<void> {
    const { disk, logger } = this.#parts
    const opened: LogDirectory[] = []
    this.all = opened
    try {
      for (const path of new Set([...this.#options.dirs, this.#metadataDir].map((dir) => resolve(dir)))) {
        await createFolder(disk, path)
        opened.push(LogDirectory.open(disk, path, offsets))
      }
      for (const file of opened.flatMap(({ unreadableCheckpoints }) => unreadableCheckpoints))
        logger.warn({ file }, 'a checkpoint cannot be read and is ignored: records that DeleteRecords removed may reappear')
      // The clean shutdown file is unlinked. After a power loss it must not reappear: later writes may be incomplete.
      await Promise.all(opened.filter(({ wasClean }) => wasClean).map(({ path }) => disk.syncFolder(path)))
      await this.#checkIdentity()
      for (const directory of opened) this.#scan(directory)
      this.#checkDirectoryIds()
    } catch (error) {
      // Nothing has changed: what was clean is clean at the next attempt too.
      const clean = opened.filter(({ wasClean }) => wasClean)
      await Promise.allSettled(clean.map((directory) => directory.markClean(-1)))
      this.release()
      throw error
    }
  }

  /** Those of log.dirs. */
  get data(): readonly LogDirectory[] {
    const paths = this.#options.dirs.map((path) => resolve(path))
    return this.all.filter(({ path }) => paths.includes(path))
  }

  get metadata(): LogDirectory {
    return this.all.find(({ path }) => path === resolve(this.#metadataDir))!
  }

  get #metadataDir(): string {
    return this.#options.metadataDir ?? this.#options.dirs[0]!
  }

  byId(id: string | undefined): LogDirectory | undefined {
    return this.all.find((directory) => directory.id === id)
  }

  /** For each of `count` new partitions the one of log.dirs that has the fewest then. `used` has the directory of each partition. */
  leastLoaded(count: number, used: () => Iterable<LogDirectory>): LogDirectory[] {
    const counts = new Map(this.data.map((directory) => [directory, 0]))
    if (counts.size === 1) return new Array<LogDirectory>(count).fill([...counts.keys()][0]!)
    const add = (directory: LogDirectory) => counts.has(directory) && counts.set(directory, counts.get(directory)! + 1)
    for (const directory of used()) add(directory)
    for (const directory of this.unopened.values()) add(directory)
    return Array.from({ length: count }, () => {
      const [least] = [...counts].reduce((best, next) => (next[1] < best[1] ? next : best))
      add(least)
      return least
    })
  }

  save(name: CheckpointName): void {
    for (const directory of this.all) {
      directory
        .save(name)
        .catch((err: unknown) =>
          this.#parts.logger.warn(
            { err, directory: directory.path, checkpoint: name },
            'a checkpoint could not be written; the next interval retries',
          ),
        )
    }
  }

  /** The folder of a deleted partition. Returns its new path. */
  markDeleted(directory: LogDirectory, partition: string): string {
    return this.#renameFolder(directory, partition, DELETED)
  }

  /** A folder whose topic does not exist. Returns its new path. */
  setAside(directory: LogDirectory, partition: string): string {
    const path = this.#renameFolder(directory, partition, STRAY)
    directory.removeCheckpointed(partition)
    return path
  }

  /** Sets all folders aside that were found at the start and not opened since. */
  renameStrays(): void {
    const { logger } = this.#parts
    for (const [partition, directory] of this.unopened) {
      try {
        const stray = this.setAside(directory, partition)
        logger.warn({ partition, stray }, 'the topic of a partition folder does not exist: the folder is renamed')
      } catch (err) {
        logger.warn({ err, partition }, 'the topic of a partition folder does not exist, and the folder cannot be renamed')
        continue
      }
      this.unopened.delete(partition)
    }
  }

  unlink(path: string): void {
    this.#parts.disk.remove(path).catch((err: unknown) => {
      this.#parts.logger.warn({ err, path }, 'the folder of a deleted partition could not be unlinked; the next start retries')
    })
  }

  release(): void {
    for (const directory of this.all) directory.release()
  }

  async #checkIdentity(): Promise<void> {
    const { nodeId } = this.#options
    const { random } = this.#parts
    const clusterIds = new Map<string, string>()
    for (const directory of this.all) {
      const id = directory.clusterIdFor(nodeId)
      if (id !== null) clusterIds.set(id, directory.path)
    }
    if (clusterIds.size > 1) {
      const list = [...clusterIds].map(([id, path]) => `${path} (${id})`).join(', ')
      throw new Error(`log.dirs has directories of different clusters: ${list}. Keep those of one cluster in log.dirs`)
    }
    if (clusterIds.size === 0) for (const directory of this.all) directory.assertUnused(nodeId)
    this.clusterId = clusterIds.keys().next().value ?? random.uuid()
    const identity = { clusterId: this.clusterId, nodeId, newDirectoryId: () => random.uuid() }
    await Promise.all(this.all.map((directory) => directory.writeIdentity(identity)))
  }

  #checkDirectoryIds(): void {
    for (const [index, { id, path }] of this.all.entries()) {
      const other = this.all.slice(0, index).find((directory) => directory.id === id)
      if (other)
        throw new Error(
          `${other.path} and ${path} have the same directory.id, ${id}, in meta.properties: remove that line of the one that is a copy`,
        )
    }
  }

  #scan(directory: LogDirectory): void {
    for (const { name, folder } of this.#parts.disk.list(directory.path)) {
      if (!folder) continue
      const path = join(directory.path, name)
      if (name.endsWith(DELETED)) this.unlink(path)
      else if (isPartitionFolder(name)) {
        const otherDirectory = this.unopened.get(name)
        if (otherDirectory)
          throw new Error(`${name} is in two log directories, ${join(otherDirectory.path, name)} and ${path}: move one of the folders away`)
        this.unopened.set(name, directory)
      }
    }
  }

  /** Renames the folder of a partition to one that is not a partition's. Returns the new path. */
  #renameFolder(directory: LogDirectory, name: string, ending: string): string {
    const { disk, random } = this.#parts
    const suffix = `.${random.bytes(16).toString('hex')}${ending}`
    const path = join(directory.path, name.slice(0, MAX_NAME_LENGTH - suffix.length) + suffix)
    disk.rename(join(directory.path, name), path)
    return path
  }
}
