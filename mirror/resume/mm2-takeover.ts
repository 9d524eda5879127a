/**
 * What a MirrorMaker 2 that ran before us left behind: its positions, and its newest offset sync of each partition. From them a flow goes on
 * where that one stopped; the sync tells where to begin to compare what it wrote after its last position.
 */
import type { Client } from '../../core/client/index.ts'
import { partitionKey } from '../../core/topic-partition.ts'
import type { OffsetPair } from '../offset-map.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import { decodeOffsetSync, decodePosition } from '../store/mm2-records.ts'
import { type ScanOptions, scanRecords } from '../store/topic-scan.ts'

export interface Mm2Progress {
  /** The next offset to read, as MirrorMaker 2 would; null where it was killed before it wrote one. */
  position: number | null
  sync: OffsetPair | null
}

export async function readMm2Progress(
  settings: FlowSettings,
  positionsTopic: string | null,
  source: Client,
  target: Client,
  scan: Omit<ScanOptions, 'client'>,
): Promise<Map<string, Mm2Progress>> {
  const found = new Map<string, Mm2Progress>()
  const at = (topic: string, partition: number): Mm2Progress => {
    const key = partitionKey({ topic, partition })
    const entry = found.get(key) ?? { position: null, sync: null }
    found.set(key, entry)
    return entry
  }
  for (const { index } of (positionsTopic === null ? undefined : await target.topic(positionsTopic))?.partitions ?? []) {
    await scanRecords({ ...scan, client: target }, positionsTopic!, index, (record) => {
      const stored = record.key && decodePosition(record.key, record.value)
      if (stored && stored.cluster === settings.source.alias)
        at(stored.topic, stored.partition).position = stored.offset === null ? null : stored.offset + 1
    })
  }
  const atSource = settings.config['offset-syncs.topic.location'] === 'source'
  const client = atSource ? source : target
  const syncsTopic = settings.policy.offsetSyncsTopic(atSource ? settings.target.alias : settings.source.alias)
  if (await client.topic(syncsTopic)) {
    await scanRecords({ ...scan, client }, syncsTopic, 0, (record) => {
      if (!record.key || !record.value) return
      const { topic, partition, upstreamOffset, downstreamOffset } = decodeOffsetSync(record.key, record.value)
      at(topic, partition).sync = { upstreamOffset: upstreamOffset, downstreamOffset: downstreamOffset }
    })
  }
  return found
}
