/**
 * Which batches belong to aborted transactions, for a flow that reads committed data only. A fetch tells the aborted transactions that reach
 * into its range; each holds from its first offset until its marker.
 */
import { attributes, type BatchHeader } from '../../core/wire/batch-header.ts'
import { controlType, controlTypes, decodeRecords } from '../../core/wire/record-batch.ts'

/** Says of each batch of one fetched range, in order, whether it is to be left out. */
export function abortedBatchFilter(
  transactions: readonly { producerId: number; firstOffset: number }[],
): ((header: BatchHeader, batch: Buffer) => boolean) | null {
  if (transactions.length === 0) return null
  const coming = [...transactions].sort((a, b) => a.firstOffset - b.firstOffset)
  const aborted = new Set<number>()
  let next = 0
  return (header, batch) => {
    while (next < coming.length && coming[next]!.firstOffset <= header.lastOffset) aborted.add(coming[next++]!.producerId)
    if (header.attributes & attributes.control) {
      const [marker] = header.count > 0 ? decodeRecords(batch) : []
      if (marker && controlType(marker.key) === controlTypes.abort) aborted.delete(header.producerId)
      return true
    }
    return (header.attributes & attributes.transactional) !== 0 && aborted.has(header.producerId)
  }
}
