/**
 * The snapshot at a start: a new one, or what earlier tries have left of it. The stream begins where the slot does, so that it has what
 * changed between the tries.
 */
import { type SourceBatch, type SourceOffset, sleep } from '../../connect/sdk/index.ts'
import { Notifications } from './notifications.ts'
import { takeSnapshot } from './snapshot.ts'
import { storedState } from './snapshot-mode.ts'
import { resumedProgress, snapshotOffset } from './snapshot-offset.ts'
import { SnapshotProgress } from './snapshot-progress.ts'
import { snapshotTables, statementOf } from './snapshot-selection.ts'
import { SnapshotWork } from './snapshot-work.ts'
import type { SlotStart, SourceStage } from './types.ts'

export interface InitialSnapshot {
  /** Null where nothing is streamed. */
  slot: SlotStart | null
  stored: SourceOffset | null
}

/** Its last batch has the offset of a snapshot that is complete, after which the stream begins at the slot's. */
export async function* initialSnapshot(stage: SourceStage, { slot, stored }: InitialSnapshot): AsyncGenerator<SourceBatch, void, void> {
  const { context, catalog } = stage
  const { config, log, signal } = context
  const progress = startingProgress(context, slot, stored)
  if (config['snapshot.delay.ms'] > 0) {
    log.info(`The snapshot begins in ${config['snapshot.delay.ms']} ms, as snapshot.delay.ms says`)
    await sleep(config['snapshot.delay.ms'], signal)
    if (signal.aborted) return
  }
  const work = new SnapshotWork(context, new Notifications(config, log))
  try {
    yield* takeSnapshot(stage, {
      tables: snapshotTables(config, await catalog.capturedTables()),
      statement: (table) => statementOf(table, config),
      snapshotName: slot?.snapshotName ?? null,
      source: ({ nextTransaction, lsn }) => ({
        lsn: slot?.lsn ?? lsn,
        txId: nextTransaction,
        sequence: `[null,"${slot?.lsn ?? lsn}"]`,
      }),
      progress,
      offset: ({ nextTransaction, timestampMicros, lsn }, open) =>
        snapshotOffset({ lsn: slot?.lsn ?? lsn, txId: nextTransaction, timestampMicros }, open),
      work,
    })
  } finally {
    work.close()
  }
  if (slot && config['streaming.delay.ms'] > 0) await sleep(config['streaming.delay.ms'], signal)
}

/** What is left of earlier tries. The log says where deletes cannot be reported. */
function startingProgress({ config, log }: SourceStage['context'], slot: SlotStart | null, stored: SourceOffset | null): SnapshotProgress {
  const state = storedState(stored)
  const { progress, isLost } = stored && state === 'snapshot' ? resumedProgress(stored, slot) : { progress: null, isLost: false }
  if (isLost || (state === 'stream' && slot && slot.snapshotName !== null))
    log.error(
      `The slot ${config['slot.name']} does not have the changes since the stored position, so the snapshot is taken from the start. Rows that were ` +
        'delivered before and are deleted by now are not reported: delete the topics and reset the offsets, or compare them with the tables.',
    )
  else if (progress && !progress.isEmpty && slot === null)
    log.warn('The snapshot goes on. Without a slot, rows that were delivered before and are deleted by now are not reported.')
  return progress ?? new SnapshotProgress()
}

/** What a start without a snapshot sends: a notification, where they are enabled. */
export function skippedSnapshot({ context }: SourceStage): SourceBatch[] {
  const records = new Notifications(context.config, context.log).notify('Initial Snapshot', 'SKIPPED')
  return records.length === 0 ? [] : [{ records, positions: [] }]
}
