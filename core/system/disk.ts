/**
 * The disk, as the engine sees it: the only door to node:fs. What waits for the device (fdatasync, cold reads, syncs of folders) is
 * asynchronous; what the page cache or the directory cache answers is synchronous, because a thread hop costs more than the call.
 * Nothing here retries: a caller that gets an error decides what it means for the bytes it holds.
 */
import * as fs from 'node:fs'
import { dirname } from 'node:path'

/** An open file. */
export type DiskFile = number

export interface DiskEntry {
  name: string
  folder: boolean
}

/** `read`: must exist, reading only. `write`: must exist. `create`: made where it is missing. `fresh`: made, or emptied. All but `read` also write. */
export type OpenMode = 'read' | 'write' | 'create' | 'fresh'

/** Held from `lock` on; letting go twice is harmless. */
export interface DiskLock {
  release(): void
}

export interface Disk {
  open(path: string, mode: OpenMode): DiskFile
  close(file: DiskFile): void
  /** Bytes of an open file. */
  size(file: DiskFile): number
  /** Both return how many bytes they got, fewer than asked only at the end of the file. */
  readSync(file: DiskFile, into: Buffer, at: number, length: number, position: number): number
  read(file: DiskFile, into: Buffer, at: number, length: number, position: number): Promise<number>
  /** Both return how many bytes went down; fewer than given means that the next try will say why. */
  writeSync(file: DiskFile, bytes: Buffer, position: number): number
  writevSync(file: DiskFile, chunks: Buffer[], position: number): number
  writev(file: DiskFile, chunks: Buffer[], position: number): Promise<number>
  fdatasync(file: DiskFile): Promise<void>
  truncate(file: DiskFile, bytes: number): void
  /** Makes the names in a folder durable: files made, renamed and unlinked. */
  syncFolder(path: string): Promise<void>
  /** Makes a whole small file durable without holding it open. */
  syncFile(path: string): Promise<void>
  readFile(path: string): Buffer | null
  /** Write, fsync, rename, fsync of the folder (Invariant 8). */
  replaceFile(path: string, bytes: Buffer | string): Promise<void>
  /** As a plain write: durable only after `syncFile`. */
  writeFile(path: string, bytes: Buffer | string): void
  exists(path: string): boolean
  stat(path: string): { bytes: number; modifiedMs: number } | null
  list(folder: string): DiskEntry[]
  makeFolder(path: string): void
  rename(from: string, to: string): void
  /** A missing file is fine: the end is the same. */
  unlink(path: string): void
  /** A folder with all that is in it. */
  removeFolder(path: string): Promise<void>
  /** Takes the lock file at `path`. Throws an error with the holder's process id while a live process holds it. */
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
    let done = 0
    while (done < length) {
      const got = fs.readSync(file, into, at + done, length - done, position + done)
      if (got === 0) break
      done += got
    }
    return done
  },
  async read(file, into, at, length, position) {
    let done = 0
    while (done < length) {
      const got = await new Promise<number>((resolve, reject) =>
        fs.read(file, into, at + done, length - done, position + done, (error, bytes) => (error ? reject(error) : resolve(bytes))),
      )
      if (got === 0) break
      done += got
    }
    return done
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
  async replaceFile(path, bytes) {
    const draft = `${path}.tmp`
    const file = await fs.promises.open(draft, 'w', 0o644)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await fs.promises.rename(draft, path)
    await syncPath(dirname(path))
  },
  writeFile: (path, bytes) => fs.writeFileSync(path, bytes, { mode: 0o644 }),
  exists: (path) => fs.existsSync(path),
  stat(path) {
    const found = fs.statSync(path, { throwIfNoEntry: false })
    return found ? { bytes: found.size, modifiedMs: found.mtimeMs } : null
  },
  list: (folder) => fs.readdirSync(folder, { withFileTypes: true }).map((entry) => ({ name: entry.name, folder: entry.isDirectory() })),
  makeFolder,
  rename: (from, to) => fs.renameSync(from, to),
  unlink: (path) => fs.rmSync(path, { force: true }),
  removeFolder: (path) => fs.promises.rm(path, { recursive: true, force: true }),
  lock: lockFile,
}

/** One level after the other: Node's own `recursive` tries for ever where a file system takes no folders, as below /proc. */
function makeFolder(path: string): void {
  if (fs.statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  const parent = dirname(path)
  if (parent !== path) makeFolder(parent)
  try {
    fs.mkdirSync(path)
  } catch (error) {
    // made by somebody else meanwhile
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !fs.statSync(path).isDirectory()) throw error
  }
}

async function syncPath(path: string): Promise<void> {
  const handle = await fs.promises.open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Lock files that this process holds: its own pid in a file says nothing, since a container gives every start the same one. */
const held = new Set<string>()

/**
 * Who a process is beyond its number: numbers come back after a reboot, and every container counts from 1. Where the system does not tell
 * (no /proc), the number alone has to do.
 */
function identity(pid: number): string | null {
  try {
    const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    return `${factsOf(pid)[19]}@${boot}`
  } catch {
    return null
  }
}

/** A process's line in /proc behind its name: its state comes first. */
function factsOf(pid: number): string[] {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** Killed, and kept in the table by a parent that does not ask how it ended, as the first process of many a container. */
function isDefunct(pid: number): boolean {
  try {
    return ['Z', 'X'].includes(factsOf(pid)[0]!)
  } catch {
    return false
  }
}

function isAlive(pid: number, known: string | undefined): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  if (isDefunct(pid)) return false
  const now = identity(pid)
  return now === null || known === undefined || known === now
}

function lockFile(path: string): DiskLock {
  if (held.has(path)) throw new Error(`${path} is held by this process already: two brokers in one process need two folders`)
  const own = [String(process.pid), identity(process.pid) ?? ''].join(' ').trim()
  const draft = `${path}.${process.pid}`
  fs.writeFileSync(draft, `${own}\n`)
  try {
    for (let tries = 0; ; tries++) {
      try {
        fs.linkSync(draft, path)
        break
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || tries === 100) throw error
      }
      const [pid, known] = (realDisk.readFile(path)?.toString('latin1') ?? '').trim().split(' ')
      const holder = Number(pid)
      if (holder > 0 && holder !== process.pid && isAlive(holder, known)) {
        throw new Error(`${path} is held by the live process ${holder}: stop it first, or give this broker another folder`)
      }
      realDisk.unlink(path)
    }
  } finally {
    realDisk.unlink(draft)
  }
  held.add(path)
  let released = false
  return {
    release() {
      if (released) return
      released = true
      held.delete(path)
      realDisk.unlink(path)
    },
  }
}
