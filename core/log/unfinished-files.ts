/**
 * What an interrupted deletion, compaction or write leaves in a partition's folder, and how it ends: `.deleted` and `.cleaned` go, `.swap` files that are
 * complete take the place of the segments that they cover, index files without their log go.
 */
import type { Disk } from '../system/disk.ts'
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

/** Ends what was begun; returns the names that are left. */
export function completeSwapOperations(disk: Disk, folder: string, names: readonly string[]): string[] {
  const left = new Set(names)
  const unlink = (name: string) => {
    disk.unlink(`${folder}/${name}`)
    left.delete(name)
  }
  let firstCleaned = Number.POSITIVE_INFINITY
  for (const name of names) {
    const parts = partsOf(name)
    if (name.endsWith('.tmp') || parts?.ending === '.deleted' || parts?.ending === '.cleaned') unlink(name)
    if (parts?.ending === '.cleaned' && parts.suffix === suffixes.log) firstCleaned = Math.min(firstCleaned, parts.base)
  }
  const swaps = [...left].filter((name) => partsOf(name)?.ending === '.swap')
  // A swap at or after an unfinished cleaned file belongs to a split that did not end: the originals are still there.
  for (const name of swaps) if (partsOf(name)!.base >= firstCleaned) unlink(name)
  const swapLogs = swaps.filter((name) => left.has(name) && partsOf(name)!.suffix === suffixes.log)
  const originals = baseOffsetsOf([...left], suffixes.log)
  for (const name of swapLogs) {
    const { base } = partsOf(name)!
    const covered = lastOffsetOf(disk, `${folder}/${name}`, base)
    for (const original of originals) {
      if (original < base || original > covered) continue
      for (const suffix of Object.values(suffixes)) {
        const file = offsetFileName(original, suffix)
        if (left.has(file) && suffix !== suffixes.snapshot) unlink(file)
      }
    }
  }
  for (const name of swaps) {
    if (!left.has(name)) continue
    const final = name.slice(0, -'.swap'.length)
    disk.rename(`${folder}/${name}`, `${folder}/${final}`)
    left.delete(name)
    left.add(final)
  }
  return [...left]
}

export function removeOrphanedIndexes(disk: Disk, folder: string, names: readonly string[], bases: ReadonlySet<number>): void {
  for (const name of names) {
    const parts = partsOf(name)
    if (parts === null || parts.suffix === suffixes.log || parts.suffix === suffixes.snapshot) continue
    if (!bases.has(parts.base)) disk.unlink(`${folder}/${name}`)
  }
}

/** The last offset that a finished `.swap` log covers, by walking over its headers. */
function lastOffsetOf(disk: Disk, path: string, base: number): number {
  const file = disk.open(path, 'read')
  try {
    const head = Buffer.alloc(27)
    const size = disk.size(file)
    let last = base
    for (let position = 0; position + head.length <= size; ) {
      disk.readSync(file, head, 0, head.length, position)
      last = Number(head.readBigInt64BE(0)) + head.readInt32BE(23)
      const length = head.readInt32BE(8)
      if (length <= 0) break
      position += 12 + length
    }
    return last
  } finally {
    disk.close(file)
  }
}
