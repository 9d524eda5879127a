/**
 * What a worker does with a connector from its creation to its end: target states and the transitions between them, the number of its
 * tasks, changes of its config, and what fails meanwhile.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Config, ConnectCluster } from './connect-cluster.ts'
import type { Story } from './stories.ts'

const TASKS = 4
const four = { 'tasks.max': String(TASKS) }
const fileProvider = {
  'config.providers': 'file',
  'config.providers.file.class': 'org.apache.kafka.common.config.provider.FileConfigProvider',
}

/** Its tasks are neither in its info nor in its task configs. */
async function hasNoTasks(cluster: ConnectCluster, id: string): Promise<void> {
  expect((await cluster.get(`GET /connectors/${id}`)).tasks).toEqual([])
  expect(await cluster.get(`GET /connectors/${id}/tasks`)).toEqual([])
}

const create = (cluster: ConnectCluster, name: string, config: Config, initial_state: 'PAUSED' | 'STOPPED') =>
  cluster.get('POST /connectors', { name, config, initial_state })

/** As a worker writes them, but without its check of tasks.max. */
async function writeTaskConfigs(cluster: ConnectCluster, name: string, config: Config, tasks: number): Promise<void> {
  const records: Record<string, unknown> = {}
  for (let task = 0; task < tasks; task++)
    records[`task-${name}-${task}`] = { properties: { ...config, name, 'task.id': String(task), 'task.class': taskClass(config) } }
  records[`commit-${name}`] = { tasks }
  const producer = cluster.kafka.client.producer()
  const topic = `${cluster.group}-configs`
  await producer.send(
    Object.entries(records).map(([key, value]) => ({
      topic,
      partition: 0,
      key: Buffer.from(key),
      value: Buffer.from(JSON.stringify(value)),
    })),
  )
  await producer.close()
}

const taskClass = (config: Config) => `tributary.test.MonitorableConnectors$${config['connector.class']!.replace(/Connector$/, 'Task')}`

const startsOf = (cluster: ConnectCluster, id: string) =>
  ['connector', ...Array.from({ length: TASKS }, (_, task) => `task ${task}`)].map((one) => cluster.count(id, `${one} start`))

export const connectWorker: readonly Story[] = [
  {
    name: 'a task that has failed runs again after a new config',
    async tell(cluster, id) {
      const noBroker = { 'producer.override.bootstrap.servers': 'nobrokerrunningatthisaddress' }
      await cluster.configure(id, cluster.source(id, noBroker))
      await cluster.isIn(id, 'RUNNING FAILED')
      await cluster.configure(id, cluster.source(id))
      await cluster.ask(`POST /connectors/${id}/tasks/0/restart`)
      await cluster.isRunning(id, 1)
    },
  },
  {
    name: 'the status has as many tasks as the config wants',
    async tell(cluster, id) {
      for (const tasks of [1, 5, 3]) {
        await cluster.configure(id, cluster.source(id, { 'tasks.max': String(tasks) }))
        await cluster.isRunning(id, tasks)
      }
    },
  },
  {
    name: 'a connector whose topic does not exist stops when it is deleted',
    async tell(cluster, id) {
      const {
        'topic.creation.default.partitions': _,
        'topic.creation.default.replication.factor': __,
        ...config
      } = cluster.source(id, four)
      await cluster.configure(id, config)
      await cluster.isRunning(id, TASKS)
      await cluster.get(`DELETE /connectors/${id}`)
      await cluster.isGone(id)
      await cluster.eventually(
        () => [0, 1, 2, 3].every((task) => cluster.count(id, `task ${task} start`) === cluster.count(id, `task ${task} stop`)),
        'every task has stopped',
      )
    },
  },
  {
    name: 'target states follow each other in any order',
    async tell(cluster, id) {
      const put = async (target: 'stop' | 'pause' | 'resume') => {
        await cluster.get(`PUT /connectors/${id}/${target}`)
        // A second request changes nothing.
        await cluster.get(`PUT /connectors/${id}/${target}`)
      }
      await cluster.configure(id, cluster.source(id, four))
      await cluster.isRunning(id, TASKS)
      await put('stop')
      await cluster.isStopped(id)
      await hasNoTasks(cluster, id)
      await put('resume')
      await cluster.isRunning(id, TASKS)
      await put('pause')
      await cluster.isPaused(id, TASKS)
      await put('stop')
      await cluster.isStopped(id)
      await hasNoTasks(cluster, id)
      await put('pause')
      await cluster.isPaused(id, 0)
      await put('resume')
      await cluster.isRunning(id, TASKS)
      await cluster.get(`DELETE /connectors/${id}`)
      await cluster.isGone(id)
    },
  },
  {
    name: 'a connector that fails can be stopped, and resumed with another config',
    async tell(cluster, id) {
      await cluster.configure(id, cluster.source(id, { ...four, 'fail.connector.start': 'true' }))
      await cluster.isIn(id, 'FAILED')
      await cluster.stopConnector(id)
      await hasNoTasks(cluster, id)
      await cluster.configure(id, cluster.source(id, four))
      await cluster.get(`PUT /connectors/${id}/resume`)
      await cluster.isRunning(id, TASKS)
      await cluster.get(`DELETE /connectors/${id}`)
      await cluster.isGone(id)
    },
  },
  {
    name: 'a connector that is created PAUSED has no tasks until it is resumed',
    async tell(cluster, id) {
      await create(cluster, id, cluster.source(id, four), 'PAUSED')
      await cluster.isPaused(id, 0)
      await hasNoTasks(cluster, id)
      await cluster.get(`PUT /connectors/${id}/resume`)
      await cluster.isRunning(id, TASKS)
    },
  },
  {
    name: 'a source that is created STOPPED begins at the offsets that it is given',
    async tell(cluster, id) {
      await create(cluster, id, cluster.source(id, { 'max.messages': '10' }), 'STOPPED')
      await cluster.isStopped(id)
      await hasNoTasks(cluster, id)
      await cluster.get(`PATCH /connectors/${id}/offsets`, { offsets: [{ partition: { 'task.id': '0' }, offset: { saved: 5 } }] })
      await cluster.get(`PUT /connectors/${id}/resume`)
      await cluster.isRunning(id, 1)
      await cluster.eventually(
        async () => (await cluster.get(`GET /connectors/${id}/offsets`)).offsets[0].offset.saved === 10,
        'it is done',
      )
      expect(await cluster.endOf(id)).toBe(5)
    },
  },
  {
    name: 'a sink that is created STOPPED begins at the offsets that it is given',
    async tell(cluster, id) {
      await cluster.createTopic(id)
      await cluster.produce(id, 10)
      await create(cluster, id, cluster.sink(id, id), 'STOPPED')
      await cluster.isStopped(id)
      await hasNoTasks(cluster, id)
      const partition = { kafka_topic: id, kafka_partition: 0 }
      await cluster.get(`PATCH /connectors/${id}/offsets`, { offsets: [{ partition, offset: { kafka_offset: 5 } }] })
      await cluster.get(`PUT /connectors/${id}/resume`)
      await cluster.isRunning(id, 1)
      await cluster.eventually(() => cluster.records(id).length >= 5, 'the sink has records')
      expect(cluster.records(id)).toEqual([5, 6, 7, 8, 9].map((n) => `${id}-0@${n} value-${n}`))
    },
  },
  {
    name: 'a connector that was created PAUSED or STOPPED can be deleted',
    async tell(cluster, id) {
      for (const state of ['PAUSED', 'STOPPED'] as const) {
        await create(cluster, id, cluster.source(id, four), state)
        await cluster.isIn(id, state)
        await hasNoTasks(cluster, id)
        await cluster.get(`DELETE /connectors/${id}`)
        await cluster.isGone(id)
      }
    },
  },
  {
    name: 'a patch changes, adds and removes settings',
    async tell(cluster, id) {
      await cluster.createTopic(id)
      const config = cluster.sink(id, id, { 'tasks.max': '2', 'unaffected-key': 'unaffected-value' })
      await cluster.configure(id, { ...config, 'to-be-deleted-key': 'value' })
      await cluster.isRunning(id, 2)
      await cluster.get(`PATCH /connectors/${id}/config`, { 'tasks.max': '3', 'to-be-added-key': 'value', 'to-be-deleted-key': null })
      await cluster.isRunning(id, 3)
      const changed = { ...config, name: id, 'tasks.max': '3', 'to-be-added-key': 'value' }
      expect((await cluster.get(`GET /connectors/${id}`)).config).toEqual(changed)
    },
  },
  {
    name: 'tasks.max is enforced when tasks are generated and when they start',
    async tell(cluster, id) {
      const config = cluster.source(id, { 'tasks.max': '1', 'num.tasks': '2' })
      await cluster.configure(id, config)
      await cluster.isIn(id, 'FAILED')
      const message = `The connector ${id} has generated 2 tasks, which is greater than 1, the maximum number of tasks it is configured to create. `
      expect((await cluster.get(`GET /connectors/${id}/status`)).connector.trace).toContain(message)

      for (const worker of [...cluster.workers]) await cluster.stopWorker(worker)
      await writeTaskConfigs(cluster, id, config, 2)
      await cluster.addWorker()
      await cluster.isIn(id, 'FAILED FAILED FAILED')
      expect((await cluster.get(`GET /connectors/${id}/tasks/0/status`)).trace).toContain(message)

      const lenient = { ...config, 'tasks.max.enforce': 'false' }
      await cluster.configure(id, lenient)
      await cluster.isRunning(id, 2)
      await cluster.configure(id, { ...lenient, 'num.tasks': '3' })
      await cluster.isRunning(id, 3)
      await cluster.configure(id, { ...config, 'num.tasks': '1' })
      await cluster.isRunning(id, 1)
      await cluster.configure(id, config)
      await cluster.isIn(id, 'FAILED RUNNING')
      await cluster.get(`POST /connectors/${id}/tasks/0/restart`)
      await cluster.eventually(() => cluster.count(id, 'task 0 start') > cluster.count(id, 'task 0 stop'), 'the task runs again')
      await cluster.isIn(id, 'FAILED RUNNING')
    },
  },
  {
    name: 'task configs of a deleted connector are not used by a new one',
    async tell(cluster, id) {
      const old = `${id}-old`
      await cluster.createTopic(old)
      // What compaction leaves of a deleted connector: its tombstone is gone, its task configs are not.
      await writeTaskConfigs(cluster, id, cluster.source(id, { topic: old }), 1)
      await cluster.configure(id, cluster.source(id, { 'max.messages': '10' }))
      await cluster.isRunning(id, 1)
      await cluster.eventually(async () => (await cluster.endOf(id)) >= 10, 'the records are in the new topic')
      expect(await cluster.endOf(old)).toBe(0)
    },
  },
  {
    name: 'a connector whose secrets are gone takes a config without them',
    settings: fileProvider,
    async tell(cluster, id) {
      const secrets = join(cluster.environment.folder, `${id}.secrets`)
      writeFileSync(secrets, 'pause=100\n')
      await cluster.configure(id, cluster.source(id, { ...four, 'pause.ms': `\${file:${secrets}:pause}` }))
      await cluster.isRunning(id, TASKS)
      await cluster.eventually(async () => (await cluster.endOf(id)) > 0, 'it has produced')
      rmSync(secrets)
      const before = startsOf(cluster, id)
      await cluster.configure(id, cluster.source(id, { ...four, 'pause.ms': '100', topic: `${id}-second` }))
      await cluster.eventually(() => startsOf(cluster, id).every((count, index) => count > before[index]!), 'all of it starts again')
      await cluster.eventually(async () => (await cluster.endOf(`${id}-second`)) > 0, 'it produces to the second topic')
    },
  },
  {
    name: 'tasks take a new converter of the connector, though their own configs are the same',
    async tell(cluster, id) {
      await cluster.createTopic(id)
      const producer = cluster.kafka.client.producer()
      await producer.send([{ topic: id, partition: 0, key: null, value: Buffer.from('non-json-value') }])
      await producer.close()
      const json = 'org.apache.kafka.connect.json.JsonConverter'
      await cluster.configure(id, cluster.sink(id, id, { 'value.converter': json, 'value.converter.schemas.enable': 'false' }))
      await cluster.isIn(id, 'RUNNING FAILED')
      expect((await cluster.get(`GET /connectors/${id}/offsets`)).offsets).toEqual([])
      await cluster.configure(id, cluster.sink(id, id))
      await cluster.isRunning(id, 1)
      const offsets = [{ partition: { kafka_topic: id, kafka_partition: 0 }, offset: { kafka_offset: 1 } }]
      await cluster.eventually(
        async () => JSON.stringify((await cluster.get(`GET /connectors/${id}/offsets`)).offsets[0]?.offset) === '{"kafka_offset":1}',
        'the record is committed',
      )
      expect((await cluster.get(`GET /connectors/${id}/offsets`)).offsets).toEqual(offsets)
    },
  },
  {
    name: 'plugins are named by their simple names',
    async tell(cluster, id) {
      const aliases = {
        ...four,
        'key.converter': 'StringConverter',
        'value.converter': 'StringConverter',
        'header.converter': 'StringConverter',
        transforms: 'filter',
        'transforms.filter.type': 'Filter',
        'transforms.filter.predicate': 'tombstone',
        predicates: 'tombstone',
        'predicates.tombstone.type': 'RecordIsTombstone',
      }
      for (const connectorClass of ['MonitorableSourceConnector', 'MonitorableSource']) {
        await cluster.configure(`${id}-source`, cluster.source(`${id}-source`, { ...aliases, 'connector.class': connectorClass }))
        await cluster.isRunning(`${id}-source`, TASKS)
      }
      await cluster.configure(`${id}-sink`, cluster.sink(`${id}-sink`, `${id}-source`, aliases))
      await cluster.isRunning(`${id}-sink`, TASKS)
    },
  },
  {
    name: 'the endpoint for task configs takes no request without a signature of the cluster',
    async tell(cluster, id) {
      const send = async (headers: Record<string, string>) =>
        (
          await fetch(`${cluster.workers[0]!.url}/connectors/${id}/tasks`, {
            method: 'POST',
            body: '[]',
            headers: { 'content-type': 'application/json', ...headers },
          })
        ).status
      const signed = { 'x-connect-authorization': 'S2Fma2Flc3F1ZQ==', 'x-connect-request-signature-algorithm': 'HmacSHA256' }
      expect([await send({}), await send(signed)]).toEqual([400, 403])
      await cluster.configure(id, cluster.sink(id, `${id}-topic`))
      await cluster.isRunning(id, 1)
      expect([await send({}), await send(signed)]).toEqual([400, 403])
    },
  },
]
