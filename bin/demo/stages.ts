/**
 * The stages that every record passes: the topic in its region, the mirrored topic on central, Postgres, the changes of Postgres in a topic
 * on central, and the file. Counts their records while the demo runs, and compares them with the data set at the end, record by record.
 */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Client } from '../../core/client/index.ts'
import type { Feed, Fields } from './data-set.ts'
import { type Cluster, changesTopic, type Layout, mirroredTopic, tableOf } from './layout.ts'
import type { DemoPostgres } from './postgres.ts'

export const STAGES = ['region', 'central', 'postgres', 'changes', 'file'] as const
export type Stage = (typeof STAGES)[number]
export type Counts = Record<Stage | 'us' | 'eu', number>

export interface Comparison {
  region: string
  topic: string
  stage: Stage
  expected: number
  found: number
  /** Records of the data set that the stage does not have. */
  lost: number
  /** Records that it has more than once. */
  duplicated: number
  /** Records that differ from the data set, or are not in it. */
  different: number
}

const READ_MS = 500
const NEWLINE = 0x0a

export class Stages {
  readonly #layout: Layout
  readonly #feeds: readonly Feed[]
  readonly #clients: Record<Cluster, Client>
  readonly #postgres: DemoPostgres
  #fileBytes = 0
  #fileLines = 0

  constructor(layout: Layout, feeds: readonly Feed[], clients: Record<Cluster, Client>, postgres: DemoPostgres) {
    this.#layout = layout
    this.#feeds = feeds
    this.#clients = clients
    this.#postgres = postgres
  }

  /** Records in each stage, of all feeds. A region that is down keeps its last count. */
  async counts(down: ReadonlySet<Cluster>, last: Counts): Promise<Counts> {
    const feedsOf = (region: 'us' | 'eu') => this.#feeds.filter((feed) => feed.region === region)
    const [us, eu, central, postgres, changes, file] = await Promise.all([
      down.has('us')
        ? last.us
        : this.recordCount(
            'us',
            feedsOf('us').map((feed) => feed.topic),
          ),
      down.has('eu')
        ? last.eu
        : this.recordCount(
            'eu',
            feedsOf('eu').map((feed) => feed.topic),
          ),
      this.recordCount('central', this.#feeds.map(mirroredTopic)),
      this.#postgres.counts(this.#feeds.map(tableOf)),
      this.recordCount(
        'central',
        this.#feeds.map((feed) => this.#changesTopic(feed)).filter((topic) => topic !== null),
      ),
      this.#lines(),
    ])
    return { us, eu, region: us + eu, central, postgres: postgres.reduce((sum, count) => sum + count, 0), changes, file }
  }

  /** The number of records in topics; 0 for a topic that does not exist yet. */
  async recordCount(cluster: Cluster, topics: readonly string[]): Promise<number> {
    const client = this.#clients[cluster]
    const partitions: { topic: string; partition: number; spec: 'latest' }[] = []
    for (const topic of topics) {
      const metadata = await client.topic(topic, { refresh: true, allowCreation: false })
      for (const { index } of metadata?.partitions ?? []) partitions.push({ topic, partition: index, spec: 'latest' })
    }
    if (partitions.length === 0) return 0
    return (await client.admin.listOffsets(partitions)).reduce((sum, { offset }) => sum + Math.max(offset, 0), 0)
  }

  /** Compares every stage with the data set. */
  async compare(): Promise<Comparison[]> {
    const inFile = await this.#fileRecords()
    const tables = new Map<Feed, Fields[]>()
    for (const feed of this.#feeds) tables.set(feed, await this.#postgres.records(tableOf(feed)))
    const comparisons = this.#feeds.map(async (feed) => {
      const [region, central] = await Promise.all([
        this.#topic(feed.region, feed.topic, keyed(feed)),
        this.#topic('central', mirroredTopic(feed), keyed(feed)),
      ])
      const changes = this.#changesTopic(feed)
      return [
        compareStage(feed, 'region', region),
        compareStage(feed, 'central', central),
        // A field that a record does not have is NULL in its row.
        compareStage(feed, 'postgres', tables.get(feed)!, withoutNulls),
        ...(changes === null ? [] : [compareStage(feed, 'changes', await this.#topic('central', changes, rowOf), withoutNulls)]),
        compareStage(feed, 'file', inFile.get(feed) ?? []),
      ]
    })
    return (await Promise.all(comparisons)).flat()
  }

  get hasChanges(): boolean {
    return !('missing' in this.#postgres.changes)
  }

  /** Null if the changes of this Postgres cannot be read. */
  #changesTopic(feed: Feed): string | null {
    const { changes } = this.#postgres
    return 'missing' in changes ? null : changesTopic(changes.schema, feed)
  }

  async #topic(cluster: Cluster, topic: string, fieldsOfRecord: (value: Fields, key: string | undefined) => Fields): Promise<Fields[]> {
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
        for (const { key, value } of batch.records) records.push(fieldsOfRecord(fieldsOf(value?.toString() ?? ''), key?.toString()))
        if (batch.nextOffset >= (ends.get(batch.partition) ?? Number.POSITIVE_INFINITY)) ends.delete(batch.partition)
      }
    }
    await consumer.close()
    return records
  }

  /** The records in the file, by their feed. */
  async #fileRecords(): Promise<Map<Feed, Fields[]>> {
    const recordsByFeed = new Map<Feed, Fields[]>()
    const lines = (await readFile(this.#layout.output, 'utf8')).split('\n')
    // Text after the last newline is a line too.
    if (lines.at(-1) === '') lines.pop()
    for (const line of lines) {
      const fields = fieldsOf(line)
      // A line that belongs to no feed counts as different in the first feed.
      const feed = this.#feeds.find(({ expected, identity }) => expected.has(identity(fields))) ?? this.#feeds[0]!
      const records = recordsByFeed.get(feed)
      if (records) records.push(fields)
      else recordsByFeed.set(feed, [fields])
    }
    return recordsByFeed
  }

  /** The number of lines in the file; reads only what was appended since the last call. */
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

/** Text that is not a JSON object counts as different. */
function fieldsOf(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Fields
  } catch {
    // Not JSON: compared by its text.
  }
  return { text }
}

/** A record with a wrong key is different. */
export const withKey = (fields: Fields, key: string | undefined, keyField: string): Fields =>
  key === String(fields[keyField]) ? fields : { ...fields, 'another key': key }

const keyed =
  ({ keyField }: Feed) =>
  (fields: Fields, key: string | undefined) =>
    withKey(fields, key, keyField)

/** The columns of the row that a change inserted, less those of the sink. A change of another kind is different. */
export function rowOf(change: Fields): Fields {
  const { op, after } = change as { op?: string; after?: Fields }
  if ((op !== 'c' && op !== 'r') || !after) return change
  return Object.fromEntries(Object.entries(after).filter(([name]) => !name.startsWith('__connect_')))
}

const unchanged = (fields: Fields): Fields => fields
const withoutNulls = (fields: Fields): Fields => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))

/** Equal for records with equal fields, in any order. */
const canonical = (fields: Fields) => JSON.stringify(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)))

export function compareStage(
  feed: Feed,
  stage: Stage,
  records: readonly Fields[],
  normalize: (fields: Fields) => Fields = unchanged,
): Comparison {
  const times = new Map<string, number>()
  let different = 0
  for (const fields of records) {
    const id = feed.identity(fields)
    times.set(id, (times.get(id) ?? 0) + 1)
    const expected = feed.expected.get(id)
    if (!expected || canonical(normalize(expected)) !== canonical(normalize(fields))) different++
  }
  let [lost, duplicated] = [0, 0]
  for (const id of feed.expected.keys()) if (!times.has(id)) lost++
  for (const count of times.values()) duplicated += count - 1
  return {
    region: feed.region,
    topic: feed.topic,
    stage,
    expected: feed.expected.size,
    found: records.length,
    lost,
    duplicated,
    different,
  }
}
