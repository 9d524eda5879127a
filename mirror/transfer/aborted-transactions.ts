/**
 * Finds the batches of aborted transactions, for a flow that mirrors committed data only. A fetch response lists the aborted transactions
 * of its range; each of them lasts from its first offset to its abort marker.
 */
import { attributes, type BatchHeader } from '../../core/wire/batch-header.ts'
import { controlType, controlTypes, decodeRecords } from '../../core/wire/record-batch.ts'

/** Gives a predicate to call once for each batch of one fetched range, in order: true where the batch is not to be mirrored. */
export function abortedBatchFilter(
  transactions: readonly { producerId: number; firstOffset: number }[],
): ((header: BatchHeader, batch: Buffer) => boolean) | null {
  if (transactions.length === 0) return null
  const sorted = [...transactions].sort((a, b) => a.firstOffset - b.firstOffset)
  const aborted = new Set<number>()
  let next = 0
  return (header, batch) => {
    while (next < sorted.length && sorted[next]!.firstOffset <= header.lastOffset) aborted.add(sorted[next++]!.producerId)
    if (header.attributes & attributes.control) {
      const [marker] = header.count > 0 ? decodeRecords(batch) : []
      if (marker && controlType(marker.key) === controlTypes.abort) aborted.delete(header.producerId)
      return true
    }
    return (header.attributes & attributes.transactional) !== 0 && aborted.has(header.producerId)
  }
}
