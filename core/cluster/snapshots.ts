/**
 * The snapshot files beside the metadata log, `<end offset>-<epoch>.checkpoint`: finds them at the start, writes new ones under a temporary
 * name first (Invariant 8), and deletes old ones by Kafka's rules. They hold secrets: only their owner may read them.
 */
import type { Disk } from '../system/disk.ts'
import { at, BATCH_OVERHEAD, readInt64 } from '../wire/batch-header.ts'

const NAME = /^(\d{20})-(\d{10})\.checkpoint$/
const UNFINISHED = /\.checkpoint\.(part|deleted|tmp)$/
export const OWNER_ONLY = 0o600

export interface SnapshotId {
  /** Exclusive: the snapshot holds what is before it. */
  readonly endOffset: number
  readonly epoch: number
}

/** The snapshot of a dynamic quorum before its log begins: it has the first voters and no records. */
export const FIRST_VOTERS: SnapshotId = { endOffset: 0, epoch: 0 }

/** What the deletion of old snapshots looks at. */
export interface SnapshotFacts extends SnapshotId {
  readonly sizeBytes: number
  readonly createdMs: number
}

export interface SnapshotRetention {
  /** metadata.max.retention.bytes and .ms; below zero for no limit. */
  readonly retentionBytes: number
  readonly retentionMs: number
}

export const snapshotName = ({ endOffset, epoch }: SnapshotId): string =>
  `${String(endOffset).padStart(20, '0')}-${String(epoch).padStart(10, '0')}.checkpoint`

/** How many of the oldest of `snapshots` (ascending) are deleted; at least the newest stays. */
export function expiredSnapshots(
  snapshots: readonly SnapshotFacts[],
  logSizeBytes: number,
  { retentionBytes, retentionMs }: SnapshotRetention,
  nowMs: number,
): number {
  let totalBytes = logSizeBytes + snapshots.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  let expired = 0
  for (const { sizeBytes, createdMs } of snapshots.slice(0, -1)) {
    const isOld = retentionMs >= 0 && nowMs - createdMs > retentionMs
    const isLarge = retentionBytes >= 0 && totalBytes > retentionBytes
    if (!isOld && !isLarge) break
    totalBytes -= sizeBytes
    expired++
  }
  return expired
}

export class Snapshots {
  readonly #disk: Disk
  readonly folder: string
  #ids: SnapshotId[]
  /** True where the folder has the snapshot 0-0, which names the first voters of a dynamic quorum. */
  hasFirstVoters: boolean

  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.folder = folder
    const names = disk.exists(folder) ? disk.list(folder).map(({ name }) => name) : []
    for (const name of names) if (UNFINISHED.test(name)) disk.unlink(`${folder}/${name}`)
    const found = names.flatMap((name) => {
      const match = NAME.exec(name)
      return match ? [{ endOffset: Number(match[1]), epoch: Number(match[2]) }] : []
    })
    this.hasFirstVoters = found.some(({ endOffset, epoch }) => endOffset === 0 && epoch === 0)
    this.#ids = found.filter(({ endOffset }) => endOffset > 0).sort((a, b) => a.endOffset - b.endOffset || a.epoch - b.epoch)
  }

  /** Ascending, without 0-0. */
  get ids(): readonly SnapshotId[] {
    return this.#ids
  }

  get newest(): SnapshotId | undefined {
    return this.#ids.at(-1)
  }

  pathOf(id: SnapshotId): string {
    return `${this.folder}/${snapshotName(id)}`
  }

  read(id: SnapshotId): Buffer {
    const bytes = this.#disk.readFile(this.pathOf(id))
    if (bytes === null) throw new Error(`${this.pathOf(id)} is missing`)
    return bytes
  }

  /** Durable when it resolves. */
  async write(id: SnapshotId, bytes: Buffer): Promise<void> {
    await this.#disk.replaceFile(this.pathOf(id), bytes, OWNER_ONLY)
    if (id.endOffset === 0) this.hasFirstVoters = true
    else this.#ids = [...this.#ids.filter(({ endOffset }) => endOffset !== id.endOffset), id]
  }

  facts(): SnapshotFacts[] {
    return this.#ids.map((id) => ({
      ...id,
      sizeBytes: this.#disk.stat(this.pathOf(id))?.bytes ?? 0,
      createdMs: this.#createdMs(id),
    }))
  }

  deleteOldest(count: number): void {
    for (const id of this.#ids.slice(0, count)) this.#disk.unlink(this.pathOf(id))
    this.#ids = this.#ids.slice(count)
  }

  /** The time in the first batch: that of the file changes when the folder is copied. */
  #createdMs(id: SnapshotId): number {
    const file = this.#disk.open(this.pathOf(id), 'read')
    try {
      const head = Buffer.alloc(BATCH_OVERHEAD)
      return this.#disk.readSync(file, head, 0, head.length, 0) < head.length ? 0 : readInt64(head, at.baseTimestamp)
    } finally {
      this.#disk.close(file)
    }
  }
}
