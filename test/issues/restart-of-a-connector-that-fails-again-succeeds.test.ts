/**
 * Symptom: `POST /connectors/{name}/restart` responded 204 although the connector failed again at once; Kafka Connect responds 500.
 * Goal: the response says so, and a connector that takes long to start keeps no other request waiting. Method: a source that fails and
 * one that hangs while it generates its task configs.
 */
import { expect, test } from 'vitest'
import { defineConnector, defineSource, setting } from '../../connect/sdk/index.ts'
import { ConnectClusters, failure, inState, source } from '../connect/runtime/connect-clusters.ts'

const clusters = new ConnectClusters()
const plain = { includeTasks: false, onlyFailed: false }

test('a restart fails where the connector fails again', async () => {
  const worker = await clusters.start(clusters.settings({ 'auto.restart.enable': 'false' }))
  clusters.probe('a').throwNextTasks.push(new Error('no'), new Error('no again'))
  await worker.putConfig('a', source('a'))
  await inState(worker, 'a', 'FAILED')
  expect(await failure(worker.restart('a', plain))).toEqual([500, 'Failed to start connector: a'])
  await inState(worker, 'a', 'FAILED')
  expect(await failure(worker.restart('a', plain))).toBeNull()
  await inState(worker, 'a', 'RUNNING RUNNING')
})

test('a restart that hangs keeps no other request waiting', async () => {
  const starting = Promise.withResolvers<void>()
  let starts = 0
  const slow = defineConnector({
    name: 'slow',
    doc: 'Its second start waits for the test.',
    source: defineSource({
      class: 'test.SlowSourceConnector',
      settings: { topic: setting.string({ doc: 'The topic.' }) },
      async tasks() {
        if (++starts > 1) await starting.promise
        return [{}]
      },
      async *read() {},
    }),
  })
  const worker = await clusters.start(clusters.settings(), [slow])
  await worker.putConfig('b', { name: 'b', 'connector.class': 'SlowSource', topic: 't' })
  await inState(worker, 'b', 'RUNNING RUNNING')
  const restarting = worker.restart('b', plain)
  await worker.putConfig('c', source('c'))
  await inState(worker, 'c', 'RUNNING RUNNING')
  starting.resolve()
  expect(await restarting).toBeNull()
})
