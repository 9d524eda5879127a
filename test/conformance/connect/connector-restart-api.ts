/**
 * Restarts over REST (KIP-745): which of a connector and its tasks start again, by the query and by what has failed, and what the response
 * says about it; also where another worker than the one that is asked runs them.
 */
import { expect } from 'vitest'
import type { ConnectCluster } from './connect-cluster.ts'
import type { Story } from './stories.ts'

const TASKS = 4
const allTasks = Array.from({ length: TASKS }, (_, task) => task)

interface Restart {
  onlyFailed: boolean
  includeTasks: boolean
}

const path = (id: string, { onlyFailed, includeTasks }: Restart) =>
  `POST /connectors/${id}/restart?onlyFailed=${onlyFailed}&includeTasks=${includeTasks}` as const

/** What restarts, and whether the connector can start. */
interface Expected {
  connector: boolean
  tasks: readonly number[]
  starts?: boolean
}

/** The starts of the connector and of each task; with `stops`, the stops of the tasks too. */
const counts = (cluster: ConnectCluster, id: string, kind: 'start' | 'stop' = 'start') => [
  ...(kind === 'start' ? [cluster.count(id, 'connector start')] : []),
  ...allTasks.map((task) => cluster.count(id, `task ${task} ${kind}`)),
]

/** 202 with the state of each, RESTARTING where it is in the plan; 204 without a body where only the connector itself restarts. */
async function restart(cluster: ConnectCluster, id: string, query: Restart, expected: Expected) {
  const before = await cluster.get(`GET /connectors/${id}/status`)
  const { status, body } = await cluster.ask(path(id, query), undefined, cluster.workers.at(-1))
  if (!query.onlyFailed && !query.includeTasks) {
    const refused = { error_code: 500, message: `Failed to start connector: ${id}` }
    expect([status, body]).toEqual(expected.starts === false ? [500, refused] : [204, null])
    return
  }
  expect(status).toBe(202)
  expect(body.connector.state).toBe(expected.connector ? 'RESTARTING' : before.connector.state)
  const byId = (a: { id: number }, b: { id: number }) => a.id - b.id
  expect(body.tasks.sort(byId).map((task: { state: string }) => task.state)).toEqual(
    before.tasks
      .sort(byId)
      .map(({ id: task, state }: { id: number; state: string }) => (expected.tasks.includes(task) ? 'RESTARTING' : state)),
  )
}

const running = (query: Restart, expected: Expected) => async (cluster: ConnectCluster, id: string) => {
  await cluster.configure(id, cluster.source(id, { 'tasks.max': String(TASKS) }))
  await cluster.isRunning(id, TASKS)
  await cluster.eventually(() => counts(cluster, id).every((count) => count > 0), 'everything of it has started')
  const [starts, stops] = [counts(cluster, id), counts(cluster, id, 'stop')]
  await restart(cluster, id, query, expected)
  const more = allTasks.map((task) => (expected.tasks.includes(task) ? 1 : 0))
  const expectedStarts = [expected.connector ? 1 : 0, ...more].map((count, index) => starts[index]! + count)
  await cluster.eventually(
    () => counts(cluster, id).every((count, index) => count >= expectedStarts[index]!),
    `starts of ${id} are ${expectedStarts}`,
  )
  await cluster.isRunning(id, TASKS)
  // A rebalance between several workers may start and stop more.
  if (cluster.workers.length > 1) return
  expect(counts(cluster, id)).toEqual(expectedStarts)
  expect(counts(cluster, id, 'stop')).toEqual(more.map((count, index) => stops[index]! + count))
}

const failedConnector = (query: Restart) => async (cluster: ConnectCluster, id: string) => {
  await cluster.configure(id, cluster.source(id, { 'tasks.max': String(TASKS), 'fail.connector.start': 'true' }))
  await cluster.isIn(id, 'FAILED')
  const status = await cluster.get(`GET /connectors/${id}/status`)
  expect(status.connector.trace).toContain('The connector fails because its config says so')
  const starts = cluster.count(id, 'connector start')
  await restart(cluster, id, query, { connector: true, tasks: [], starts: false })
  await cluster.eventually(() => cluster.count(id, 'connector start') === starts + 1, `${id} starts again`)
  await cluster.isIn(id, 'FAILED')
  expect(counts(cluster, id)).toEqual([starts + 1, 0, 0, 0, 0])
}

const failedTasks = (query: Restart, fail: readonly number[], expected: Expected) => async (cluster: ConnectCluster, id: string) => {
  await cluster.configure(id, cluster.source(id, { 'tasks.max': String(TASKS), 'fail.tasks': fail.join(',') }))
  const states = ['RUNNING', ...allTasks.map((task) => (fail.includes(task) ? 'FAILED' : 'RUNNING'))].join(' ')
  await cluster.isIn(id, states)
  const status = await cluster.get(`GET /connectors/${id}/tasks/${fail[0]}/status`)
  expect(status.trace).toContain('The task fails because its config says so')
  const starts = counts(cluster, id)
  await restart(cluster, id, query, expected)
  const more = [expected.connector ? 1 : 0, ...allTasks.map((task) => (expected.tasks.includes(task) ? 1 : 0))]
  const expectedStarts = more.map((count, index) => starts[index]! + count)
  await cluster.eventually(() => String(counts(cluster, id)) === String(expectedStarts), `starts of ${id} are ${expectedStarts}`)
  await cluster.isIn(id, states)
  expect(counts(cluster, id)).toEqual(expectedStarts)
}

const only = (connector: boolean, tasks: readonly number[] = []) => ({ connector, tasks })
const nothing = only(false)
const connectorAlone = { onlyFailed: false, includeTasks: false }
const everything = { onlyFailed: false, includeTasks: true }
const failedConnectorAlone = { onlyFailed: true, includeTasks: false }
const failed = { onlyFailed: true, includeTasks: true }

/** One more worker than one that could run everything, so that requests go through another worker. */
const GROUP = 2

export const connectorRestartApi: readonly Story[] = [
  {
    name: 'a connector that does not exist is not restarted',
    async tell(cluster) {
      expect((await cluster.ask('POST /connectors/unknown/restart')).status).toBe(404)
      for (const query of [connectorAlone, everything, failedConnectorAlone, failed])
        expect((await cluster.ask(path('unknown', query))).status).toBe(404)
    },
  },
  { name: 'of a running connector: the connector alone', tell: running(connectorAlone, only(true)) },
  { name: 'of a running connector: connector and tasks', tell: running(everything, only(true, allTasks)) },
  { name: 'of a running connector: nothing where only a failed connector is to restart', tell: running(failedConnectorAlone, nothing) },
  { name: 'of a running connector: nothing where only what failed is to restart', tell: running(failed, nothing) },
  { name: 'of a failed connector: the connector', tell: failedConnector(connectorAlone) },
  { name: 'of a failed connector: the connector, with tasks', tell: failedConnector(everything) },
  { name: 'of a failed connector: the connector, as it has failed', tell: failedConnector(failed) },
  { name: 'of failed tasks: the connector alone', tell: failedTasks(connectorAlone, allTasks, only(true)) },
  { name: 'of failed tasks: the tasks alone', tell: failedTasks(failed, allTasks, only(false, allTasks)) },
  { name: 'of failed tasks: nothing without includeTasks', tell: failedTasks(failedConnectorAlone, allTasks, nothing) },
  { name: 'of failed tasks: connector and tasks', tell: failedTasks(everything, allTasks, only(true, allTasks)) },
  { name: 'of one failed task: that task', tell: failedTasks(failed, [1], only(false, [1])) },
  { name: 'of a running connector of several workers: the connector alone', workers: GROUP, tell: running(connectorAlone, only(true)) },
  {
    name: 'of a running connector of several workers: connector and tasks',
    workers: GROUP,
    tell: running(everything, only(true, allTasks)),
  },
]
