/**
 * The stations that every record passes: its region's topic, its mirror on central, Postgres and the file. While the demo runs they are
 * counted; at its end what each holds is compared with the data set, record by record.
 */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Client } from '../../core/client/index.ts'
import type { Feed, Fields } from './data-set.ts'
import { type Cluster, type Layout, mirroredTopic, tableOf } from './layout.ts'
import type { DemoPostgres } from './postgres.ts'

export const STAGES = ['region', 'central', 'postgres', 'file'] as const
export type Stage = (typeof STAGES)[number]
export type Counts = Record<Stage | 'us' | 'eu', number>

export interface Comparison {
  region: string
  topic: string
  stage: Stage
  expected: number
  found: number
  /** Records of the data set that the station does not have. */
  lost: number
  /** Records that it has more than once. */
  duplicated: number
  /** Records that say something else than the data set, or that it does not have. */
  different: number
}

const READ_MS = 500
const NEWLINE = 0x0a

export class Stages {
  readonly #layout: Layout
  readonly #feeds: readonly Feed[]
  readonly #clients: Record<Cluster, Client>
  readonly #warehouse: DemoPostgres
  #fileBytes = 0
  #fileLines = 0

  constructor(layout: Layout, feeds: readonly Feed[], clients: Record<Cluster, Client>, warehouse: DemoPostgres) {
    this.#layout = layout
    this.#feeds = feeds
    this.#clients = clients
    this.#warehouse = warehouse
  }

  /** Records at each station, all feeds together. A region that is down counts as it did last. */
  async counts(down: ReadonlySet<Cluster>, last: Counts): Promise<Counts> {
    const of = (region: 'us' | 'eu') => this.#feeds.filter((feed) => feed.region === region)
    const [us, eu, central, postgres, file] = await Promise.all([
      down.has('us')
        ? last.us
        : this.recordCount(
            'us',
            of('us').map((feed) => feed.topic),
          ),
      down.has('eu')
        ? last.eu
        : this.recordCount(
            'eu',
            of('eu').map((feed) => feed.topic),
          ),
      this.recordCount('central', this.#feeds.map(mirroredTopic)),
      this.#warehouse.counts(this.#feeds.map(tableOf)),
      this.#lines(),
    ])
    return { us, eu, region: us + eu, central, postgres: postgres.reduce((sum, count) => sum + count, 0), file }
  }

  /** How many records topics hold; 0 for one that is not there yet. */
  async recordCount(cluster: Cluster, topics: readonly string[]): Promise<number> {
    const client = this.#clients[cluster]
    const partitions: { topic: string; partition: number; spec: 'latest' }[] = []
    for (const topic of topics) {
      const found = await client.topic(topic, { refresh: true, allowCreation: false })
      for (const { index } of found?.partitions ?? []) partitions.push({ topic, partition: index, spec: 'latest' })
    }
    if (partitions.length === 0) return 0
    return (await client.admin.listOffsets(partitions)).reduce((sum, { offset }) => sum + Math.max(offset, 0), 0)
  }

  /** Compares everything. */
  async compare(): Promise<Comparison[]> {
    const archive = await this.#archive()
    const tables = new Map<Feed, Fields[]>()
    for (const feed of this.#feeds) tables.set(feed, await this.#warehouse.records(tableOf(feed)))
    const found = this.#feeds.map(async (feed) => {
      const [region, central] = await Promise.all([
        this.#topic(feed.region, feed.topic, feed.keyField),
        this.#topic('central', mirroredTopic(feed), feed.keyField),
      ])
      return [
        compared(feed, 'region', region),
        compared(feed, 'central', central),
        // what a record does not say is NULL in a row
        compared(feed, 'postgres', tables.get(feed)!, withoutNulls),
        compared(feed, 'file', archive.get(feed) ?? []),
      ]
    })
    return (await Promise.all(found)).flat()
  }

  async #topic(cluster: Cluster, topic: string, keyField: string): Promise<Fields[]> {
    const client = this.#clients[cluster]
    const { partitions } = (await client.topic(topic, { refresh: true }))!
    const ends = new Map(
      (await client.admin.listOffsets(partitions.map(({ index }) => ({ topic, partition: index, spec: 'latest' as const })))).map((end) => [
        end.partition,
        end.offset,
      ]),
    )
    const consumer = client.consumer()
    consumer.assign(partitions.map(({ index }) => ({ topic, partition: index, offset: 'earliest' as const })))
    const records: Fields[] = []
    for (const [partition, end] of ends) if (end === 0) ends.delete(partition)
    while (ends.size > 0) {
      for (const batch of await consumer.poll(READ_MS)) {
        for (const { key, value } of batch.records) records.push(keyed(fieldsOf(value?.toString() ?? ''), key?.toString(), keyField))
        if (batch.nextOffset >= (ends.get(batch.partition) ?? Number.POSITIVE_INFINITY)) ends.delete(batch.partition)
      }
    }
    await consumer.close()
    return records
  }

  /** Lines of the file by the feed that they belong to: which one a line's fields tell. */
  async #archive(): Promise<Map<Feed, Fields[]>> {
    const found = new Map<Feed, Fields[]>()
    const lines = (await readFile(this.#layout.output, 'utf8')).split('\n')
    // what follows the last newline is a line too, if there is something
    if (lines.at(-1) === '') lines.pop()
    for (const line of lines) {
      const fields = fieldsOf(line)
      // a line of none of them goes to the first, where it is told as different
      const feed = this.#feeds.find((each) => each.expected.has(each.identity(fields))) ?? this.#feeds[0]!
      const records = found.get(feed)
      if (records) records.push(fields)
      else found.set(feed, [fields])
    }
    return found
  }

  /** Counts what came to the file since the last time. */
  async #lines(): Promise<number> {
    const stream = createReadStream(this.#layout.output, { start: this.#fileBytes })
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        this.#fileBytes += chunk.length
        for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) this.#fileLines++
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    return this.#fileLines
  }
}

/** What is no JSON object is no record of the data set, and is told as different. */
function fieldsOf(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Fields
  } catch {
    // told apart by its text
  }
  return { text }
}

/** A key that is not the record's own makes it another record. */
export const keyed = (fields: Fields, key: string | undefined, keyField: string): Fields =>
  key === String(fields[keyField]) ? fields : { ...fields, 'another key': key }

const asItIs = (fields: Fields): Fields => fields
const withoutNulls = (fields: Fields): Fields => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))

/** The same fields in the same order are the same text. */
const canonical = (fields: Fields) => JSON.stringify(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)))

export function compared(feed: Feed, station: Stage, records: readonly Fields[], seen: (fields: Fields) => Fields = asItIs): Comparison {
  const times = new Map<string, number>()
  let different = 0
  for (const fields of records) {
    const id = feed.identity(fields)
    times.set(id, (times.get(id) ?? 0) + 1)
    const expected = feed.expected.get(id)
    if (!expected || canonical(seen(expected)) !== canonical(seen(fields))) different++
  }
  let [lost, duplicated] = [0, 0]
  for (const id of feed.expected.keys()) if (!times.has(id)) lost++
  for (const count of times.values()) duplicated += count - 1
  return {
    region: feed.region,
    topic: feed.topic,
    stage: station,
    expected: feed.expected.size,
    found: records.length,
    lost,
    duplicated,
    different,
  }
}
