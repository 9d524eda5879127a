/**
 * The offsets of connectors over REST (KIP-875): listed while the connector runs, altered and reset while it is stopped, in the worker's
 * cluster, in another one, in a group or topic of the connector's own, and for exactly-once sources.
 */
import { expect } from 'vitest'
import type { Config, ConnectCluster, KafkaCluster } from './connect-cluster.ts'
import type { Story } from './stories.ts'

const TASKS = 2
const PARTITIONS = 3
const RECORDS = 10
const exactlyOnce = { 'exactly.once.source.support': 'enabled' }

interface Offset {
  partition: Record<string, unknown>
  offset: Record<string, unknown> | null
}

const sinkOffset = (topic: string, partition: number, offset: number | null): Offset => ({
  partition: { kafka_topic: topic, kafka_partition: partition },
  offset: offset === null ? null : { kafka_offset: offset },
})
const sourceOffset = (task: number, saved: number | null): Offset => ({
  partition: { 'task.id': String(task) },
  offset: saved === null ? null : { saved },
})

const inOrder = (offsets: readonly Offset[]) =>
  offsets.map(({ partition, offset }) => JSON.stringify([Object.entries(partition).sort(), offset])).sort()

async function hasOffsets(cluster: ConnectCluster, name: string, expected: readonly Offset[]): Promise<void> {
  await cluster
    .eventually(
      async () => String(inOrder((await cluster.get(`GET /connectors/${name}/offsets`)).offsets)) === String(inOrder(expected)),
      `${name} has offsets`,
    )
    .catch(async () => expect(inOrder((await cluster.get(`GET /connectors/${name}/offsets`)).offsets)).toEqual(inOrder(expected)))
}

const sinkOffsets = (topic: string, offset: number, first = 0) =>
  Array.from({ length: PARTITIONS - first }, (_, index) => sinkOffset(topic, first + index, offset))
const sourceOffsets = (saved: number) => Array.from({ length: TASKS }, (_, task) => sourceOffset(task, saved))

/** What a connector has besides the usual, and the cluster where its records are. */
type Variant = (cluster: ConnectCluster, id: string) => Promise<{ more: Config; kafka: KafkaCluster; group?: string }>

const plain: Variant = async (cluster) => ({ more: {}, kafka: cluster.kafka })
const ownGroup: Variant = async (cluster, id) => ({
  more: { 'consumer.override.group.id': `${id}-own-group` },
  kafka: cluster.kafka,
  group: `${id}-own-group`,
})
const ownTopic: Variant = async (cluster, id) => ({ more: { 'offsets.storage.topic': `${id}-own-offsets` }, kafka: cluster.kafka })
const otherKafka: Variant = async (cluster) => {
  const kafka = await cluster.environment.otherKafka()
  const overrides = ['producer', 'consumer', 'admin'].map((client) => [`${client}.override.bootstrap.servers`, kafka.bootstrapServers])
  return { more: Object.fromEntries(overrides), kafka }
}

async function usesGroup({ client }: KafkaCluster, id: string, own: string | undefined): Promise<void> {
  if (own === undefined) return
  const groups = (await client.admin.listGroups()).map(({ groupId }) => groupId)
  expect(groups).toContain(own)
  expect(groups).not.toContain(`connect-${id}`)
}

async function startSink(cluster: ConnectCluster, id: string, variant: Variant) {
  const { more, kafka, group } = await variant(cluster, id)
  await cluster.createTopic(id, PARTITIONS, kafka)
  await cluster.produce(id, RECORDS, PARTITIONS, kafka)
  const config = cluster.sink(id, id, { 'tasks.max': String(TASKS), ...more })
  await cluster.configure(id, config)
  await cluster.isRunning(id, TASKS)
  await hasOffsets(cluster, id, sinkOffsets(id, RECORDS))
  return { config, kafka, group }
}

async function startSource(cluster: ConnectCluster, id: string, variant: Variant) {
  const { more } = await variant(cluster, id)
  const config = cluster.source(id, { 'tasks.max': String(TASKS), 'max.messages': String(RECORDS), ...more })
  await cluster.configure(id, config)
  await cluster.isRunning(id, TASKS)
  await hasOffsets(cluster, id, sourceOffsets(RECORDS))
  return config
}

/** The tasks of a connector that has just stopped may still be members of its group: then the request is refused and can be repeated. */
async function change(cluster: ConnectCluster, method: 'PATCH' | 'DELETE', id: string, body?: unknown): Promise<string> {
  return await cluster.eventually(async () => {
    const { status, body: answer } = await cluster.ask(`${method} /connectors/${id}/offsets`, body)
    if (status === 500 && /zombie sink task/.test(answer.message)) return ''
    expect([status, answer]).toEqual([
      200,
      { message: expect.stringContaining(method === 'PATCH' ? 'altered successfully' : 'reset successfully') },
    ])
    return answer.message
  }, `${method} of the offsets of ${id}`)
}

const listsSink = (variant: Variant) => async (cluster: ConnectCluster, id: string) => {
  const { kafka, group } = await startSink(cluster, id, variant)
  await cluster.produce(id, RECORDS, PARTITIONS, kafka)
  await hasOffsets(cluster, id, sinkOffsets(id, 2 * RECORDS))
  await usesGroup(kafka, id, group)
}

const altersSink = (variant: Variant) => async (cluster: ConnectCluster, id: string) => {
  const { kafka, group } = await startSink(cluster, id, variant)
  await cluster.stopConnector(id)
  await change(cluster, 'PATCH', id, { offsets: [sinkOffset(id, 0, null), ...sinkOffsets(id, 5, 1)] })
  await hasOffsets(cluster, id, sinkOffsets(id, 5, 1))
  await change(cluster, 'PATCH', id, { offsets: sinkOffsets(id, 3, 1) })
  await hasOffsets(cluster, id, sinkOffsets(id, 3, 1))
  const before = cluster.records(id).length
  await cluster.get(`PUT /connectors/${id}/resume`)
  await cluster.isRunning(id, TASKS)
  await hasOffsets(cluster, id, sinkOffsets(id, RECORDS))
  // All of partition 0 again, and what comes after offset 3 of the others.
  expect(cluster.records(id).length - before).toBe(RECORDS + (PARTITIONS - 1) * (RECORDS - 3))
  await usesGroup(kafka, id, group)
}

const resetsSink = (variant: Variant) => async (cluster: ConnectCluster, id: string) => {
  const { kafka, group } = await startSink(cluster, id, variant)
  await cluster.stopConnector(id)
  await change(cluster, 'DELETE', id)
  await hasOffsets(cluster, id, [])
  // A second reset finds nothing and succeeds.
  await change(cluster, 'DELETE', id)
  await cluster.get(`PUT /connectors/${id}/resume`)
  await cluster.isRunning(id, TASKS)
  await hasOffsets(cluster, id, sinkOffsets(id, RECORDS))
  expect(cluster.records(id).length).toBe(2 * PARTITIONS * RECORDS)
  await usesGroup(kafka, id, group)
}

/**
 * Its task does not stop. In Kafka Connect it stays in its group, and the request is refused. Our worker takes it out of its group when it
 * cancels it, and it commits nothing more: the request is safe, and succeeds.
 */
const zombieSink = (method: 'PATCH' | 'DELETE') => async (cluster: ConnectCluster, id: string) => {
  await cluster.createTopic(id)
  await cluster.produce(id, RECORDS)
  await cluster.configure(id, cluster.sink(id, id, { block: 'Task::stop' }))
  await cluster.isRunning(id, 1)
  await hasOffsets(cluster, id, [sinkOffset(id, 0, RECORDS)])
  await cluster.get(`PUT /connectors/${id}/stop`)
  const body = method === 'PATCH' ? { offsets: [sinkOffset(id, 0, null)] } : undefined
  if (cluster.environment.implementation === 'Tributary') {
    await change(cluster, method, id, body)
    cluster.command(id, 'release')
    await cluster.isStopped(id)
    await hasOffsets(cluster, id, [])
    return
  }
  const answer = await cluster.ask(`${method} /connectors/${id}/offsets`, body)
  expect([answer.status, answer.body.message]).toEqual([500, expect.stringContaining('zombie sink task')])
  cluster.command(id, 'release')
}

const listsSource = (variant: Variant) => async (cluster: ConnectCluster, id: string) => {
  const config = await startSource(cluster, id, variant)
  await cluster.configure(id, { ...config, 'max.messages': String(2 * RECORDS) })
  await hasOffsets(cluster, id, sourceOffsets(2 * RECORDS))
}

const altersSource = (variant: Variant) => async (cluster: ConnectCluster, id: string) => {
  await startSource(cluster, id, variant)
  await cluster.stopConnector(id)
  await change(cluster, 'PATCH', id, { offsets: sourceOffsets(5) })
  await hasOffsets(cluster, id, sourceOffsets(5))
  await change(cluster, 'PATCH', id, { offsets: [sourceOffset(0, null), sourceOffset(1, 7)] })
  await hasOffsets(cluster, id, [sourceOffset(1, 7)])
  await cluster.get(`PUT /connectors/${id}/resume`)
  await cluster.isRunning(id, TASKS)
  await hasOffsets(cluster, id, sourceOffsets(RECORDS))
}

const resetsSource = (variant: Variant) => async (cluster: ConnectCluster, id: string) => {
  await startSource(cluster, id, variant)
  await cluster.stopConnector(id)
  await change(cluster, 'DELETE', id)
  await hasOffsets(cluster, id, [])
  await change(cluster, 'DELETE', id)
  await cluster.get(`PUT /connectors/${id}/resume`)
  await cluster.isRunning(id, TASKS)
  await hasOffsets(cluster, id, sourceOffsets(RECORDS))
}

async function refuses(cluster: ConnectCluster, id: string, bodies: readonly (readonly [body: string, status: number, message: string])[]) {
  for (const [body, status, message] of bodies) {
    const answer = await cluster.ask(`PATCH /connectors/${id}/offsets`, body)
    expect([body, answer.status, answer.body.message]).toEqual([body, status, expect.stringContaining(message)])
  }
}

/** A body that is not a list of offsets is an error of the user: Kafka Connect answers 500 with what its parser says. */
const unusable = ({ environment }: ConnectCluster) => (environment.implementation === 'Tributary' ? 400 : 500)
const noOffsets = 'Partitions / offsets need to be provided for an alter offsets request'

export const offsetsApi: readonly Story[] = [
  {
    name: 'a connector that does not exist has no offsets',
    async tell(cluster) {
      for (const what of ['GET', 'PATCH', 'DELETE'] as const) {
        const body = what === 'PATCH' ? { offsets: [{ partition: {}, offset: {} }] } : undefined
        const answer = await cluster.ask(`${what} /connectors/no-such-connector/offsets`, body)
        expect([answer.status, answer.body.message]).toEqual([404, expect.stringContaining('no-such-connector')])
      }
    },
  },
  { name: 'the offsets of a sink are listed', tell: listsSink(plain) },
  { name: 'the offsets of a sink with a group of its own are listed', tell: listsSink(ownGroup) },
  { name: 'the offsets of a sink of another cluster are listed', tell: listsSink(otherKafka) },
  { name: 'the offsets of a source are listed', tell: listsSource(plain) },
  { name: 'the offsets of a source with an offsets topic of its own are listed', tell: listsSource(ownTopic) },
  { name: 'the offsets of a source of another cluster are listed', tell: listsSource(otherKafka) },
  {
    name: 'offsets of a connector that is not stopped are not altered or reset',
    async tell(cluster, id) {
      await startSource(cluster, id, plain)
      const refused = async () => {
        for (const what of ['PATCH', 'DELETE'] as const) {
          const answer = await cluster.ask(
            `${what} /connectors/${id}/offsets`,
            what === 'PATCH' ? { offsets: sourceOffsets(5) } : undefined,
          )
          expect([answer.status, answer.body.message]).toEqual([400, expect.stringContaining('STOPPED state')])
        }
      }
      await refused()
      await cluster.get(`PUT /connectors/${id}/pause`)
      await cluster.isPaused(id, TASKS)
      await refused()
    },
  },
  { name: 'the offsets of a sink are altered', tell: altersSink(plain) },
  { name: 'the offsets of a sink with a group of its own are altered', tell: altersSink(ownGroup) },
  { name: 'the offsets of a sink of another cluster are altered', tell: altersSink(otherKafka) },
  { name: 'the offsets of a sink whose task has not stopped are not altered', tell: zombieSink('PATCH') },
  {
    name: 'bodies that alter no offsets of a sink are refused',
    async tell(cluster, id) {
      await cluster.createTopic(id)
      await cluster.configure(id, cluster.sink(id, id))
      await cluster.isRunning(id, 1)
      await cluster.stopConnector(id)
      const one = (partition: unknown, offset: unknown) => JSON.stringify({ offsets: [{ partition, offset }] })
      const valid = { kafka_topic: 'test', kafka_partition: 1 }
      const keys = "The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'"
      await refuses(cluster, id, [
        ['{}', 400, noOffsets],
        ['{"offsets": []}', 400, noOffsets],
        ['{"offsets": [{}]}', 400, 'The partition for a sink connector offset cannot be null or missing'],
        [one(null, null), 400, 'The partition for a sink connector offset cannot be null or missing'],
        [one({}, null), 400, keys],
        [
          one({ kafka_topic: 'test', kafka_partition: 'not a number' }, null),
          400,
          'Partition values for sink connectors need to be integers',
        ],
        [one(valid, {}), 400, "The offset for a sink connector should either be null or contain the key 'kafka_offset'"],
        [one(valid, { kafka_offset: 'not a number' }), 400, 'Offset values for sink connectors need to be integers'],
      ])
    },
  },
  { name: 'the offsets of a source are altered', tell: altersSource(plain) },
  { name: 'the offsets of a source with an offsets topic of its own are altered', tell: altersSource(ownTopic) },
  { name: 'the offsets of a source of another cluster are altered', tell: altersSource(otherKafka) },
  { name: 'the offsets of an exactly-once source are altered', settings: exactlyOnce, tell: altersSource(plain) },
  {
    name: 'bodies that alter no offsets of a source are refused',
    async tell(cluster, id) {
      await startSource(cluster, id, plain)
      await cluster.stopConnector(id)
      const status = unusable(cluster)
      await refuses(cluster, id, [
        ['[]', status, ''],
        ['{}', 400, noOffsets],
        ['{"key": []}', status, ''],
        ['{"offsets": []}', 400, noOffsets],
        ['{"offsets": {}}', status, ''],
        ['{"offsets": [123]}', status, ''],
        ['{"offsets": [{"key": "val"}]}', status, ''],
        ['{"offsets": [{"partition": []}]}', status, ''],
      ])
      await hasOffsets(cluster, id, sourceOffsets(RECORDS))
    },
  },
  { name: 'the offsets of a sink are reset', tell: resetsSink(plain) },
  { name: 'the offsets of a sink with a group of its own are reset', tell: resetsSink(ownGroup) },
  { name: 'the offsets of a sink of another cluster are reset', tell: resetsSink(otherKafka) },
  { name: 'the offsets of a sink whose task has not stopped are not reset', tell: zombieSink('DELETE') },
  { name: 'the offsets of a source are reset', tell: resetsSource(plain) },
  { name: 'the offsets of a source with an offsets topic of its own are reset', tell: resetsSource(ownTopic) },
  { name: 'the offsets of a source of another cluster are reset', tell: resetsSource(otherKafka) },
  { name: 'the offsets of an exactly-once source are reset', settings: exactlyOnce, tell: resetsSource(plain) },
]
