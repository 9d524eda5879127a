/**
 * Loads the metadata of the cluster at the start: the newest snapshot, then the log after it. A journal of Tributary 0.1 becomes a snapshot
 * first; its rename is the moment of the conversion, so that a crash leaves one format or the other. What cannot be read is refused with
 * its file.
 */
import { join } from 'node:path'
import type { Logs } from '../log/types.ts'
import type { BrokerSettings } from '../settings.ts'
import type { System } from '../system/index.ts'
import type { ControlRecord } from '../wire/control-records.ts'
import { completeRecord, type MetadataRecord, type NewMetadataRecord } from '../wire/metadata-records.ts'
import { initialFeatures, LATEST_METADATA_VERSION } from './features.ts'
import { MetadataImage } from './image/metadata-image.ts'
import { METADATA_TOPIC, MetadataLog, metadataFolder } from './metadata-log.ts'
import { MetadataReplay } from './metadata-replay.ts'
import { decodeSnapshotFile, encodeSnapshotFile } from './snapshot-file.ts'
import { FIRST_VOTERS, type SnapshotId, Snapshots, snapshotName } from './snapshots.ts'
import { initialKraftVersion, type KraftVersion, ownVoter, quorumControls } from './voters.ts'

const BOOTSTRAP_FILE = 'bootstrap.checkpoint'

export interface LoadedMetadata {
  readonly log: MetadataLog
  readonly snapshots: Snapshots
  readonly replay: MetadataReplay
  readonly kraftVersion: KraftVersion
  /** True before the first records of a cluster. */
  readonly isEmpty: boolean
  /** The bytes of the log after the newest snapshot. */
  readonly bytesSinceSnapshot: number
}

export async function loadMetadata(settings: BrokerSettings, logs: Logs, system: System): Promise<LoadedMetadata> {
  checkPlace(logs)
  const log = await MetadataLog.open(settings, logs, system)
  const snapshots = new Snapshots(system.disk, log.folder)
  checkEnd(log, snapshots, logs)
  if (snapshots.newest === undefined) await convertJournal(settings, logs, system, log, snapshots)
  // A crash may have come between a snapshot and the deletion of what is before it.
  const [oldest] = snapshots.ids
  if (oldest !== undefined) await log.deleteBefore(oldest.endOffset)
  const replay = new MetadataReplay(new MetadataImage())
  const from = loadSnapshot(snapshots, log, replay)
  let bytesSinceSnapshot = 0
  try {
    for await (const { header, bytes } of log.read(from)) {
      replay.replayBatch(header, bytes, from)
      bytesSinceSnapshot += bytes.length
    }
  } catch (cause) {
    throw new Error(`${log.folder}: the metadata log cannot be read: ${(cause as Error).message}. Restore the folder from a copy`, {
      cause,
    })
  }
  const isEmpty = replay.count === 0
  const kraftVersion = replay.kraftVersion ?? (isEmpty ? initialKraftVersion(settings) : 0)
  return { log, snapshots, replay, kraftVersion, isEmpty, bytesSinceSnapshot }
}

/** Without its metadata log every partition would look like one of a deleted topic. */
function checkPlace(logs: Logs): void {
  const { path, id } = logs.metadataDirectory
  const found = logs.directoryOf(METADATA_TOPIC, 0)
  if (found !== null && found !== id) {
    const other = logs.directories.find((directory) => directory.id === found)!
    throw new Error(`the metadata log is in ${metadataFolder(other.path)}, expected in ${path}: set metadata.log.dir=${other.path}`)
  }
  if (found === null && logs.hasUnopened)
    throw new Error(
      `${metadataFolder(path)} is missing, and the log directories have partitions: set metadata.log.dir to the directory that has it, ` +
        'or restore it from a copy',
    )
}

/** A log whose files are gone is no log without records: the topics after the snapshot would be taken for deleted ones. */
function checkEnd(log: MetadataLog, { newest }: Snapshots, logs: Logs): void {
  if (newest !== undefined && log.endOffset < newest.endOffset)
    throw new Error(
      `${log.folder}: the metadata log ends at offset ${log.endOffset}, before the end of the newest snapshot, ${newest.endOffset}: ` +
        'its files are gone or cut, restore the folder from a copy',
    )
  const highWatermark = logs.storedHighWatermark(METADATA_TOPIC, 0)
  if (log.startOffset < log.endOffset || log.endOffset >= highWatermark) return
  const { path } = logs.metadataDirectory
  throw new Error(
    `${log.folder}: the metadata log has no records, and it had those to offset ${highWatermark}: restore the folder from a copy, or, to ` +
      `start without what was changed since the newest snapshot, remove ${join(path, 'replication-offset-checkpoint')}`,
  )
}

/** Returns the offset from which the log is replayed. */
function loadSnapshot(snapshots: Snapshots, log: MetadataLog, replay: MetadataReplay): number {
  const { newest } = snapshots
  if (snapshots.hasFirstVoters) for (const control of readSnapshot(snapshots, FIRST_VOTERS).controls) replay.control(control)
  if (newest === undefined) {
    if (log.startOffset === 0) return 0
    throw new Error(
      `${log.folder}: the metadata log begins at offset ${log.startOffset}, and there is no snapshot before it: restore it from a copy`,
    )
  }
  const { controls, records } = readSnapshot(snapshots, newest)
  for (const control of controls) replay.control(control)
  try {
    for (const record of records) replay.record(record, newest.endOffset)
  } catch (cause) {
    throw new Error(`${snapshots.pathOf(newest)}: ${(cause as Error).message}. Restore it from a copy`, { cause })
  }
  if (log.startOffset > newest.endOffset || log.endOffset < newest.endOffset)
    throw new Error(
      `${log.folder}: the metadata log has offsets ${log.startOffset} to ${log.endOffset}, and the newest snapshot ends at ` +
        `${newest.endOffset}: records between them are missing, restore the folder from a copy`,
    )
  return newest.endOffset
}

function readSnapshot(snapshots: Snapshots, id: SnapshotId): { controls: readonly ControlRecord[]; records: readonly MetadataRecord[] } {
  try {
    return decodeSnapshotFile(snapshots.read(id))
  } catch (cause) {
    const older = snapshots.ids.filter(({ endOffset }) => endOffset < id.endOffset).at(-1)
    const way = older ? ` or remove it to load ${snapshotName(older)} and the log after it` : ''
    throw new Error(`${snapshots.pathOf(id)} is damaged: ${(cause as Error).message}. Restore it from a copy${way}`, { cause })
  }
}

/** The records with which `kafka-storage format` begins the metadata of a new cluster. */
export function bootstrapOf(directory: string, { disk }: System): readonly NewMetadataRecord[] {
  const path = join(directory, BOOTSTRAP_FILE)
  const bytes = disk.readFile(path)
  if (bytes === null)
    return Object.entries(initialFeatures).map(([name, featureLevel]) => ({ type: 'FeatureLevelRecord', name, featureLevel }))
  try {
    return decodeSnapshotFile(bytes).records
  } catch (cause) {
    throw new Error(`${path} is damaged: ${(cause as Error).message}. Format the directory again`, { cause })
  }
}

/** Returns without an effect where the log is no journal. */
async function convertJournal(settings: BrokerSettings, logs: Logs, system: System, log: MetadataLog, snapshots: Snapshots): Promise<void> {
  if (log.endOffset === log.startOffset) return
  const { isJournalBatch, Journal } = await import('./journal.ts')
  const journal = new Journal()
  for await (const { header, bytes } of log.read(log.startOffset)) {
    if (!isJournalBatch(header, bytes)) return
    journal.replayBatch(bytes, log.startOffset)
  }
  const { nodeId } = settings
  const facts = (topic: string, partition: number) => ({
    leaderEpoch: Math.max(0, logs.storedLeaderEpoch(topic, partition)),
    directory: logs.directoryOf(topic, partition) ?? logs.directoriesForNew(1)[0]!,
  })
  const image = new MetadataImage()
  for (const record of journal.toRecords(nodeId, facts)) image.apply(completeRecord(record))
  const id = { endOffset: log.endOffset, epoch: log.lastEpoch }
  const controls = initialKraftVersion(settings) === 0 ? [] : quorumControls(ownVoter(settings, logs.metadataDirectory.id))
  const times = { lastContainedLogTimestamp: log.lastTimestamp, timestamp: system.clock.now() }
  const content = { controls, records: image.toRecords(), metadataVersion: LATEST_METADATA_VERSION }
  await snapshots.write(id, encodeSnapshotFile({ epoch: id.epoch, ...times, ...content }))
  await log.deleteBefore(id.endOffset)
  system.logger.info({ snapshot: snapshots.pathOf(id), topics: [...image.topics()].length }, 'the metadata of Tributary 0.1 is converted')
}
