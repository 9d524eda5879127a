/**
 * A disk in memory that records the order of all writes and syncs, and that can be built again as a power cut at any of these steps may
 * leave it. What a sync covered is there; of the rest any part may be missing: each page of a file on its own, and the names of a folder
 * from the end backwards, as a journalling file system keeps them. It can also fill up, fail, and lie about its syncs. After a failed sync
 * of a file no later one covers the same writes: Linux marks their pages clean.
 */
import { dirname } from 'node:path'
import { isTooManyOpenFiles } from '../../core/log/open-files.ts'
import type { Disk, DiskEntry, DiskFile, OpenMode } from '../../core/system/disk.ts'

const PAGE_BYTES = 4096
const TOTAL_BYTES = 2 ** 40

type FileChange = { type: 'write'; position: number; bytes: Buffer } | { type: 'truncate'; bytes: number }

/** A name of a folder changes: it points to `node`, or to nothing. */
type NameChange = readonly (readonly [name: string, node: Node | null])[]

/** What a sync covers was there at step `from`; it has ended at step `to`. */
interface Sync {
  readonly from: number
  readonly to: number
}

class Content {
  #bytes: Buffer = Buffer.alloc(0)
  #length = 0

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  get length(): number {
    return this.#length
  }

  apply(change: FileChange): void {
    const end = change.type === 'truncate' ? change.bytes : change.position + change.bytes.length
    if (end > this.#bytes.length) this.#bytes = Buffer.concat([this.bytes, Buffer.alloc(end * 2 - this.#length)])
    if (change.type === 'write') {
      change.bytes.copy(this.#bytes, change.position)
      this.#length = Math.max(this.#length, end)
    } else {
      if (end < this.#length) this.#bytes.fill(0, end, this.#length)
      this.#length = end
    }
  }
}

class File {
  readonly content = new Content()
  readonly changes: { step: number; change: FileChange }[] = []
  readonly syncs: Sync[] = []
  readonly failedSyncs: Sync[] = []
  modifiedMs = Date.now()
}

class Folder {
  readonly children = new Map<string, Node>()
  readonly changes: { step: number; change: NameChange }[] = []
  readonly syncs: Sync[] = []
}

type Node = File | Folder

/**
 * How a power cut treats what no sync covered. `kept`: as a kill of the process. `torn`: some pages, and names up to one of the changes.
 * `reordered`: some pages, and some changes of names, which is more than a journalling file system does.
 */
export type Unsynced = 'lost' | 'kept' | 'torn' | 'reordered'

/** A call that a fault may meet. */
export interface DiskCall {
  readonly type: 'write' | 'truncate' | 'create' | 'rename' | 'remove' | 'sync'
  readonly path: string
}

/** True for a sync that says it is done and makes nothing durable. */
export type Lie = (path: string) => boolean

export const diskError = (code: string, path: string): NodeJS.ErrnoException => Object.assign(new Error(`${code}: ${path}`), { code })

/** Every change before the returned step was covered by a sync that ended before `step`. */
function coveredUpTo(syncs: readonly Sync[], step: number): number {
  let covered = 0
  for (const { from, to } of syncs) if (to <= step && from > covered) covered = from
  return covered
}

/** A failed sync was the first to try the change at `at`. */
const isDropped = ({ syncs, failedSyncs }: File, at: number): boolean =>
  failedSyncs.some((failed) => failed.from > at && !syncs.some(({ from, to }) => from > at && to <= failed.to))

/** A write as the pages that may reach the disk on their own. */
function* pagesOf(change: FileChange): Iterable<FileChange> {
  if (change.type === 'truncate') {
    yield change
    return
  }
  let at = 0
  while (at < change.bytes.length) {
    const position = change.position + at
    const length = Math.min(change.bytes.length - at, PAGE_BYTES - (position % PAGE_BYTES))
    yield { type: 'write', position, bytes: change.bytes.subarray(at, at + length) }
    at += length
  }
}

export class RecordingDisk implements Disk {
  readonly #root = new Folder()
  readonly #open = new Map<DiskFile, { file: File; path: string }>()
  readonly #locks = new Set<string>()
  readonly #lies: Lie
  #nextFile: DiskFile = 1000
  /** How many changes and syncs there were so far. */
  step = 0
  /** Bytes by which files may still grow; a full disk has 0. */
  roomBytes = Number.POSITIVE_INFINITY
  /** Throws the error of a call that is to fail. */
  fault: (call: DiskCall) => void = () => {}

  constructor(lies: Lie = () => false) {
    this.#lies = lies
  }

  /** The disk after a power cut at `step`. `random` decides about each page and name that may be there. */
  afterPowerCut(step: number, unsynced: Unsynced, random: () => number): RecordingDisk {
    const disk = new RecordingDisk(this.#lies)
    const copies = new Map<File, File>()
    const copyFile = (file: File): File => {
      let copy = copies.get(file)
      if (copy) return copy
      copy = new File()
      const covered = coveredUpTo(file.syncs, step)
      for (const { step: at, change } of file.changes) {
        if (at >= step) break
        const isCovered = at < covered && (file.failedSyncs.length === 0 || !isDropped(file, at))
        if (isCovered || unsynced === 'kept') copy.content.apply(change)
        else if (unsynced !== 'lost') for (const page of pagesOf(change)) if (random() < 0.5) copy.content.apply(page)
      }
      copy.modifiedMs = file.modifiedMs
      copy.changes.push({ step: -1, change: { type: 'write', position: 0, bytes: Buffer.from(copy.content.bytes) } })
      copies.set(file, copy)
      return copy
    }
    const copyFolder = (from: Folder, to: Folder): void => {
      const covered = coveredUpTo(from.syncs, step)
      const happened = from.changes.filter(({ step: at }) => at < step)
      const optional = happened.filter(({ step: at }) => at >= covered).length
      const kept = unsynced === 'lost' ? 0 : unsynced === 'torn' ? Math.floor(random() * (optional + 1)) : optional
      const names = new Map<string, Node>()
      for (const { step: at, change } of happened.slice(0, happened.length - optional + kept)) {
        const isKept = unsynced !== 'reordered' || at < covered || (random() < 0.5 && isPossible(names, change))
        if (isKept) setNames(names, change)
      }
      for (const [name, node] of names) {
        if (node instanceof File) to.children.set(name, copyFile(node))
        else {
          const folder = new Folder()
          to.children.set(name, folder)
          copyFolder(node, folder)
        }
      }
      to.changes.push({ step: -1, change: [...to.children] })
    }
    copyFolder(this.#root, disk.#root)
    return disk
  }

  open(path: string, mode: OpenMode): DiskFile {
    let file = this.#find(path)
    if (file instanceof Folder) throw diskError('EISDIR', path)
    if (!file) {
      if (mode === 'read' || mode === 'write') throw diskError('ENOENT', path)
      if (this.roomBytes <= 0) throw diskError('ENOSPC', path)
      file = new File()
      this.#changeNames('create', path, [[baseName(path), file]])
    } else if (mode === 'fresh' && file.content.length > 0) this.#changeFile(file, path, { type: 'truncate', bytes: 0 })
    const handle = this.#nextFile++
    this.#open.set(handle, { file, path })
    return handle
  }

  close(file: DiskFile): void {
    this.#open.delete(file)
  }

  size(file: DiskFile): number {
    return this.#opened(file).file.content.length
  }

  readSync(file: DiskFile, into: Buffer, at: number, length: number, position: number): number {
    const { bytes } = this.#opened(file).file.content
    return position >= bytes.length ? 0 : bytes.copy(into, at, position, Math.min(position + length, bytes.length))
  }

  async read(file: DiskFile, into: Buffer, at: number, length: number, position: number): Promise<number> {
    await aTurn()
    return this.readSync(file, into, at, length, position)
  }

  writeSync(file: DiskFile, bytes: Buffer, position: number): number {
    const { file: written, path } = this.#opened(file)
    // A disk that fills up takes the first part of a write.
    const fitting = Math.min(bytes.length, written.content.length + this.roomBytes - position)
    if (fitting <= 0 && bytes.length > 0) throw diskError('ENOSPC', path)
    this.roomBytes -= Math.max(0, position + fitting - written.content.length)
    this.#changeFile(written, path, { type: 'write', position, bytes: Buffer.from(bytes.subarray(0, fitting)) })
    return fitting
  }

  writevSync(file: DiskFile, chunks: Buffer[], position: number): number {
    return this.writeSync(file, Buffer.concat(chunks), position)
  }

  async writev(file: DiskFile, chunks: Buffer[], position: number): Promise<number> {
    await aTurn()
    return this.writevSync(file, chunks, position)
  }

  fdatasync(file: DiskFile): Promise<void> {
    const { file: synced, path } = this.#opened(file)
    return this.#sync(synced, path)
  }

  truncate(file: DiskFile, bytes: number): void {
    const { file: truncated, path } = this.#opened(file)
    this.#changeFile(truncated, path, { type: 'truncate', bytes })
  }

  async syncFolder(path: string): Promise<void> {
    await this.#sync(this.#folder(path), path)
  }

  async syncFile(path: string): Promise<void> {
    const node = this.#find(path)
    if (!node) throw diskError('ENOENT', path)
    await this.#sync(node, path)
  }

  readRegularFile(path: string, maxBytes: number): Promise<Buffer> {
    const bytes = this.readFile(path)
    if (bytes === null) return Promise.reject(diskError('ENOENT', path))
    return bytes.length > maxBytes ? Promise.reject(new Error(`${path} is too long`)) : Promise.resolve(bytes)
  }

  kindOf(path: string): ReturnType<Disk['kindOf']> {
    const node = this.#find(path)
    return Promise.resolve(node ? (node instanceof File ? 'file' : 'folder') : null)
  }

  readFile(path: string): Buffer | null {
    const node = this.#find(path)
    return node instanceof File ? Buffer.from(node.content.bytes) : null
  }

  async replaceFile(path: string, bytes: Buffer | string): Promise<void> {
    const temporary = `${path}.tmp`
    this.writeFile(temporary, bytes)
    await this.syncFile(temporary)
    this.rename(temporary, path)
    await this.syncFolder(dirname(path))
  }

  writeFile(path: string, bytes: Buffer | string): void {
    const file = this.open(path, 'fresh')
    try {
      const whole = Buffer.from(bytes)
      for (let at = 0; at < whole.length; ) at += this.writeSync(file, whole.subarray(at), at)
    } finally {
      this.close(file)
    }
  }

  exists(path: string): boolean {
    return this.#find(path) !== undefined
  }

  stat(path: string): { bytes: number; modifiedMs: number } | null {
    const node = this.#find(path)
    if (!node) return null
    return node instanceof File ? { bytes: node.content.length, modifiedMs: node.modifiedMs } : { bytes: 0, modifiedMs: 0 }
  }

  names(folder: string): string[] | null {
    const node = this.#find(folder)
    return node instanceof Folder ? [...node.children.keys()] : null
  }

  list(folder: string): DiskEntry[] {
    return [...this.#folder(folder).children].map(([name, node]) => ({ name, folder: node instanceof Folder }))
  }

  space(): { totalBytes: number; usableBytes: number } {
    return { totalBytes: TOTAL_BYTES, usableBytes: Math.min(TOTAL_BYTES, this.roomBytes) }
  }

  makeFolder(path: string): void {
    if (this.#find(path) instanceof Folder) return
    this.makeFolder(dirname(path))
    if (this.roomBytes <= 0) throw diskError('ENOSPC', path)
    this.#changeNames('create', path, [[baseName(path), new Folder()]])
  }

  rename(from: string, to: string): void {
    const node = this.#find(from)
    if (!node) throw diskError('ENOENT', from)
    if (dirname(from) !== dirname(to)) throw new Error(`a rename from ${from} to ${to}: this disk knows renames within a folder only`)
    this.#changeNames('rename', to, [
      [baseName(from), null],
      [baseName(to), node],
    ])
  }

  setModified(path: string, modifiedMs: number): void {
    const node = this.#find(path)
    if (!node) throw diskError('ENOENT', path)
    if (node instanceof File) node.modifiedMs = modifiedMs
  }

  unlink(path: string): void {
    if (this.#find(path)) this.#changeNames('remove', path, [[baseName(path), null]])
  }

  async remove(path: string): Promise<void> {
    await aTurn()
    this.unlink(path)
  }

  lock(path: string): { release(): void } {
    if (this.#locks.has(path)) throw new Error(`${path} is locked`)
    this.#locks.add(path)
    return { release: () => void this.#locks.delete(path) }
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root
    for (const name of path.split('/')) {
      if (name === '') continue
      if (!(node instanceof Folder)) return undefined
      node = node.children.get(name)
    }
    return node
  }

  #folder(path: string): Folder {
    const node = this.#find(path)
    if (!(node instanceof Folder)) throw diskError(node ? 'ENOTDIR' : 'ENOENT', path)
    return node
  }

  #opened(file: DiskFile): { file: File; path: string } {
    const opened = this.#open.get(file)
    if (!opened) throw diskError('EBADF', String(file))
    return opened
  }

  #changeFile(file: File, path: string, change: FileChange): void {
    this.fault({ type: change.type, path })
    file.content.apply(change)
    file.modifiedMs = Date.now()
    file.changes.push({ step: this.step++, change })
  }

  #changeNames(type: DiskCall['type'], path: string, change: NameChange): void {
    this.fault({ type, path })
    const folder = this.#folder(dirname(path))
    setNames(folder.children, change)
    folder.changes.push({ step: this.step++, change })
  }

  /** What changes while the sync runs is not covered by it. */
  async #sync(node: Node, path: string): Promise<void> {
    const from = this.step
    await aTurn()
    try {
      this.fault({ type: 'sync', path })
    } catch (error) {
      if (node instanceof File && !isTooManyOpenFiles(error)) node.failedSyncs.push({ from, to: ++this.step })
      throw error
    }
    this.step++
    if (!this.#lies(path)) node.syncs.push({ from, to: this.step })
  }
}

/** A name can be renamed or removed where it exists. */
const isPossible = (names: ReadonlyMap<string, Node>, change: NameChange): boolean =>
  change.every(([name, node]) => node !== null || names.has(name))

function setNames(names: Map<string, Node>, change: NameChange): void {
  for (const [name, node] of change) {
    if (node === null) names.delete(name)
    else names.set(name, node)
  }
}

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
const aTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
