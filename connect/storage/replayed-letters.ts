/**
 * Which dead letters were replayed, so that each is replayed once, over restarts too. They are records of the offset topic, under a name
 * that no connector can have; Kafka Connect's workers read over them. A record has the ranges of a thousand offsets: its size is bounded. A
 * topic that is deleted and created again has other letters at the same offsets: its id is part of the key.
 */
import type { OffsetBackingStore } from './offset-backing-store.ts'

/** Control characters are not allowed in the names of connectors. */
const OWNER = '\u0000replayed'
/** Offsets of one record. */
const CHUNK_OFFSETS = 1_000

export interface LetterTopic {
  name: string
  /** Zeros where the cluster has no topic ids. */
  id: string
}

export interface LetterId {
  partition: number
  offset: number
}

/** `0-2,7`, from offsets in order. */
export function formatRanges(offsets: readonly number[]): string {
  const ranges: [number, number][] = []
  for (const offset of offsets) {
    const last = ranges.at(-1)
    if (last && last[1] === offset - 1) last[1] = offset
    else ranges.push([offset, offset])
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',')
}

export function parseRanges(text: string): number[] {
  if (text === '') return []
  return text.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number)
    if (first === undefined || last === undefined || !(first >= 0 && last >= first && last - first < CHUNK_OFFSETS)) return []
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}

const keyOf = (connector: string, { name, id }: LetterTopic, partition: number, from: number) => ({
  connector,
  topic: name,
  topicId: id,
  partition,
  from,
})

const chunkOf = (offset: number) => offset - (offset % CHUNK_OFFSETS)

export class ReplayedLetters {
  readonly #records: OffsetBackingStore

  constructor(records: OffsetBackingStore) {
    this.#records = records
  }

  /** What was replayed of the connector's letters in a topic, as of now. */
  async of(connector: string, topic: LetterTopic): Promise<{ has(letter: LetterId): boolean }> {
    await this.#records.refresh()
    // Of each chunk that is asked for, once.
    const chunks = new Map<string, ReadonlySet<number>>()
    return {
      has: ({ partition, offset }) => {
        const key = `${partition} ${chunkOf(offset)}`
        let chunk = chunks.get(key)
        if (!chunk) {
          chunk = this.#chunk(connector, topic, partition, chunkOf(offset))
          chunks.set(key, chunk)
        }
        return chunk.has(offset)
      },
    }
  }

  #chunk(connector: string, topic: LetterTopic, partition: number, from: number): Set<number> {
    const ranges = this.#records.get(OWNER, keyOf(connector, topic, partition, from))?.offsets
    return new Set(typeof ranges === 'string' ? parseRanges(ranges) : [])
  }

  /** Durable when it resolves. One call after the other for each connector. */
  async add(connector: string, topic: LetterTopic, letters: readonly LetterId[]): Promise<void> {
    await this.#records.refresh()
    const byChunk = Map.groupBy(letters, ({ partition, offset }) => `${partition} ${chunkOf(offset)}`)
    await this.#records.put(
      OWNER,
      [...byChunk.values()].map((chunk) => {
        const { partition, offset } = chunk[0]!
        const from = chunkOf(offset)
        const all = this.#chunk(connector, topic, partition, from)
        for (const letter of chunk) all.add(letter.offset)
        return { partition: keyOf(connector, topic, partition, from), offset: { offsets: formatRanges([...all].sort((a, b) => a - b)) } }
      }),
    )
  }
}
