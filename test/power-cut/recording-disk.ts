/**
 * A disk in memory that records the order of all writes and syncs, and that can be built again as a power cut at any of these steps may
 * leave it. What a sync covered is there; of the rest any part may be missing: each page of a file on its own, and the names of a folder
 * from the end backwards, as a journalling file system keeps them.
 */
import { dirname } from 'node:path'
import type { Disk, DiskEntry, DiskFile, OpenMode } from '../../core/system/disk.ts'

const PAGE_BYTES = 4096

type FileChange = { type: 'write'; position: number; bytes: Buffer } | { type: 'truncate'; bytes: number }

/** A name of a folder changes: it points to `node`, or to nothing. */
interface NameChange {
  readonly names: readonly (readonly [name: string, node: Node | null])[]
}

class File {
  bytes: Buffer = Buffer.alloc(0)
  readonly changes: { step: number; change: FileChange }[] = []
  readonly syncs: { from: number; to: number }[] = []
  modifiedMs = Date.now()
}

class Folder {
  readonly children = new Map<string, Node>()
  readonly changes: { step: number; change: NameChange }[] = []
  readonly syncs: { from: number; to: number }[] = []
}

type Node = File | Folder

const failed = (code: string, path: string): NodeJS.ErrnoException => Object.assign(new Error(`${code}: ${path}`), { code })

function applyToFile(bytes: Buffer, change: FileChange): Buffer {
  if (change.type === 'truncate') {
    if (change.bytes <= bytes.length) return Buffer.from(bytes.subarray(0, change.bytes))
    return Buffer.concat([bytes, Buffer.alloc(change.bytes - bytes.length)])
  }
  const end = change.position + change.bytes.length
  const next = end <= bytes.length ? bytes : Buffer.concat([bytes, Buffer.alloc(end - bytes.length)])
  change.bytes.copy(next, change.position)
  return next
}

/** How a power cut treats what no sync covered. */
export type Unsynced = 'lost' | 'kept' | 'torn'

/** What was covered by a sync that ended before `step`: every change before the returned step. */
function coveredUpTo(syncs: readonly { from: number; to: number }[], step: number): number {
  let covered = 0
  for (const { from, to } of syncs) if (to <= step && from > covered) covered = from
  return covered
}

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
  readonly #open = new Map<DiskFile, File>()
  readonly #locks = new Set<string>()
  #nextFile: DiskFile = 1000
  /** How many changes and syncs there were so far. */
  step = 0

  /** The disk after a power cut at `step`. `random` decides about each page and name where `unsynced` is `torn`. */
  afterPowerCut(step: number, unsynced: Unsynced, random: () => number): RecordingDisk {
    const disk = new RecordingDisk()
    const copies = new Map<File, File>()
    const copyFile = (file: File): File => {
      let copy = copies.get(file)
      if (copy) return copy
      copy = new File()
      const covered = coveredUpTo(file.syncs, step)
      let bytes: Buffer = Buffer.alloc(0)
      for (const { step: at, change } of file.changes) {
        if (at >= step) break
        if (at < covered || unsynced === 'kept') bytes = applyToFile(bytes, change)
        else if (unsynced === 'torn') for (const page of pagesOf(change)) if (random() < 0.5) bytes = applyToFile(bytes, page)
      }
      copy.bytes = bytes
      copy.changes.push({ step: -1, change: { type: 'write', position: 0, bytes: Buffer.from(bytes) } })
      copies.set(file, copy)
      return copy
    }
    const copyFolder = (from: Folder, to: Folder): void => {
      const covered = coveredUpTo(from.syncs, step)
      const happened = from.changes.filter(({ step: at }) => at < step)
      const optional = happened.filter(({ step: at }) => at >= covered).length
      const keptOptional = unsynced === 'kept' ? optional : unsynced === 'lost' ? 0 : Math.floor(random() * (optional + 1))
      const names = new Map<string, Node>()
      for (const { change } of happened.slice(0, happened.length - optional + keptOptional))
        for (const [name, node] of change.names) {
          if (node === null) names.delete(name)
          else names.set(name, node)
        }
      for (const [name, node] of names) {
        if (node instanceof File) to.children.set(name, copyFile(node))
        else {
          const folder = new Folder()
          to.children.set(name, folder)
          copyFolder(node, folder)
        }
      }
      to.changes.push({ step: -1, change: { names: [...to.children] } })
    }
    copyFolder(this.#root, disk.#root)
    return disk
  }

  open(path: string, mode: OpenMode): DiskFile {
    let file = this.#find(path)
    if (file instanceof Folder) throw failed('EISDIR', path)
    if (!file) {
      if (mode === 'read' || mode === 'write') throw failed('ENOENT', path)
      file = new File()
      this.#changeNames(this.#folder(dirname(path)), [[baseName(path), file]])
    } else if (mode === 'fresh') this.#changeFile(file, { type: 'truncate', bytes: 0 })
    const handle = this.#nextFile++
    this.#open.set(handle, file)
    return handle
  }

  close(file: DiskFile): void {
    this.#open.delete(file)
  }

  size(file: DiskFile): number {
    return this.#opened(file).bytes.length
  }

  readSync(file: DiskFile, into: Buffer, at: number, length: number, position: number): number {
    return this.#opened(file).bytes.copy(into, at, position, Math.min(position + length, this.#opened(file).bytes.length))
  }

  async read(file: DiskFile, into: Buffer, at: number, length: number, position: number): Promise<number> {
    await aTurn()
    return this.readSync(file, into, at, length, position)
  }

  writeSync(file: DiskFile, bytes: Buffer, position: number): number {
    this.#changeFile(this.#opened(file), { type: 'write', position, bytes: Buffer.from(bytes) })
    return bytes.length
  }

  writevSync(file: DiskFile, chunks: Buffer[], position: number): number {
    return this.writeSync(file, Buffer.concat(chunks), position)
  }

  async writev(file: DiskFile, chunks: Buffer[], position: number): Promise<number> {
    await aTurn()
    return this.writevSync(file, chunks, position)
  }

  fdatasync(file: DiskFile): Promise<void> {
    return this.#sync(this.#opened(file))
  }

  truncate(file: DiskFile, bytes: number): void {
    this.#changeFile(this.#opened(file), { type: 'truncate', bytes })
  }

  async syncFolder(path: string): Promise<void> {
    await this.#sync(this.#folder(path))
  }

  async syncFile(path: string): Promise<void> {
    const node = this.#find(path)
    if (!node) throw failed('ENOENT', path)
    await this.#sync(node)
  }

  readFile(path: string): Buffer | null {
    const node = this.#find(path)
    return node instanceof File ? Buffer.from(node.bytes) : null
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
    this.writeSync(file, Buffer.from(bytes), 0)
    this.close(file)
  }

  exists(path: string): boolean {
    return this.#find(path) !== undefined
  }

  stat(path: string): { bytes: number; modifiedMs: number } | null {
    const node = this.#find(path)
    if (!node) return null
    return node instanceof File ? { bytes: node.bytes.length, modifiedMs: node.modifiedMs } : { bytes: 0, modifiedMs: 0 }
  }

  list(folder: string): DiskEntry[] {
    return [...this.#folder(folder).children].map(([name, node]) => ({ name, folder: node instanceof Folder }))
  }

  makeFolder(path: string): void {
    if (this.#find(path) instanceof Folder) return
    this.makeFolder(dirname(path))
    this.#changeNames(this.#folder(dirname(path)), [[baseName(path), new Folder()]])
  }

  rename(from: string, to: string): void {
    const node = this.#find(from)
    if (!node) throw failed('ENOENT', from)
    if (dirname(from) !== dirname(to)) throw new Error(`a rename from ${from} to ${to}: this disk knows renames within a folder only`)
    this.#changeNames(this.#folder(dirname(from)), [
      [baseName(from), null],
      [baseName(to), node],
    ])
  }

  unlink(path: string): void {
    if (this.#find(path)) this.#changeNames(this.#folder(dirname(path)), [[baseName(path), null]])
  }

  async removeFolder(path: string): Promise<void> {
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
    if (!(node instanceof Folder)) throw failed(node ? 'ENOTDIR' : 'ENOENT', path)
    return node
  }

  #opened(file: DiskFile): File {
    const opened = this.#open.get(file)
    if (!opened) throw failed('EBADF', String(file))
    return opened
  }

  #changeFile(file: File, change: FileChange): void {
    file.bytes = applyToFile(file.bytes, change)
    file.modifiedMs = Date.now()
    file.changes.push({ step: this.step++, change })
  }

  #changeNames(folder: Folder, names: NameChange['names']): void {
    for (const [name, node] of names) {
      if (node === null) folder.children.delete(name)
      else folder.children.set(name, node)
    }
    folder.changes.push({ step: this.step++, change: { names } })
  }

  /** What changes while the sync runs is not covered by it. */
  async #sync(node: Node): Promise<void> {
    const from = this.step
    await aTurn()
    this.step++
    node.syncs.push({ from, to: this.step })
  }
}

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
const aTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
