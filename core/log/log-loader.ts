/**
 * Loads a partition from its folder: completes interrupted deletions and compactions, finds the segments and recovers them. After a clean
 * shutdown almost nothing is read; otherwise every segment after the recovery point is checked, and the log is truncated at the first
 * invalid byte. Invariants 1, 2, 3.
 */
import type { KafkaError } from '../errors.ts'
import { partitionKey } from '../topic-partition.ts'
import { type EpochStart, formatPartitionMetadata, parseEpochs, parsePartitionMetadata } from './checkpoint.ts'
import { LeaderEpochCache } from './leader-epoch-cache.ts'
import type { LoadedLog, LoadRequest, NewLogRequest } from './loaded-log.ts'
import type { LogContext } from './log-context.ts'
import type { NamesToSync } from './log-writer.ts'
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

/** Creates the folder of a partition that has no log yet. Throws the error of a system call that fails. */
export function createLog(context: LogContext, request: NewLogRequest): LoadedLog {
  const { disk } = context
  const { folder, topicId, parent } = request
  disk.makeFolder(folder)
  disk.writeFile(`${folder}/${METADATA_FILE}`, formatPartitionMetadata(topicId))
  const loaded = emptyLog(context, request)
  loaded.namesToSync = namesToSync(folder, parent)
  createSegment(loaded)
  return loaded
}

/** A log whose folder cannot be created: it rejects appends with `failure`. */
export const failedLog = (context: LogContext, request: NewLogRequest, failure: KafkaError): LoadedLog => ({
  ...emptyLog(context, request),
  failure,
})

export async function loadLog(context: LogContext, request: LoadRequest): Promise<LoadedLog> {
  const { disk } = context
  const { folder } = request
  if (request.names === null) return createLog(context, request)
  if (!request.isIdentified) disk.writeFile(`${folder}/${METADATA_FILE}`, formatPartitionMetadata(request.topicId))
  const storedEpochs = request.names.includes(EPOCHS_FILE) ? disk.readFile(`${folder}/${EPOCHS_FILE}`)?.toString('latin1') : undefined
  const loaded = emptyLog(context, request, parseEpochs(storedEpochs ?? '') ?? [])
  // The files of a killed process may be in the page cache only, their names as well as their bytes.
  if (!request.clean) loaded.namesToSync = namesToSync(folder, request.parent)
  const names = await completeSwapOperations(disk, folder, request.names)
  const bases = baseOffsetsOf(names, suffixes.log)
  removeOrphanedIndexes(disk, folder, names, new Set(bases))
  if (bases.length > 0) {
    loaded.segments = bases.map((base) => new Segment(context.files, folder, base, context.clock.now()))
    const result = await recoverSegments({ context, request, loaded, snapshots: baseOffsetsOf(names, suffixes.snapshot) })
    loaded.logEndOffset = result.logEndOffset
    // A clean stop has nothing to write for a log that was never appended to.
    loaded.needsFlush = result.changed || (!request.clean && result.logEndOffset > 0)
    loaded.logStartOffset = Math.max(request.logStartOffset, loaded.segments[0]!.baseOffset)
    if (loaded.logEndOffset < loaded.logStartOffset) restartAt(context, loaded, request)
  } else createSegment(loaded)
  const { epochs } = loaded
  epochs.truncateFromEnd(loaded.logEndOffset)
  epochs.truncateFromStart(loaded.logStartOffset)
  loaded.leaderEpoch = Math.max(0, epochs.latestEpoch)
  return loaded
}

/** Its segment has no file yet. */
function emptyLog(context: LogContext, request: NewLogRequest, epochs: readonly EpochStart[] = []): LoadedLog {
  const { topic, topicId, partition, folder, logStartOffset } = request
  return {
    ...{ topic, topicId, partition, folder, logStartOffset, logEndOffset: logStartOffset },
    segments: [new Segment(context.files, folder, logStartOffset, context.clock.now())],
    producers: new ProducerState(),
    epochs: new LeaderEpochCache(epochs),
    leaderEpoch: 0,
    // A clean stop has nothing to write for an empty log, except a log start offset that its files do not contain.
    needsFlush: logStartOffset > 0,
    namesToSync: { files: [], folders: [] },
    failure: null,
  }
}

function createSegment({ segments }: LoadedLog): void {
  const [first] = segments
  first!.log.use('fresh')
  first!.isNew = true
}

const namesToSync = (folder: string, parent: string): NamesToSync => ({ files: [`${folder}/${METADATA_FILE}`], folders: [parent] })

/** All remaining records are before the log start offset, which DeleteRecords raised: the log starts empty there. */
function restartAt(context: LogContext, loaded: LoadedLog, request: LoadRequest): void {
  context.logger.warn(
    { partition: partitionKey(loaded), logEndOffset: loaded.logEndOffset, logStartOffset: request.logStartOffset },
    'the log ends before its log start offset: it restarts empty there',
  )
  for (const segment of loaded.segments) {
    segment.log.retire()
    for (const suffix of Object.values(suffixes)) context.disk.unlink(segment.path(suffix))
  }
  const { epochs, namesToSync } = loaded
  Object.assign(loaded, { ...emptyLog(context, request), epochs, namesToSync })
  createSegment(loaded)
}
