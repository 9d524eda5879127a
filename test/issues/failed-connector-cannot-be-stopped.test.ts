/**
 * Symptom: `PUT /connectors/{name}/stop` left a connector that had failed in the state FAILED, so that its offsets could be altered but its
 * status never said STOPPED, and a back-off that was due restarted it. Goal: it is STOPPED, nothing restarts it, and it starts again when
 * it is resumed. Method: a source whose task configs cannot be generated, with a long and with a short back-off.
 */
import { expect, test } from 'vitest'
import { ConnectClusters, inState, source } from '../connect/runtime/connect-clusters.ts'

const clusters = new ConnectClusters()

test('a failed connector can be stopped and resumed', async () => {
  const worker = await clusters.start(clusters.settings({ 'auto.restart.enable': 'false' }))
  clusters.probe('a').throwNextTasks.push(new Error('no'))
  await worker.putConfig('a', source('a'))
  await inState(worker, 'a', 'FAILED')
  await worker.stop('a')
  await inState(worker, 'a', 'STOPPED')
  expect(worker.status('a').connector.trace).toBeUndefined()
  await worker.resume('a')
  await inState(worker, 'a', 'RUNNING RUNNING')
})

test('a connector that was stopped during its back-off is not restarted', async () => {
  const worker = await clusters.start(clusters.settings({ 'auto.restart.backoff.ms': '200' }))
  const { throwNextTasks } = clusters.probe('b')
  throwNextTasks.push(...Array.from({ length: 100 }, () => new Error('no')))
  await worker.putConfig('b', source('b'))
  await inState(worker, 'b', 'FAILED')
  await worker.stop('b')
  await inState(worker, 'b', 'STOPPED')
  const left = throwNextTasks.length
  // A connector beside it fails and is restarted meanwhile, after the same back-off.
  clusters.probe('c').throwNextTasks.push(new Error('no'))
  await worker.putConfig('c', source('c'))
  await inState(worker, 'c', 'RUNNING RUNNING')
  expect([throwNextTasks.length, worker.status('b').connector.state]).toEqual([left, 'STOPPED'])
})
