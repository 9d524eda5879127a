/**
 * Reads the progress of a MirrorMaker 2 that mirrored the same clusters before: its positions and the newest offset sync of each partition.
 * A flow without an offset map continues from them. It writes nothing.
 */
import type { Client } from '../../core/client/index.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import type { OffsetPair } from '../offset-map.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import { decodeOffsetSync, decodePosition } from '../store/mm2-records.ts'
import { type ScanOptions, scanRecords } from '../store/topic-scan.ts'

export interface Mm2Progress {
  /** The next source offset to read; null if MirrorMaker 2 stored no position. */
  position: number | null
  /** The newest offset sync: after a kill it is newer than the position. */
  sync: OffsetPair | null
}

/** By `partitionKey` of the source partition. `positionsTopic` is null if the positions are stored elsewhere. */
export async function readMm2Progress(
  settings: FlowSettings,
  positionsTopic: string | null,
  source: Client,
  target: Client,
  scan: Omit<ScanOptions, 'client'>,
): Promise<Map<string, Mm2Progress>> {
  const progress = new Map<string, Mm2Progress>()
  const progressOf = (topic: string, partition: number): Mm2Progress => {
    const key = partitionKey({ topic, partition })
    const entry = progress.get(key) ?? { position: null, sync: null }
    progress.set(key, entry)
    return entry
  }
  if (positionsTopic !== null) {
    for (const { index } of (await target.topic(positionsTopic))?.partitions ?? []) {
      await scanRecords({ ...scan, client: target }, positionsTopic, index, ({ key, value }) => {
        const stored = key && decodePosition(key, value)
        if (stored && stored.cluster === settings.source.alias)
          progressOf(stored.topic, stored.partition).position = stored.offset === null ? null : stored.offset + 1
      })
    }
  }
  const atSource = settings.config['offset-syncs.topic.location'] === 'source'
  const client = atSource ? source : target
  const syncsTopic = settings.policy.offsetSyncsTopic(atSource ? settings.target.alias : settings.source.alias)
  if (await client.topic(syncsTopic)) {
    await scanRecords({ ...scan, client }, syncsTopic, 0, ({ key, value }) => {
      if (!key || !value) return
      const { topic, partition, ...sync } = decodeOffsetSync(key, value)
      progressOf(topic, partition).sync = sync
    })
  }
  return progress
}
