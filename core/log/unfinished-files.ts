/**
 * Completes interrupted deletions, compactions and writes in a partition's folder, as Kafka's LogLoader does: removes `.deleted` and
 * `.cleaned` files, replaces segments by complete `.swap` files, removes index files without a log.
 */
import type { Disk } from '../system/disk.ts'
import { scanBatches } from './batch-scan.ts'
import { CLEANED, offsetFileName, SWAP, suffixes } from './segment.ts'

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

/**
 * Completes interrupted operations. Returns the names of the remaining files. The folder is synced between the steps: after a power loss in
 * the middle the next start finds a state that it can complete.
 */
export async function completeSwapOperations(disk: Disk, folder: string, names: readonly string[]): Promise<string[]> {
  const remaining = new Set(names)
  const unlink = (name: string) => {
    disk.unlink(`${folder}/${name}`)
    remaining.delete(name)
  }
  for (const name of names) if (name.endsWith('.tmp') || partsOf(name)?.ending === '.deleted') unlink(name)
  const endingWith = (ending: string) => [...remaining].filter((name) => partsOf(name)?.ending === ending)
  const cleaned = endingWith(CLEANED)
  // A swap file at or after a cleaned file belongs to an incomplete cleaning or split: the original segments still exist.
  const minCleaned = Math.min(...cleaned.map((name) => partsOf(name)!.base))
  const incomplete = endingWith(SWAP).filter((name) => partsOf(name)!.base >= minCleaned)
  for (const name of incomplete) unlink(name)
  if (incomplete.length > 0) await disk.syncFolder(folder)
  for (const name of cleaned) unlink(name)
  const swaps = endingWith(SWAP)
  if (swaps.length === 0) return [...remaining]
  await removeReplaced(disk, folder, remaining, unlink)
  for (const name of swaps) {
    const final = name.slice(0, -SWAP.length)
    // An index without its log: of a cleaning that is complete, or of one whose log was removed.
    if (remaining.has(final)) unlink(name)
    else {
      disk.rename(`${folder}/${name}`, `${folder}/${final}`)
      remaining.delete(name)
      remaining.add(final)
    }
  }
  await disk.syncFolder(folder)
  return [...remaining]
}

/** Removes the segments that the `.log.swap` files replace. */
async function removeReplaced(disk: Disk, folder: string, names: ReadonlySet<string>, unlink: (name: string) => void): Promise<void> {
  const originals = baseOffsetsOf([...names], suffixes.log)
  for (const name of [...names]) {
    const parts = partsOf(name)
    if (parts?.ending !== SWAP || parts.suffix !== suffixes.log) continue
    const nextOffset = await nextOffsetOf(disk, `${folder}/${name}`, parts.base)
    for (const base of new Set([parts.base, ...originals])) {
      if (base !== parts.base && (base < parts.base || base >= nextOffset)) continue
      for (const suffix of Object.values(suffixes)) {
        const file = offsetFileName(base, suffix)
        if (names.has(file) && suffix !== suffixes.snapshot) unlink(file)
      }
    }
  }
  await disk.syncFolder(folder)
}

/** Removes index files whose `.log` does not exist. */
export function removeOrphanedIndexes(disk: Disk, folder: string, names: readonly string[], bases: ReadonlySet<number>): void {
  for (const name of names) {
    const parts = partsOf(name)
    if (parts === null || parts.suffix === suffixes.log || parts.suffix === suffixes.snapshot) continue
    if (!bases.has(parts.base)) disk.unlink(`${folder}/${name}`)
  }
}

/** The offset after the last batch in a `.swap` log. */
async function nextOffsetOf(disk: Disk, path: string, base: number): Promise<number> {
  const file = disk.open(path, 'read')
  try {
    const range = { position: 0, end: disk.size(file), nextOffset: base, endOffset: Number.POSITIVE_INFINITY, checkCrc: false }
    return (await scanBatches(disk, file, range, () => {})).nextOffset
  } finally {
    disk.close(file)
  }
}
