/**
 * Completes interrupted deletions, compactions and writes in a partition's folder, as Kafka's LogLoader does: removes `.deleted` and
 * `.cleaned` files, replaces segments by complete `.swap` files, removes index files without a log.
 */
import type { Disk } from '../system/disk.ts'
import { at, BATCH_OVERHEAD, batchSize, LOG_OVERHEAD, readInt64 } from '../wire/batch-header.ts'
import { offsetFileName, suffixes } from './segment.ts'

const NAME = /^(\d{20})(\.log|\.index|\.timeindex|\.txnindex|\.snapshot)(\.deleted|\.cleaned|\.swap|\.tmp)?$/

const partsOf = (name: string) => {
  const match = NAME.exec(name)
  return match ? { base: Number(match[1]), suffix: match[2]!, ending: match[3] ?? '' } : null
}

/** The offsets in the names of the files with `suffix`, ascending. */
export const baseOffsetsOf = (names: readonly string[], suffix: string): number[] =>
  names
    .map(partsOf)
    .filter((parts) => parts !== null && parts.suffix === suffix && parts.ending === '')
    .map((parts) => parts!.base)
    .sort((a, b) => a - b)

/** Completes interrupted operations. Returns the names of the remaining files. */
export function completeSwapOperations(disk: Disk, folder: string, names: readonly string[]): string[] {
  const remaining = new Set(names)
  const unlink = (name: string) => {
    disk.unlink(`${folder}/${name}`)
    remaining.delete(name)
  }
  let minCleaned = Number.POSITIVE_INFINITY
  for (const name of names) {
    const parts = partsOf(name)
    if (name.endsWith('.tmp') || parts?.ending === '.deleted' || parts?.ending === '.cleaned') unlink(name)
    if (parts?.ending === '.cleaned' && parts.suffix === suffixes.log) minCleaned = Math.min(minCleaned, parts.base)
  }
  const swaps = [...remaining].filter((name) => partsOf(name)?.ending === '.swap')
  // A swap file at or after a cleaned file belongs to an incomplete split: the original segments still exist.
  for (const name of swaps) if (partsOf(name)!.base >= minCleaned) unlink(name)
  const swapLogs = swaps.filter((name) => remaining.has(name) && partsOf(name)!.suffix === suffixes.log)
  const originals = baseOffsetsOf([...remaining], suffixes.log)
  for (const name of swapLogs) {
    const { base } = partsOf(name)!
    const lastOffset = lastOffsetOf(disk, `${folder}/${name}`, base)
    for (const original of originals) {
      if (original < base || original > lastOffset) continue
      for (const suffix of Object.values(suffixes)) {
        const file = offsetFileName(original, suffix)
        if (remaining.has(file) && suffix !== suffixes.snapshot) unlink(file)
      }
    }
  }
  for (const name of swaps) {
    if (!remaining.has(name)) continue
    const final = name.slice(0, -'.swap'.length)
    disk.rename(`${folder}/${name}`, `${folder}/${final}`)
    remaining.delete(name)
    remaining.add(final)
  }
  return [...remaining]
}

/** Removes index files whose `.log` does not exist. */
export function removeOrphanedIndexes(disk: Disk, folder: string, names: readonly string[], bases: ReadonlySet<number>): void {
  for (const name of names) {
    const parts = partsOf(name)
    if (parts === null || parts.suffix === suffixes.log || parts.suffix === suffixes.snapshot) continue
    if (!bases.has(parts.base)) disk.unlink(`${folder}/${name}`)
  }
}

/** The last offset in a `.swap` log, by the headers of its batches. */
function lastOffsetOf(disk: Disk, path: string, base: number): number {
  const file = disk.open(path, 'read')
  try {
    const head = Buffer.alloc(BATCH_OVERHEAD)
    const size = disk.size(file)
    let last = base
    for (let position = 0; position + BATCH_OVERHEAD <= size; ) {
      disk.readSync(file, head, 0, BATCH_OVERHEAD, position)
      last = readInt64(head, at.baseOffset) + head.readInt32BE(at.lastOffsetDelta)
      const bytes = batchSize(head)
      if (bytes <= LOG_OVERHEAD) break
      position += bytes
    }
    return last
  } finally {
    disk.close(file)
  }
}
