/**
 * Goal: workers of one group share connectors and tasks, and no task runs twice (Invariant 9). Method: several real workers on a real
 * broker in this process, with connectors that count how often they run.
 */
import { expect, test } from 'vitest'
import { ConnectError, NotLeader, type Worker } from '../../../connect/index.ts'
import { until } from '../../until.ts'
import { ConnectClusters, inState, numbers, source } from './connect-clusters.ts'

const clusters = new ConnectClusters()

test('workers share connectors and tasks, follow one leader, and take over at once from one that leaves', async () => {
  const properties = clusters.settings({ 'heartbeat.interval.ms': '200' })
  const one = await clusters.start(properties)
  await one.create('p', source('p', { 'tasks.max': '4' }), 'RUNNING')
  await one.create('q', source('q', { 'tasks.max': '4' }), 'RUNNING')
  await inState(one, 'p', 'RUNNING RUNNING RUNNING RUNNING RUNNING')
  const two = await clusters.start(properties)
  const of = (worker: Worker, name: string) =>
    worker.status(name).tasks.filter((task) => task.worker_id === two.workerId && task.state === 'RUNNING').length
  await until(() => of(one, 'p') + of(one, 'q') === 4, 'half of the tasks are with the second')
  for (const name of ['p', 'q']) await inState(two, name, 'RUNNING RUNNING RUNNING RUNNING RUNNING')
  const [leader, follower] = await until(async () => {
    const refused = await two.delete('nope').catch((error) => error)
    return refused instanceof NotLeader || refused instanceof ConnectError ? ([one, two] as const) : null
  }, 'who leads').then((pair) => pair!)
  const refused = await follower.create('r', source('r'), 'RUNNING').catch((error) => error)
  expect(refused).toBeInstanceOf(NotLeader)
  expect(refused.leaderUrl).toBe(`http://${leader.workerId}/`)
  // Only the leader knows whether a connector exists: a follower may not have read its config yet.
  await expect(follower.delete('new')).rejects.toBeInstanceOf(NotLeader)
  await expect(follower.patchConfig('new', {})).rejects.toBeInstanceOf(NotLeader)
  await leader.create('r', source('r', { 'tasks.max': '2' }), 'RUNNING')
  await inState(follower, 'r', 'RUNNING RUNNING RUNNING')
  await follower.pause('r')
  await inState(leader, 'r', 'PAUSED PAUSED PAUSED')
  await clusters.close(follower)
  for (const name of ['p', 'q']) {
    await inState(leader, name, 'RUNNING RUNNING RUNNING RUNNING RUNNING')
    expect(leader.status(name).tasks.every((task) => task.worker_id === leader.workerId)).toBe(true)
  }
  for (const name of ['p', 'q', 'r']) expect(clusters.probe(name).mostRunning, name).toBe(1)
  for (const name of ['p', 'q'])
    expect((await clusters.valuesIn(`topic-${name}`)).sort()).toEqual([0, 1, 2, 3].flatMap((task) => numbers(10, task)).sort())
})

test('with the eager protocol everything is revoked and assigned again', async () => {
  const properties = clusters.settings({ 'heartbeat.interval.ms': '200', 'connect.protocol': 'eager' })
  const one = await clusters.start(properties)
  await one.create('e1', source('e1', { 'tasks.max': '4' }), 'RUNNING')
  await inState(one, 'e1', 'RUNNING RUNNING RUNNING RUNNING RUNNING')
  const two = await clusters.start(properties)
  const owners = () => new Set(two.status('e1').tasks.map((task) => task.worker_id))
  await until(() => owners().size === 2, 'both run tasks')
  await inState(two, 'e1', 'RUNNING RUNNING RUNNING RUNNING RUNNING')
  await clusters.close(one)
  await until(() => owners().size === 1, 'the other takes over')
  await inState(two, 'e1', 'RUNNING RUNNING RUNNING RUNNING RUNNING')
  expect(clusters.probe('e1').mostRunning).toBe(1)
})

test('when the leader leaves, another worker leads', async () => {
  const properties = clusters.settings({ 'heartbeat.interval.ms': '200' })
  const one = await clusters.start(properties)
  await one.create('s', source('s'), 'RUNNING')
  const two = await clusters.start(properties)
  await until(() => two.connectors().length === 1, 'the second knows it')
  await clusters.close(one)
  await until(() => two.putConfig('s', source('s', { count: '12' })), 'the second leads')
  await until(async () => (await two.offsets('s'))[0]?.offset?.n === 12, 'it went on')
  expect(await clusters.valuesIn('topic-s')).toEqual(numbers(12))
  expect(clusters.probe('s').mostRunning).toBe(1)
})
