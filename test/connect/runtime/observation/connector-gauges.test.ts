/**
 * Goal: a connector sets its own metrics, and only those; they go with it, and it cannot set them without end. Method: gauges of several
 * owners, and what a scrape gets.
 */
import { expect, test } from 'vitest'
import { ConnectorGauges } from '../../../../connect/runtime/observation/connector-gauges.ts'
import { Metrics } from '../../../../core/system/metrics.ts'

function opened(metrics = new Metrics()) {
  const warnings: string[] = []
  const open = (labels: { connector: string; task?: string }) => new ConnectorGauges(metrics, labels, (message) => warnings.push(message))
  const lines = async () => (await metrics.text()).split('\n').filter((line) => /^tributary/.test(line))
  return { metrics, open, warnings, lines }
}

test('gauges have the labels of their owner, and go with it', async () => {
  const { open, lines } = opened()
  const [task, other, connector] = [open({ connector: 'a', task: '0' }), open({ connector: 'a', task: '1' }), open({ connector: 'a' })]
  task.set('replication-lag-bytes', 3)
  task.set('replication-lag-bytes', 4)
  other.set('replication-lag-bytes', 5)
  connector.replace({ 'retained-wal-bytes': 6, 'open-slots': 1 })
  connector.replace({ 'retained-wal-bytes': 7 })
  expect(await lines()).toEqual([
    'tributary_connect_task_replication_lag_bytes{connector="a",task="0"} 4',
    'tributary_connect_task_replication_lag_bytes{connector="a",task="1"} 5',
    'tributary_connect_connector_retained_wal_bytes{connector="a"} 7',
  ])
  task.close()
  connector.close()
  expect(await lines()).toEqual(['tributary_connect_task_replication_lag_bytes{connector="a",task="1"} 5'])
})

test('a task that was cancelled and has a successor sets and removes nothing more', async () => {
  const { open, lines } = opened()
  const cancelled = open({ connector: 'a', task: '0' })
  cancelled.set('lag', 1)
  const successor = open({ connector: 'a', task: '0' })
  expect(await lines()).toEqual([])
  successor.set('lag', 2)
  cancelled.set('lag', 3)
  cancelled.close()
  expect(await lines()).toEqual(['tributary_connect_task_lag{connector="a",task="0"} 2'])
})

test('names are in kebab-case, not those of the worker, and bounded; too many are said once', async () => {
  const { metrics, open, warnings, lines } = opened()
  metrics.gauge({ name: 'tributary_connect_task_stalled', help: 'The worker has it.', labels: ['connector', 'task'] })
  const task = open({ connector: 'a', task: '0' })
  for (const name of ['Lag', 'lag_bytes', '', 'a--b', '1st', 'x'.repeat(200)]) expect(() => task.set(name, 1)).toThrow(/kebab-case/)
  expect(() => task.set('lag', '1' as never)).toThrow(/needs a number/)
  task.set('stalled', 1)
  for (let n = 0; n < 100; n++) task.set(`own-${n}`, n)
  expect(await lines()).toHaveLength(64)
  expect(warnings).toEqual(['the metric stalled of a connector is left out: the worker has one of this name'])
})
