/** A connector or task that blocks, wherever it does, keeps no other connector of the worker from being created and running. */
import type { Config, ConnectCluster } from './connect-cluster.ts'
import type { Story } from './stories.ts'

async function anotherRuns(cluster: ConnectCluster, id: string): Promise<void> {
  const name = `${id}-normal`
  await cluster.configure(name, cluster.source(name, { 'max.messages': '10' }))
  await cluster.isRunning(name, 1)
  await cluster.eventually(async () => (await cluster.endOf(name)) === 10, `${name} has produced`)
}

const blocksAtStart =
  (kind: 'source' | 'sink', block: 'Connector::start' | 'Task::start', event: string) => async (cluster: ConnectCluster, id: string) => {
    await cluster.createTopic(`${id}-topic`)
    await cluster.configure(id, blocking(cluster, kind, id, block))
    await cluster.eventually(() => cluster.count(id, event) > 0, `${id} blocks`)
    await anotherRuns(cluster, id)
    cluster.command(id, 'release')
    await cluster.isRunning(id, 1)
  }

const blocksAtStop = (kind: 'source' | 'sink') => async (cluster: ConnectCluster, id: string) => {
  await cluster.createTopic(`${id}-topic`)
  await cluster.configure(id, blocking(cluster, kind, id, 'Task::stop'))
  await cluster.isRunning(id, 1)
  await cluster.eventually(() => cluster.count(id, 'task 0 start') > 0, `the task of ${id} has started`)
  await cluster.get(`DELETE /connectors/${id}`)
  await cluster.eventually(() => cluster.count(id, 'task 0 stop') > 0, `${id} blocks`)
  await anotherRuns(cluster, id)
  cluster.command(id, 'release')
  await cluster.isGone(id)
}

const blocking = (cluster: ConnectCluster, kind: 'source' | 'sink', id: string, block: string): Config =>
  kind === 'source' ? cluster.source(id, { topic: `${id}-topic`, block }) : cluster.sink(id, `${id}-topic`, { block })

/** Its task is RUNNING, and does nothing. */
const blocksWhileRunning =
  (kind: 'source' | 'sink', block: 'Task::poll' | 'Task::put' | 'Task::flush' | 'Task::open') =>
  async (cluster: ConnectCluster, id: string) => {
    const topic = `${id}-topic`
    await cluster.createTopic(topic)
    await cluster.configure(id, blocking(cluster, kind, id, block))
    await cluster.isRunning(id, 1)
    if (kind === 'sink') await cluster.produce(topic, 3)
    await cluster.eventually(() => cluster.count(id, 'task 0 start') > 0, `the task of ${id} has started`)
    await anotherRuns(cluster, id)
    cluster.command(id, 'release')
    if (kind === 'sink') await cluster.eventually(() => cluster.records(id).length >= 3, 'the sink has its records')
    else await cluster.eventually(async () => (await cluster.endOf(topic)) > 0, 'the source has produced')
    await cluster.isRunning(id, 1)
  }

/** While it is asked about its config, and while its partitions are closed. */
const blocksInValidation = (kind: 'source' | 'sink') => async (cluster: ConnectCluster, id: string) => {
  await cluster.createTopic(`${id}-topic`)
  const creating = cluster.configure(id, blocking(cluster, kind, id, 'Connector::validate'))
  await anotherRuns(cluster, id)
  cluster.command(id, 'release')
  await creating
  await cluster.isRunning(id, 1)
}

async function blocksInClose(cluster: ConnectCluster, id: string): Promise<void> {
  await cluster.createTopic(`${id}-topic`)
  await cluster.configure(id, blocking(cluster, 'sink', id, 'Task::close'))
  await cluster.isRunning(id, 1)
  await cluster.produce(`${id}-topic`, 1)
  await cluster.eventually(() => cluster.records(id).length === 1, 'the sink has its partition')
  await cluster.get(`DELETE /connectors/${id}`)
  await anotherRuns(cluster, id)
  cluster.command(id, 'release')
  await cluster.isGone(id)
}

export const blockingConnectors: readonly Story[] = [
  { name: 'a source that blocks in the validation of its config', tell: blocksInValidation('source') },
  { name: 'a sink that blocks in the validation of its config', tell: blocksInValidation('sink') },
  { name: 'a source task that blocks while it reads', tell: blocksWhileRunning('source', 'Task::poll') },
  { name: 'a sink task that blocks while it takes records', tell: blocksWhileRunning('sink', 'Task::put') },
  { name: 'a sink task that blocks in a flush', tell: blocksWhileRunning('sink', 'Task::flush') },
  { name: 'a sink task that blocks while its partitions are opened', tell: blocksWhileRunning('sink', 'Task::open') },
  { name: 'a sink task that blocks while its partitions are closed', tell: blocksInClose },
  { name: 'a connector that blocks in its start', tell: blocksAtStart('source', 'Connector::start', 'connector start') },
  { name: 'a source task that blocks in its start', tell: blocksAtStart('source', 'Task::start', 'task 0 start') },
  { name: 'a sink task that blocks in its start', tell: blocksAtStart('sink', 'Task::start', 'task 0 start') },
  { name: 'a source task that blocks in its stop', tell: blocksAtStop('source') },
  { name: 'a sink task that blocks in its stop', tell: blocksAtStop('sink') },
]
