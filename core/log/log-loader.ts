/**
 * Loads a partition from its folder: completes interrupted deletions and compactions, finds the segments and recovers them. After a clean
 * shutdown almost nothing is read; otherwise every segment after the recovery point is checked, and the log is truncated at the first
 * invalid byte. Invariants 1, 2, 3.
 */
import { partitionKey } from '../topic-partition.ts'
import { formatPartitionMetadata, parseEpochs, parsePartitionMetadata } from './checkpoint.ts'
import { LeaderEpochCache } from './leader-epoch-cache.ts'
import type { LoadedLog, LoadRequest } from './loaded-log.ts'
import type { LogContext } from './log-context.ts'
import { ProducerState } from './producer-state.ts'
import { recoverSegments } from './recovery.ts'
import { Segment, suffixes } from './segment.ts'
import { baseOffsetsOf, completeSwapOperations, removeOrphanedIndexes } from './unfinished-files.ts'

export const EPOCHS_FILE = 'leader-epoch-checkpoint'
export const METADATA_FILE = 'partition.metadata'

/** The topic id in the partition.metadata of a folder with the files `names`, or null. */
export function topicIdOf({ disk }: LogContext, folder: string, names: readonly string[] | null): string | null {
  if (names === null || !names.includes(METADATA_FILE)) return null
  const text = disk.readFile(`${folder}/${METADATA_FILE}`)?.toString('latin1')
  return text === undefined ? null : parsePartitionMetadata(text)
}

export async function loadLog(context: LogContext, request: LoadRequest): Promise<LoadedLog> {
  const { disk } = context
  const { folder } = request
  const isNew = request.names === null
  if (isNew) disk.makeFolder(folder)
  // The files of a killed process may be in the page cache only, their names as well as their bytes.
  const namesToSync =
    isNew || !request.clean ? { files: [`${folder}/${METADATA_FILE}`], folders: [request.parent] } : { files: [], folders: [] }
  if (!request.isIdentified) disk.writeFile(`${folder}/${METADATA_FILE}`, formatPartitionMetadata(request.topicId))
  const producers = new ProducerState()
  const storedEpochs = request.names?.includes(EPOCHS_FILE) ? disk.readFile(`${folder}/${EPOCHS_FILE}`)?.toString('latin1') : undefined
  const epochs = new LeaderEpochCache(parseEpochs(storedEpochs ?? '') ?? [])
  const loaded: LoadedLog = {
    topic: request.topic,
    topicId: request.topicId,
    partition: request.partition,
    folder,
    segments: [],
    producers,
    epochs,
    leaderEpoch: 0,
    logStartOffset: request.logStartOffset,
    logEndOffset: request.logStartOffset,
    needsFlush: !request.clean,
    namesToSync,
  }
  const names = request.names === null ? [] : await completeSwapOperations(disk, folder, request.names)
  const bases = baseOffsetsOf(names, suffixes.log)
  removeOrphanedIndexes(disk, folder, names, new Set(bases))
  if (bases.length > 0) {
    loaded.segments = bases.map((base) => new Segment(context.files, folder, base, context.clock.now()))
    const result = await recoverSegments({ context, request, loaded, snapshots: baseOffsetsOf(names, suffixes.snapshot) })
    loaded.logEndOffset = result.logEndOffset
    // A clean stop has nothing to write for a log that was never appended to.
    loaded.needsFlush = result.changed || (!request.clean && result.logEndOffset > 0)
    loaded.logStartOffset = Math.max(request.logStartOffset, loaded.segments[0]!.baseOffset)
    if (loaded.logEndOffset < loaded.logStartOffset) restartAt(context, loaded, request.logStartOffset)
  }
  if (loaded.segments.length === 0) {
    const first = new Segment(context.files, folder, loaded.logStartOffset, context.clock.now())
    first.log.use('fresh')
    first.isNew = true
    loaded.segments = [first]
    loaded.logEndOffset = loaded.logStartOffset
    // A clean stop has nothing to write for an empty log, except a log start offset that its files do not contain.
    loaded.needsFlush = loaded.logStartOffset > 0
  }
  epochs.truncateFromEnd(loaded.logEndOffset)
  epochs.truncateFromStart(loaded.logStartOffset)
  loaded.leaderEpoch = Math.max(0, epochs.latestEpoch)
  return loaded
}

/** All remaining records are before the log start offset, which DeleteRecords raised: the log starts empty there. */
function restartAt(context: LogContext, loaded: LoadedLog, offset: number): void {
  context.logger.warn(
    { partition: partitionKey(loaded), logEndOffset: loaded.logEndOffset, logStartOffset: offset },
    'the log ends before its log start offset: it restarts empty there',
  )
  for (const segment of loaded.segments) {
    segment.log.retire()
    for (const suffix of Object.values(suffixes)) context.disk.unlink(segment.path(suffix))
  }
  loaded.segments = []
  loaded.logStartOffset = offset
  loaded.producers = new ProducerState()
}
