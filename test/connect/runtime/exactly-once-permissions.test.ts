/**
 * Story of connect/runtime.
 * Goal: an exactly-once source that may not do what fencing and transactions need fails its tasks, says what to grant, and runs after it is
 * granted and the tasks are restarted. Method: Kafka Connect's test of tasks that cannot be fenced: a broker with access control, a worker
 * that may do everything, and a connector whose admin, or producer, is another user.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startWorker, type Worker } from '../../../connect/index.ts'
import { aclOperations, type Client, createClient, patternTypes, permissionTypes, resourceTypes } from '../../../core/client/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'
import { freePort } from '../../running-broker.ts'
import { PLAIN_LOGIN_MODULE } from '../../secured-listeners.ts'
import { until } from '../../until.ts'
import { inState, states } from './connect-clusters.ts'
import { Probes } from './probes.ts'

const system = realSystem('silent')
const strings = 'org.apache.kafka.connect.storage.StringConverter'
let broker: BrokerInProcess
let client: Client
let open: string
let secured: string
let worker: Worker | null = null

beforeAll(async () => {
  const [openPort, securedPort] = [await freePort(), await freePort()]
  open = `127.0.0.1:${openPort}`
  secured = `127.0.0.1:${securedPort}`
  broker = await brokerInProcess({
    listeners: `PLAINTEXT://${open},SASL_PLAINTEXT://${secured}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
    'sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.sasl_plaintext.plain.sasl.jaas.config': `${PLAIN_LOGIN_MODULE} required user_connector="secret";`,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
  })
  client = createClient({ bootstrapServers: open, clientId: 'test' }, system)
})
afterEach(async () => {
  await worker?.close()
  worker = null
})
afterAll(async () => {
  await client?.close()
  await broker?.stop()
})

async function start(group: string): Promise<Worker> {
  const storage = ['config', 'offset', 'status'].flatMap((kind) => [
    [`${kind}.storage.topic`, `${group}-${kind}`],
    [`${kind}.storage.replication.factor`, '1'],
  ])
  const settings = {
    'bootstrap.servers': open,
    'group.id': group,
    'key.converter': strings,
    'value.converter': strings,
    'exactly.once.source.support': 'enabled',
    ...Object.fromEntries(storage),
  }
  worker = await startWorker(settings, system, { connectors: [new Probes().connector] })
  return worker
}

/** The client of this kind is the user `connector`. */
const asConnector = (kind: string) => ({
  [`${kind}.override.bootstrap.servers`]: secured,
  [`${kind}.override.security.protocol`]: 'SASL_PLAINTEXT',
  [`${kind}.override.sasl.mechanism`]: 'PLAIN',
  [`${kind}.override.sasl.jaas.config`]: `${PLAIN_LOGIN_MODULE} required username="connector" password="secret";`,
})

async function grant(resourceType: keyof typeof resourceTypes, resourceName: string): Promise<void> {
  const errors = await client.admin.createAcls([
    {
      resourceType: resourceTypes[resourceType],
      resourceName,
      patternType: patternTypes.LITERAL,
      principal: 'User:connector',
      host: '*',
      operation: aclOperations.All,
      permissionType: permissionTypes.ALLOW,
    },
  ])
  expect(errors).toEqual([null])
}

const source = (name: string, more: Record<string, string>) => ({
  name,
  'connector.class': 'CountingSource',
  topic: `topic-${name}`,
  'tasks.max': '2',
  ...more,
})

/** As an operator does, until what was granted counts. */
const restartUntilRunning = (started: Worker, name: string) =>
  until(async () => {
    if (states(started, name) === 'RUNNING RUNNING RUNNING') return true
    await started.restart(name, { includeTasks: true, onlyFailed: true })
    return false
  }, `${name} runs`)

test('without the right to fence, tasks run once and fail after a change, until it is granted', async () => {
  const started = await start('fencing')
  await started.create('f', source('f', asConnector('admin')), 'RUNNING')
  await inState(started, 'f', 'RUNNING RUNNING RUNNING')
  await started.putConfig('f', source('f', { ...asConnector('admin'), count: '20' }))
  await inState(started, 'f', 'RUNNING FAILED FAILED')
  for (const { trace } of started.status('f').tasks)
    expect(trace).toMatch(
      /zombie fencing.*Grant Write and Describe for the transactional id fencing-f-\d to the principal of admin.override/s,
    )
  await grant('TransactionalId', 'fencing-f-0')
  await grant('TransactionalId', 'fencing-f-1')
  await restartUntilRunning(started, 'f')
  await until(async () => (await started.offsets('f')).every(({ offset }) => offset!.n === 20), 'it goes on')
})

test('without the right to its transactional id a producer fails its task, and the status says what to grant', async () => {
  const started = await start('producing')
  await client.admin.createTopics([{ name: 'topic-p', partitions: 1, replicationFactor: 1 }])
  const own = { ...asConnector('producer'), ...asConnector('consumer'), ...asConnector('admin'), 'offsets.storage.topic': 'own' }
  for (const topic of ['topic-p', 'own']) await grant('Topic', topic)
  await started.create('p', source('p', own), 'RUNNING')
  await inState(started, 'p', 'RUNNING FAILED FAILED')
  expect(started.status('p').tasks[1]!.trace).toMatch(
    /The transactional producer of task p-1 could not be initialized.*needs Write and Describe for the transactional ids of its tasks/s,
  )
  for (const task of [0, 1]) await grant('TransactionalId', `producing-p-${task}`)
  await restartUntilRunning(started, 'p')
  await until(async () => (await started.offsets('p')).filter(({ offset }) => offset!.n === 10).length === 2, 'it goes on')
})
