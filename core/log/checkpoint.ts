/**
 * The formats of Kafka's small text files: checkpoints of offsets (`<topic> <partition> <offset>`) and of leader epochs (`<epoch>
 * <start>`), partition.metadata and meta.properties. Pure. A damaged file gives null.
 */
import { parseProperties as readProperties } from '../system/java-properties.ts'
import { partitionKey } from '../topic-partition.ts'

const VERSION = '0'

/** The most entries of one checkpoint (Invariant 13). */
const MAX_ENTRIES = 10_000_000

function parseLines(text: string): string[] | null {
  const lines = text.split('\n')
  const count = Number(lines[1])
  if (lines[0]?.trim() !== VERSION || !Number.isInteger(count) || count < 0 || count > MAX_ENTRIES) return null
  const entries = lines.slice(2, 2 + count)
  return entries.length === count && entries.every((line) => line !== '') ? entries : null
}

const formatLines = (entries: readonly string[]): string =>
  `${VERSION}\n${entries.length}\n${entries.map((entry) => `${entry}\n`).join('')}`

const isOffset = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

/** By partition key. */
export function parseOffsets(text: string): Map<string, number> | null {
  const entries = parseLines(text)
  if (!entries) return null
  const offsets = new Map<string, number>()
  for (const entry of entries) {
    const [topic, partition, offset, ...rest] = entry.split(' ')
    if (rest.length > 0 || !isOffset(Number(partition)) || !isOffset(Number(offset))) return null
    offsets.set(partitionKey({ topic: topic!, partition: Number(partition) }), Number(offset))
  }
  return offsets
}

export const formatOffsets = (offsets: readonly { topic: string; partition: number; offset: number }[]): string =>
  formatLines(offsets.map(({ topic, partition, offset }) => `${topic} ${partition} ${offset}`))

export interface EpochStart {
  epoch: number
  startOffset: number
}

export function parseEpochs(text: string): EpochStart[] | null {
  const entries = parseLines(text)?.map((entry) => entry.split(' ').map(Number))
  if (!entries?.every((numbers) => numbers.length === 2 && numbers.every(isOffset))) return null
  return entries.map(([epoch, startOffset]) => ({ epoch: epoch!, startOffset: startOffset! }))
}

export const formatEpochs = (epochs: readonly EpochStart[]): string =>
  formatLines(epochs.map(({ epoch, startOffset }) => `${epoch} ${startOffset}`))

/** The topic id in a `partition.metadata` file. */
export function parsePartitionMetadata(text: string): string | null {
  const match = /^version: 0\ntopic_id: ([\w-]{22})\s*$/.exec(text)
  return match?.[1] ?? null
}

export const formatPartitionMetadata = (topicId: string): string => `version: 0\ntopic_id: ${topicId}`

export { formatProperties } from '../system/java-properties.ts'

/** Java properties, as meta.properties has them. */
export const parseProperties = (text: string): Map<string, string> => new Map(Object.entries(readProperties(text)))
