/**
 * Recovers the batches of each producer that a snapshot does not contain, all but the last one, from the log: an idempotent producer may
 * have five in flight when the broker stops, and resends them (Invariant 5). Reads backwards in steps, at most `MAX_BYTES`.
 */
import type { Disk } from '../system/disk.ts'
import { attributes } from '../wire/batch-header.ts'
import { scanBatches } from './batch-scan.ts'
import { OFFSET_ENTRY_BYTES } from './offset-index.ts'
import { BATCHES_TO_RETAIN, type BatchMetadata, batchMetadata, type ProducerState } from './producer-state.ts'
import { type Segment, suffixes } from './segment.ts'

/** The most bytes that are read per partition (Invariant 13): some milliseconds. Older batches stay unknown. */
const MAX_BYTES = 1024 * 1024

/** Bytes per step: five batches with the default batch.size. */
const STEP_BYTES = 128 * 1024

/** Adds the missing batches to `producers`, which were loaded from a snapshot at `offset`. */
export async function recoverBatchMetadata(
  disk: Disk,
  segments: readonly Segment[],
  offset: number,
  producers: ProducerState,
): Promise<void> {
  const incomplete = new Set<number>()
  const recovered = new Map<number, BatchMetadata[]>()
  for (const { producerId, batches } of producers.all())
    if (batches.length > 0 && batches[0]!.firstSequence !== 0) incomplete.add(producerId)
  let remainingBytes = MAX_BYTES
  for (const segment of segments.filter(({ baseOffset }) => baseOffset < offset).toReversed()) {
    let end = disk.stat(segment.log.path)?.bytes ?? 0
    const index = disk.readFile(segment.path(suffixes.index)) ?? Buffer.alloc(0)
    while (end > 0 && incomplete.size > 0) {
      const start = stepStart(index, end)
      if (end - start > remainingBytes) return
      remainingBytes -= end - start
      const step = await batchesBetween(disk, segment, start, end, offset, producers, incomplete)
      // The index does not match its log.
      if (step === null) return
      for (const [producerId, batches] of step) {
        const all = [...batches, ...(recovered.get(producerId) ?? [])].slice(-BATCHES_TO_RETAIN)
        recovered.set(producerId, all)
        if (all.length === BATCHES_TO_RETAIN || all[0]!.firstSequence === 0) incomplete.delete(producerId)
        producers.setBatches(producerId, all)
      }
      end = start
    }
    if (incomplete.size === 0) return
  }
}

/** The start of a step that ends at `end`: the first indexed batch within the step, or else the last one before it. */
function stepStart(index: Buffer, end: number): number {
  if (end <= STEP_BYTES) return 0
  let start = 0
  for (let at = index.length - OFFSET_ENTRY_BYTES; at >= 0; at -= OFFSET_ENTRY_BYTES) {
    const position = index.readUInt32BE(at + 4)
    if (position >= end) continue
    if (position < end - STEP_BYTES) return start > 0 ? start : position
    start = position
  }
  return start
}

/** By producer id; null where the bytes are not whole batches. */
async function batchesBetween(
  disk: Disk,
  segment: Segment,
  start: number,
  end: number,
  offset: number,
  producers: ProducerState,
  incomplete: ReadonlySet<number>,
): Promise<Map<number, BatchMetadata[]> | null> {
  const recovered = new Map<number, BatchMetadata[]>()
  const file = segment.log.pin()
  try {
    const range = { position: start, end, nextOffset: segment.baseOffset, endOffset: segment.maxEndOffset, checkCrc: true }
    const { position } = await scanBatches(disk, file, range, (header) => {
      if (header.lastOffset >= offset || (header.attributes & attributes.control) !== 0 || !incomplete.has(header.producerId)) return
      if (producers.get(header.producerId)!.epoch !== header.producerEpoch) return
      const batches = recovered.get(header.producerId) ?? []
      batches.push(batchMetadata(header))
      recovered.set(header.producerId, batches)
    })
    return position === end ? recovered : null
  } finally {
    segment.log.unpin()
  }
}
