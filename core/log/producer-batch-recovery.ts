/**
 * Finds the batches of each producer that a snapshot does not tell, which is all but the last, in the log before it: a client may have five on their way
 * when the broker stops, and repeats them (Invariant 5). Reads backwards in steps, no further than it must, and never more than `MAX_BYTES`.
 */
import type { Disk } from '../system/disk.ts'
import { attributes } from '../wire/batch-header.ts'
import { scanBatches } from './batch-scan.ts'
import { OFFSET_ENTRY_BYTES } from './offset-index.ts'
import { type ProducerState, REMEMBERED_BATCHES, type SequencedBatch, sequencedBatch } from './producer-state.ts'
import { type Segment, suffixes } from './segment.ts'

/** Bytes of the log that one partition's start reads for this (Invariant 13): some milliseconds. A batch further from the end stays unknown. */
const MAX_BYTES = 1024 * 1024

/** Bytes of one step: five batches of a producer with the usual batch.size. */
const STEP_BYTES = 128 * 1024

/** Completes the batches of `producers`, as a snapshot at `offset` gave them, from `segments`. */
export async function completeBatches(disk: Disk, segments: readonly Segment[], offset: number, producers: ProducerState): Promise<void> {
  const wanted = new Set<number>()
  const found = new Map<number, SequencedBatch[]>()
  for (const { producerId, batches } of producers.all()) if (batches.length > 0 && batches[0]!.firstSequence !== 0) wanted.add(producerId)
  let bytesLeft = MAX_BYTES
  for (const segment of segments.filter(({ baseOffset }) => baseOffset < offset).toReversed()) {
    let end = disk.stat(segment.log.path)?.bytes ?? 0
    const index = disk.readFile(segment.path(suffixes.index)) ?? Buffer.alloc(0)
    while (end > 0 && wanted.size > 0) {
      const start = stepStart(index, end)
      if (end - start > bytesLeft) return
      bytesLeft -= end - start
      const step = await batchesBetween(disk, segment, start, end, offset, producers, wanted)
      // an index that does not fit its log
      if (step === null) return
      for (const [producerId, batches] of step) {
        const all = [...batches, ...(found.get(producerId) ?? [])].slice(-REMEMBERED_BATCHES)
        found.set(producerId, all)
        if (all.length === REMEMBERED_BATCHES || all[0]!.firstSequence === 0) wanted.delete(producerId)
        producers.complete(producerId, all)
      }
      end = start
    }
    if (wanted.size === 0) return
  }
}

/** Where a step that ends at `end` begins: at the first batch that the index knows within the step, or else at the last one before it. */
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

/** By producer; null where the bytes are no whole batches. */
async function batchesBetween(
  disk: Disk,
  segment: Segment,
  start: number,
  end: number,
  offset: number,
  producers: ProducerState,
  wanted: ReadonlySet<number>,
): Promise<Map<number, SequencedBatch[]> | null> {
  const found = new Map<number, SequencedBatch[]>()
  const file = segment.log.pin()
  try {
    const range = { position: start, end, nextOffset: segment.baseOffset, endOffset: segment.endOfOffsets, checkCrc: true }
    const { position } = await scanBatches(disk, file, range, (header) => {
      if (header.lastOffset >= offset || (header.attributes & attributes.control) !== 0 || !wanted.has(header.producerId)) return
      if (producers.get(header.producerId)!.epoch !== header.producerEpoch) return
      const batches = found.get(header.producerId) ?? []
      batches.push(sequencedBatch(header))
      found.set(header.producerId, batches)
    })
    return position === end ? found : null
  } finally {
    segment.log.unpin()
  }
}
