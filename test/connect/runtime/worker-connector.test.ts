/**
 * Goal: the tasks of a source that depend on its system are divided again from time to time, and a system that does not answer changes
 * nothing. Method: a source whose answer a test chooses, on a worker over a real broker.
 */
import { expect, test } from 'vitest'
import { defineConnector, defineSource, setting } from '../../../connect/sdk/index.ts'
import { until } from '../../until.ts'
import { ConnectClusters, inState } from './connect-clusters.ts'

const clusters = new ConnectClusters()

test('tasks are configured anew when the answer changes, and stay when there is none', async () => {
  let answer: () => string[] = () => ['a']
  let calls = 0
  const running = new Set<string>()
  const connector = defineConnector({
    name: 'refreshed',
    doc: 'A source whose tasks a test chooses.',
    source: defineSource({
      class: 'test.RefreshedSourceConnector',
      settings: {
        'look.ms': setting.long({ default: 20, doc: 'How often it looks.' }),
        part: setting.string({ default: '', doc: 'The part of a task.' }),
      },
      tasksRefresh: 'look.ms',
      async tasks() {
        calls++
        return answer().map((part) => ({ part }))
      },
      async *read({ config, signal }) {
        running.add(config.part)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
        running.delete(config.part)
      },
    }),
  })
  const worker = await clusters.start(clusters.settings(), [connector])
  await worker.create('r', { name: 'r', 'connector.class': 'RefreshedSource', 'tasks.max': '3' }, 'RUNNING')
  await inState(worker, 'r', 'RUNNING RUNNING')
  answer = () => ['a', 'b']
  await until(() => running.size === 2 && running.has('b'), 'the new part has a task')

  answer = () => {
    throw new Error('the system does not answer')
  }
  const before = calls
  await until(() => calls > before + 3, 'it is asked again')
  expect([...running].sort()).toEqual(['a', 'b'])
  await inState(worker, 'r', 'RUNNING RUNNING RUNNING')

  await worker.stop('r')
  await until(() => running.size === 0, 'the tasks have stopped')
  const stopped = calls
  answer = () => ['c']
  await worker.resume('r')
  await until(() => running.has('c') && running.size === 1, 'it goes on with the answer of now')
  expect(calls).toBeGreaterThan(stopped)
})
