/**
 * The ports, folders and files of the demo: server.properties, worker .properties and mm2.properties, as users of Kafka, Kafka Connect and
 * MirrorMaker 2 write them, and the connector configs.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Feed, Region } from './data-set.ts'
import { freePort } from './postgres-server.ts'

export const CLUSTERS = ['us', 'eu', 'central'] as const
export type Cluster = (typeof CLUSTERS)[number]

export const GROUP = 'earthquake-alerts'
const PARTITIONS = 3
const CHANGES = 'changes'

export interface Layout {
  folder: string
  brokers: Record<Cluster, string>
  workers: Record<Cluster, string>
  mirrors: string
  /** The file that the central file sink writes. */
  output: string
}

export const brokerFile = ({ folder }: Layout, cluster: Cluster) => join(folder, `${cluster}.server.properties`)
export const workerFile = ({ folder }: Layout, cluster: Cluster) => join(folder, `${cluster}.worker.properties`)
export const mirrorFile = ({ folder }: Layout) => join(folder, 'mm2.properties')
export const inputFile = ({ folder }: Layout, { region, topic, format }: Feed) =>
  join(folder, `${region}-${topic}.${format === 'json' ? 'jsonl' : 'csv'}`)
export const mirroredTopic = ({ region, topic }: Feed) => `${region}.${topic}`
export const tableOf = ({ region, topic }: Feed) => `${region}_${topic}`
/** The topic on central with the changes of the table. */
export const changesTopic = (schema: string, feed: Feed) => `${CHANGES}.${schema}.${tableOf(feed)}`

export async function createLayout(folder: string, feeds: readonly Feed[]): Promise<Layout> {
  const ports = new Set<number>()
  const port = async () => {
    let candidate = await freePort()
    while (ports.has(candidate)) candidate = await freePort()
    ports.add(candidate)
    return `127.0.0.1:${candidate}`
  }
  const layout: Layout = {
    folder,
    brokers: { us: await port(), eu: await port(), central: await port() },
    workers: { us: await port(), eu: await port(), central: await port() },
    mirrors: await port(),
    output: join(folder, 'central.jsonl'),
  }
  for (const cluster of CLUSTERS) {
    await writeProperties(brokerFile(layout, cluster), brokerProperties(layout, cluster))
    await writeProperties(workerFile(layout, cluster), workerProperties(layout, cluster))
  }
  await writeProperties(mirrorFile(layout), mirrorProperties(layout, feeds))
  for (const feed of feeds) await writeFile(inputFile(layout, feed), feed.header === null ? '' : `${feed.header}\n`)
  return layout
}

const writeProperties = (path: string, properties: Record<string, string | number | boolean>) =>
  writeFile(
    path,
    `${Object.entries(properties)
      .map(([name, value]) => `${name}=${value}`)
      .join('\n')}\n`,
  )

const brokerProperties = ({ brokers, folder }: Layout, cluster: Cluster) => ({
  'process.roles': 'broker,controller',
  'node.id': 1,
  'controller.quorum.voters': `1@${brokers[cluster]}`,
  listeners: `PLAINTEXT://${brokers[cluster]}`,
  'advertised.listeners': `PLAINTEXT://${brokers[cluster]}`,
  'log.dirs': join(folder, cluster),
  'group.initial.rebalance.delay.ms': 0,
  'offsets.topic.replication.factor': 1,
})

const workerProperties = ({ brokers, workers }: Layout, cluster: Cluster) => ({
  'bootstrap.servers': brokers[cluster],
  'group.id': `connect-${cluster}`,
  listeners: `http://${workers[cluster]}`,
  'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
  'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'value.converter.schemas.enable': false,
  'offset.flush.interval.ms': 1000,
  // So that sink connectors soon find topics that the mirror creates.
  'metadata.max.age.ms': 500,
  'consumer.metadata.max.age.ms': 500,
  'config.storage.replication.factor': 1,
  'offset.storage.replication.factor': 1,
  'status.storage.replication.factor': 1,
})

function mirrorProperties({ brokers, mirrors }: Layout, feeds: readonly Feed[]) {
  const topicsOf = (region: Region) => feeds.filter((feed) => feed.region === region).map((feed) => feed.topic)
  return {
    clusters: CLUSTERS.join(','),
    ...Object.fromEntries(CLUSTERS.map((cluster) => [`${cluster}.bootstrap.servers`, brokers[cluster]])),
    'us->central.enabled': true,
    'us->central.topics': topicsOf('us').join(','),
    'eu->central.enabled': true,
    'eu->central.topics': topicsOf('eu').join(','),
    'replication.factor': 1,
    'heartbeats.topic.replication.factor': 1,
    'checkpoints.topic.replication.factor': 1,
    'offset-syncs.topic.replication.factor': 1,
    'offset.storage.replication.factor': 1,
    'refresh.topics.interval.seconds': 1,
    'refresh.groups.interval.seconds': 1,
    'emit.checkpoints.interval.seconds': 1,
    listeners: `http://${mirrors}`,
  }
}

/** The body of POST /connectors on the worker of the region. */
export const sourceConnector = (layout: Layout, feed: Feed) => ({
  name: feed.topic,
  config: {
    'connector.class': 'FileStreamSource',
    'tasks.max': '1',
    file: inputFile(layout, feed),
    format: feed.format,
    topic: feed.topic,
    'key.field': feed.keyField,
    'topic.creation.default.partitions': String(PARTITIONS),
    'topic.creation.default.replication.factor': '1',
  },
})

const topicsRegex = (feeds: readonly Feed[]) => feeds.map((feed) => mirroredTopic(feed).replaceAll('.', '\\.')).join('|')
export const fileSinkConnector = ({ output }: Layout, feeds: readonly Feed[]) => ({
  name: 'file-sink',
  config: {
    'connector.class': 'FileStreamSink',
    'tasks.max': '1',
    file: output,
    format: 'json',
    'topics.regex': topicsRegex(feeds),
  },
})

export const postgresSinkConnector = (url: string, feeds: readonly Feed[]) => ({
  name: 'postgres-sink',
  config: {
    'connector.class': 'tributary.postgres.PostgresSinkConnector',
    'tasks.max': '1',
    'connection.url': url,
    // Topic, partition and offset are the key, so that a record that is delivered again adds no row.
    'insert.mode': 'insert',
    'pk.mode': 'kafka',
    'auto.create': 'true',
    'auto.evolve': 'true',
    'topics.regex': topicsRegex(feeds),
  },
})

/** What a source of the tables' changes reads from. */
export interface ChangeStream {
  schema: string
  slot: string
  publication: string
}

export const changeSourceConnector = (url: string, { schema, slot, publication }: ChangeStream, feeds: readonly Feed[]) => {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url)
  return {
    name: 'postgres-changes',
    config: {
      'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
      'tasks.max': '1',
      'database.hostname': hostname,
      'database.port': port || '5432',
      'database.user': decodeURIComponent(username),
      'database.password': decodeURIComponent(password),
      'database.dbname': decodeURIComponent(pathname.slice(1)),
      'database.sslmode': searchParams.get('sslmode') ?? 'prefer',
      'topic.prefix': CHANGES,
      'table.include.list': feeds.map((feed) => `${schema}\\.${tableOf(feed)}`).join(','),
      'slot.name': slot,
      'publication.name': publication,
      'publication.autocreate.mode': 'filtered',
      'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
      'key.converter.schemas.enable': 'false',
    },
  }
}
