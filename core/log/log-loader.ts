/**
 * Opens a partition's folder: tidies up what an interrupted deletion or compaction left, finds the segments, and makes whole again what a crash may have torn.
 * After a clean stop almost nothing is read; after any other every segment from the recovery point on is read through, and the log ends at its first
 * invalid byte. Invariants 1, 2, 3.
 */
import type { Logger } from '../system/logger.ts'
import { formatPartitionMetadata, parseEpochs, parsePartitionMetadata } from './checkpoint.ts'
import { LeaderEpochs } from './leader-epoch-cache.ts'
import type { LoadedLog, LoadRequest } from './loaded-log.ts'
import type { LogContext } from './log-context.ts'
import { ProducerState } from './producer-state.ts'
import { recoverSegments } from './recovery.ts'
import { Segment, suffixes } from './segment.ts'
import { baseOffsetsOf, finishSwaps, removeOrphans } from './unfinished-files.ts'

export const EPOCHS_FILE = 'leader-epoch-checkpoint'
export const METADATA_FILE = 'partition.metadata'

/** The topic id that a partition's folder belongs to; null where it does not say. */
export function topicIdOf(context: LogContext, folder: string): string | null {
  const text = context.disk.readFile(`${folder}/${METADATA_FILE}`)?.toString('latin1')
  return text === undefined ? null : parsePartitionMetadata(text)
}

export async function loadLog(context: LogContext, request: LoadRequest): Promise<LoadedLog> {
  const { disk } = context
  const { folder } = request
  const logger = context.logger.child({ partition: `${request.topic}-${request.partition}` })
  const isNew = !disk.exists(folder)
  if (isNew) disk.makeFolder(folder)
  // What a killed process made may be in memory alone, its names as well as its bytes.
  const namesToSync =
    isNew || !request.clean ? { files: [`${folder}/${METADATA_FILE}`], folders: [request.parent] } : { files: [], folders: [] }
  if (topicIdOf(context, folder) === null) disk.writeFile(`${folder}/${METADATA_FILE}`, formatPartitionMetadata(request.topicId))
  const producers = new ProducerState()
  const epochs = new LeaderEpochs(parseEpochs(disk.readFile(`${folder}/${EPOCHS_FILE}`)?.toString('latin1') ?? '') ?? [])
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
    touched: !request.clean,
    namesToSync,
  }
  const names = isNew
    ? []
    : finishSwaps(
        disk,
        folder,
        disk.list(folder).map((entry) => entry.name),
      )
  const bases = baseOffsetsOf(names, suffixes.log)
  removeOrphans(disk, folder, names, new Set(bases))
  if (bases.length > 0) {
    loaded.segments = bases.map((base) => new Segment(context.files, folder, base, context.clock.now()))
    const result = await recoverSegments(context, logger, request, loaded, baseOffsetsOf(names, suffixes.snapshot))
    loaded.logEndOffset = result.logEndOffset
    loaded.touched ||= result.changed
    loaded.logStartOffset = Math.max(request.logStartOffset, loaded.segments[0]!.baseOffset)
    if (loaded.logEndOffset < loaded.logStartOffset) restartAt(context, loaded, logger, request.logStartOffset)
  }
  if (loaded.segments.length === 0) {
    const first = new Segment(context.files, folder, loaded.logStartOffset, context.clock.now())
    first.log.use('fresh')
    first.isNew = true
    loaded.segments = [first]
    loaded.logEndOffset = loaded.logStartOffset
    // An empty log has nothing that a clean stop must write, unless its start tells more than its files.
    loaded.touched = loaded.logStartOffset > 0
  }
  epochs.truncateEnd(loaded.logEndOffset)
  epochs.truncateStart(loaded.logStartOffset)
  // Under log.flush=os readers may have seen records that a power cut took: a new epoch tells them that offsets mean something else now (KIP-320).
  const lostPossible = !request.clean && !isNew && context.flush === 'os' && epochs.latest >= 0
  loaded.leaderEpoch = Math.max(0, epochs.latest) + (lostPossible ? 1 : 0)
  return loaded
}

/** The log lost records that DeleteRecords had taken away already, and more: what is left lies before its start. */
function restartAt(context: LogContext, loaded: LoadedLog, logger: Logger, offset: number): void {
  logger.warn({ logEndOffset: loaded.logEndOffset, logStartOffset: offset }, 'the log ends before its start: it begins empty at its start')
  for (const segment of loaded.segments) {
    segment.log.retire()
    for (const suffix of Object.values(suffixes)) context.disk.unlink(segment.path(suffix))
  }
  loaded.segments = []
  loaded.logStartOffset = offset
  loaded.producers = new ProducerState()
}
