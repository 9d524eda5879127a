/**
 * Symptom: tasks that were in the config topic started although they were more than `tasks.max`, which Kafka Connect refuses (KIP-1004).
 * Goal: they are FAILED with its message, and run once `tasks.max.enforce` is false. Method: task configs written to the config topic, as
 * an older worker does it, and a worker that starts then.
 */
import { expect, test } from 'vitest'
import { ConnectClusters, inState, source } from '../connect/runtime/connect-clusters.ts'

const clusters = new ConnectClusters()

test('tasks beyond tasks.max fail at their start', async () => {
  const settings = clusters.settings({ 'auto.restart.enable': 'false' })
  const worker = await clusters.start(settings)
  const config = source('a', { 'tasks.max': '2', 'tasks.max.enforce': 'false' })
  await worker.putConfig('a', config)
  await inState(worker, 'a', 'RUNNING RUNNING RUNNING')
  await clusters.close(worker)

  const producer = clusters.client.producer()
  const records = { 'connector-a': { properties: { ...config, 'tasks.max.enforce': 'true', 'tasks.max': '1' } } } as Record<string, unknown>
  for (const task of [0, 1])
    records[`task-a-${task}`] = { properties: { ...config, 'tasks.max': '1', 'tasks.max.enforce': 'true', task: `${task}` } }
  records['commit-a'] = { tasks: 2 }
  await producer.send(
    Object.entries(records).map(([key, value]) => ({
      topic: settings['config.storage.topic']!,
      partition: 0,
      key: Buffer.from(key),
      value: Buffer.from(JSON.stringify(value)),
    })),
  )
  await producer.close()

  const next = await clusters.start(settings)
  // The connector itself generates one task for its new tasks.max, which replaces the two.
  await inState(next, 'a', 'RUNNING RUNNING')
  const failures = await next.failures('a')
  expect(failures.some(({ trace }) => trace.includes('has generated 2 tasks, which is greater than 1'))).toBe(true)
})
