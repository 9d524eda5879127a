/**
 * The offset of a snapshot in Debezium's format: Debezium, which knows nothing of our progress, takes a snapshot that is not complete
 * again.
 */
import type { SourceOffset } from '../../connect/sdk/index.ts'
import { SnapshotProgress } from './snapshot-progress.ts'
import type { Lsn, SlotStart } from './types.ts'

const PROGRESS = 'tributary_snapshot'

export interface SnapshotOrigin {
  /** Where the stream begins after it. */
  lsn: Lsn
  txId: number
  timestampMicros: number
}

/** `progress` is null where all records of the snapshot are delivered. */
export const snapshotOffset = ({ lsn, txId, timestampMicros }: SnapshotOrigin, progress: SnapshotProgress | null): SourceOffset => ({
  ts_usec: timestampMicros,
  txId,
  lsn,
  snapshot: 'INITIAL',
  last_snapshot_record: progress === null,
  snapshot_completed: progress === null,
  ...(progress === null ? {} : { [PROGRESS]: progress.toString() }),
})

/**
 * What earlier tries have delivered, and whether changes since then are lost: the slot is new, or was moved on. Nothing counts as delivered
 * then.
 */
export function resumedProgress(stored: SourceOffset, slot: SlotStart | null): { progress: SnapshotProgress; isLost: boolean } {
  const isLost = slot !== null && (slot.snapshotName !== null || slot.lsn > Number(stored.lsn))
  return { progress: isLost ? new SnapshotProgress() : SnapshotProgress.parse(stored[PROGRESS]), isLost }
}
