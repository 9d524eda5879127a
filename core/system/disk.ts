/**
 * The disk as an interface: only this file uses node:fs. Calls that wait for the device (fdatasync, cold reads, fsync of folders) are
 * asynchronous; calls that the page cache serves are synchronous, because a hop to another thread costs more than the call. Nothing is
 * retried: the caller decides what an error means for its data.
 */
import * as fs from 'node:fs'
import { dirname } from 'node:path'

/** An open file. */
export type DiskFile = number

export interface DiskEntry {
  name: string
  folder: boolean
}

/**
 * `read`: read-only, must exist. The others are read-write: `write` must exist, `create` is created if missing, `fresh` is created or
 * truncated.
 */
export type OpenMode = 'read' | 'write' | 'create' | 'fresh'

/** Locked until `release`; a second call does nothing. */
export interface DiskLock {
  release(): void
}

export interface Disk {
  open(path: string, mode: OpenMode): DiskFile
  close(file: DiskFile): void
  /** Bytes of an open file. */
  size(file: DiskFile): number
  /** Both return how many bytes were read: fewer than `length` only at the end of the file. */
  readSync(file: DiskFile, into: Buffer, at: number, length: number, position: number): number
  read(file: DiskFile, into: Buffer, at: number, length: number, position: number): Promise<number>
  /** All three return how many bytes were written. After a short write the next attempt throws the reason. */
  writeSync(file: DiskFile, bytes: Buffer, position: number): number
  writevSync(file: DiskFile, chunks: Buffer[], position: number): number
  writev(file: DiskFile, chunks: Buffer[], position: number): Promise<number>
  fdatasync(file: DiskFile): Promise<void>
  truncate(file: DiskFile, bytes: number): void
  /** Fsync of a folder: makes created, renamed and deleted names durable. */
  syncFolder(path: string): Promise<void>
  /** Fsync of a file by its path. */
  syncFile(path: string): Promise<void>
  /** Null where the file does not exist. */
  readFile(path: string): Buffer | null
  /**
   * A regular file of at most `maxBytes`, read outside the event loop. Throws for everything else: a pipe or a device, which may have no
   * end, is not waited for.
   */
  readRegularFile(path: string, maxBytes: number): Promise<Buffer>
  /** Null where nothing is there. A link is what it leads to. */
  kindOf(path: string): Promise<'file' | 'folder' | 'other' | null>
  /** Write, fsync, rename, fsync of the folder (Invariant 8). `mode` are the permissions, by default those of other files. */
  replaceFile(path: string, bytes: Buffer | string, mode?: number): Promise<void>
  /** Durable only after `syncFile`. */
  writeFile(path: string, bytes: Buffer | string): void
  exists(path: string): boolean
  stat(path: string): { bytes: number; modifiedMs: number } | null
  list(folder: string): DiskEntry[]
  /** The names in a folder; null where it does not exist. */
  names(folder: string): string[] | null
  /** Of the volume that holds `path`. */
  space(path: string): { totalBytes: number; usableBytes: number }
  makeFolder(path: string): void
  rename(from: string, to: string): void
  /** Sets the time of the last write. */
  setModified(path: string, modifiedMs: number): void
  /** Does nothing where the file does not exist. */
  unlink(path: string): void
  /** A file, or a folder with all that is in it, outside the event loop. Does nothing where it does not exist. */
  remove(path: string): Promise<void>
  /** Creates the lock file at `path`. Throws an error with the process id of a live process that holds it. */
  lock(path: string): DiskLock
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT'

const flags: Record<OpenMode, number> = {
  read: fs.constants.O_RDONLY,
  write: fs.constants.O_RDWR,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT,
  fresh: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_TRUNC,
}

export const realDisk: Disk = {
  open: (path, mode) => fs.openSync(path, flags[mode], 0o644),
  close: (file) => fs.closeSync(file),
  size: (file) => fs.fstatSync(file).size,
  readSync: (file, into, at, length, position) => {
    let total = 0
    while (total < length) {
      const count = fs.readSync(file, into, at + total, length - total, position + total)
      if (count === 0) break
      total += count
    }
    return total
  },
  async read(file, into, at, length, position) {
    let total = 0
    while (total < length) {
      const count = await new Promise<number>((resolve, reject) =>
        fs.read(file, into, at + total, length - total, position + total, (error, bytes) => (error ? reject(error) : resolve(bytes))),
      )
      if (count === 0) break
      total += count
    }
    return total
  },
  writeSync: (file, bytes, position) => fs.writeSync(file, bytes, 0, bytes.length, position),
  writevSync: (file, chunks, position) => fs.writevSync(file, chunks, position),
  writev: (file, chunks, position) =>
    new Promise((resolve, reject) => fs.writev(file, chunks, position, (error, bytes) => (error ? reject(error) : resolve(bytes)))),
  fdatasync: (file) => new Promise((resolve, reject) => fs.fdatasync(file, (error) => (error ? reject(error) : resolve()))),
  truncate: (file, bytes) => fs.ftruncateSync(file, bytes),
  syncFolder: syncPath,
  syncFile: syncPath,
  readFile(path) {
    try {
      return fs.readFileSync(path)
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  },
  async readRegularFile(path, maxBytes) {
    // Without O_NONBLOCK, opening a pipe waits for its writer.
    const file = await fs.promises.open(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
    try {
      const stats = await file.stat()
      if (!stats.isFile()) throw new Error(`${path} is not a regular file`)
      // Files of /proc have no size: what is read counts.
      const bytes = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(stats.size, 4_096)) + 1)
      let total = 0
      while (total < bytes.length) {
        const { bytesRead } = await file.read(bytes, total, bytes.length - total, total)
        if (bytesRead === 0) return bytes.subarray(0, total)
        total += bytesRead
      }
      throw new Error(`${path} has more than ${bytes.length - 1} bytes`)
    } finally {
      await file.close()
    }
  },
  async kindOf(path) {
    try {
      const stats = await fs.promises.stat(path)
      return stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other'
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  },
  async replaceFile(path, bytes, mode = 0o644) {
    const temporary = `${path}.tmp`
    const file = await fs.promises.open(temporary, 'w', mode)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await fs.promises.rename(temporary, path)
    await syncPath(dirname(path))
  },
  writeFile: (path, bytes) => fs.writeFileSync(path, bytes, { mode: 0o644 }),
  exists: (path) => fs.existsSync(path),
  stat(path) {
    const stats = fs.statSync(path, { throwIfNoEntry: false })
    return stats ? { bytes: stats.size, modifiedMs: stats.mtimeMs } : null
  },
  list: (folder) => fs.readdirSync(folder, { withFileTypes: true }).map((entry) => ({ name: entry.name, folder: entry.isDirectory() })),
  names: (folder) => (fs.existsSync(folder) ? fs.readdirSync(folder) : null),
  space(path) {
    const { bsize, blocks, bavail } = fs.statfsSync(path)
    return { totalBytes: bsize * blocks, usableBytes: bsize * bavail }
  },
  makeFolder,
  rename: (from, to) => fs.renameSync(from, to),
  setModified: (path, modifiedMs) => fs.utimesSync(path, modifiedMs / 1000, modifiedMs / 1000),
  unlink: (path) => fs.rmSync(path, { force: true }),
  remove: (path) => fs.promises.rm(path, { recursive: true, force: true }),
  lock: lockFile,
}

/** Creates one level after another: Node's `recursive` never ends where a file system rejects new folders, for example below /proc. */
function makeFolder(path: string): void {
  try {
    makeOneFolder(path)
  } catch (error) {
    const parent = dirname(path)
    if (!isMissing(error) || parent === path) throw error
    makeFolder(parent)
    makeOneFolder(path)
  }
}

function makeOneFolder(path: string): void {
  try {
    fs.mkdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !fs.statSync(path).isDirectory()) throw error
  }
}

/** Creates a folder and what is missing above it; durable when it resolves. */
export async function createFolder(disk: Disk, path: string): Promise<void> {
  const parent = dirname(path)
  const isNew = !disk.exists(path)
  if (isNew && parent !== path) await createFolder(disk, parent)
  // Throws where it is a file.
  disk.makeFolder(path)
  if (isNew) await disk.syncFolder(parent)
}

async function syncPath(path: string): Promise<void> {
  const handle = await fs.promises.open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Other processes may remove and create the same stale lock file. */
const LOCK_ATTEMPTS = 100

/** Lock files of this process. Its pid in a file proves nothing: in a container every start has the same pid. */
const ownLocks = new Set<string>()

/**
 * Start time and boot id of a process: pids are reused after a reboot, and each container counts from 1. Null without /proc: then only the
 * pid is compared.
 */
function identity(pid: number): string | null {
  try {
    const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    return `${statFields(pid)[19]}@${boot}`
  } catch {
    return null
  }
}

/** The fields of /proc/<pid>/stat after the name: the state is the first. */
function statFields(pid: number): string[] {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** Ended, but its parent has not reaped it, as pid 1 of many containers does not. */
function isZombie(pid: number): boolean {
  try {
    return ['Z', 'X'].includes(statFields(pid)[0]!)
  } catch {
    return false
  }
}

function isAlive(pid: number, identityInFile: string | undefined): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  if (isZombie(pid)) return false
  const current = identity(pid)
  return current === null || identityInFile === undefined || identityInFile === current
}

function lockFile(path: string): DiskLock {
  if (ownLocks.has(path)) throw new Error(`${path} is held by this process already: two brokers in one process need two folders`)
  const own = [String(process.pid), identity(process.pid) ?? ''].join(' ').trim()
  const temporary = `${path}.${process.pid}`
  fs.writeFileSync(temporary, `${own}\n`)
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        fs.linkSync(temporary, path)
        break
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt === LOCK_ATTEMPTS) throw error
      }
      const [pid, identityInFile] = (realDisk.readFile(path)?.toString('latin1') ?? '').trim().split(' ')
      const holder = Number(pid)
      if (holder > 0 && holder !== process.pid && isAlive(holder, identityInFile)) {
        throw new Error(`${path} is held by the live process ${holder}: stop it first, or give this broker another folder`)
      }
      realDisk.unlink(path)
    }
  } finally {
    realDisk.unlink(temporary)
  }
  ownLocks.add(path)
  let released = false
  return {
    release() {
      if (released) return
      released = true
      ownLocks.delete(path)
      realDisk.unlink(path)
    },
  }
}
