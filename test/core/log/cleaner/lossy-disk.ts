/**
 * The real disk, which stops working after a number of changes, and knows what a power loss at that moment may leave: names that were not
 * synced may be as before or as after each change, and files that were not synced may be empty.
 */
import { copyFileSync, fstatSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type Disk, realDisk } from '../../../../core/system/disk.ts'

/** A new file, by its inode; a renamed one; a removed one. */
type NameChange = { name: string; inode?: number; to?: string }

export interface LossyDisk extends Disk {
  /** Since `failAfter`. */
  readonly changes: number
  readonly hasFailed: boolean
  /** The number of changes after each rename. */
  readonly renamedAt: readonly number[]
  /** From now on `limit` changes work, and none after them. All that is on the disk now is durable. */
  failAfter(limit: number): void
  /** Writes what a power loss leaves of the folder to `into`. `choose` decides about each change and each file that is not durable. */
  loseTo(into: string, choose: () => boolean): void
}

/** The names in `folder` are followed; `shadow` is a path on the same file system for its own use. */
export function lossyDisk(folder: string, shadow: string): LossyDisk {
  let limit = Number.POSITIVE_INFINITY
  let changes = 0
  let hasFailed = false
  let renamedAt: number[] = []
  let unsynced: NameChange[] = []
  /** Inodes. */
  const dirty = new Set<number>()
  const isFollowed = (path: string) => dirname(path) === folder
  const inodeOf = (path: string) => statSync(path).ino
  const change = () => {
    if (changes >= limit) {
      hasFailed = true
      throw Object.assign(new Error('EIO: the power is off'), { code: 'EIO' })
    }
    changes++
  }
  const keepNames = () => {
    rmSync(shadow, { recursive: true, force: true })
    mkdirSync(shadow, { recursive: true })
    for (const name of readdirSync(folder)) linkSync(join(folder, name), join(shadow, name))
    unsynced = []
  }
  const created = (path: string) => {
    if (!isFollowed(path)) return
    unsynced.push({ name: basename(path), inode: inodeOf(path) })
    dirty.add(inodeOf(path))
  }
  return {
    ...realDisk,
    open(path, mode) {
      const isNew = !realDisk.exists(path)
      if (isNew || mode === 'fresh') change()
      const file = realDisk.open(path, mode)
      if (isNew) created(path)
      return file
    },
    writeSync(file, bytes, position) {
      change()
      dirty.add(fstatSync(file).ino)
      return realDisk.writeSync(file, bytes, position)
    },
    writevSync(file, chunks, position) {
      change()
      dirty.add(fstatSync(file).ino)
      return realDisk.writevSync(file, chunks, position)
    },
    async fdatasync(file) {
      change()
      await realDisk.fdatasync(file)
      dirty.delete(fstatSync(file).ino)
    },
    async syncFile(path) {
      change()
      await realDisk.syncFile(path)
      if (isFollowed(path)) dirty.delete(inodeOf(path))
    },
    async syncFolder(path) {
      change()
      await realDisk.syncFolder(path)
      if (path === folder) keepNames()
    },
    async replaceFile(path, bytes) {
      change()
      await realDisk.replaceFile(path, bytes)
      if (isFollowed(path)) keepNames()
    },
    writeFile(path, bytes) {
      change()
      const isNew = !realDisk.exists(path)
      realDisk.writeFile(path, bytes)
      if (isNew) created(path)
      else if (isFollowed(path)) dirty.add(inodeOf(path))
    },
    setModified(path, modifiedMs) {
      change()
      realDisk.setModified(path, modifiedMs)
    },
    truncate(file, bytes) {
      change()
      dirty.add(fstatSync(file).ino)
      realDisk.truncate(file, bytes)
    },
    rename(from, to) {
      change()
      realDisk.rename(from, to)
      renamedAt.push(changes)
      if (isFollowed(from)) unsynced.push({ name: basename(from), to: basename(to) })
    },
    unlink(path) {
      change()
      if (isFollowed(path)) unsynced.push({ name: basename(path) })
      realDisk.unlink(path)
    },
    get changes() {
      return changes
    },
    get hasFailed() {
      return hasFailed
    },
    get renamedAt() {
      return renamedAt
    },
    failAfter(count) {
      limit = count
      changes = 0
      hasFailed = false
      renamedAt = []
      dirty.clear()
      keepNames()
    },
    loseTo(into, choose) {
      mkdirSync(into, { recursive: true })
      /** The inodes of the files in `into`, before the copy. */
      const inodes = new Map<string, number>()
      const copy = (path: string, name: string) => {
        copyFileSync(path, join(into, name))
        inodes.set(name, inodeOf(path))
      }
      for (const name of readdirSync(shadow)) copy(join(shadow, name), name)
      for (const { name, inode, to } of unsynced) {
        if (!choose()) continue
        if (inode !== undefined) {
          const current = readdirSync(folder).find((candidate) => inodeOf(join(folder, candidate)) === inode)
          if (current !== undefined) copy(join(folder, current), name)
        } else if (inodes.has(name)) {
          if (to === undefined) rmSync(join(into, name))
          else {
            renameSync(join(into, name), join(into, to))
            inodes.set(to, inodes.get(name)!)
          }
          inodes.delete(name)
        }
      }
      for (const [name, inode] of inodes) if (dirty.has(inode) && choose()) truncateSync(join(into, name), 0)
    },
  }
}
