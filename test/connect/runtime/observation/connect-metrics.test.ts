/**
 * Goal: the metrics of connectors and tasks have the names of Kafka Connect's, and say what runs here. Method: a registry of their own,
 * and the states that a worker reports.
 */
import { expect, test } from 'vitest'
import { CONNECTOR_TASK } from '../../../../connect/runtime/connect-protocol.ts'
import { ConnectMetrics } from '../../../../connect/runtime/observation/connect-metrics.ts'
import { Metrics } from '../../../../core/system/metrics.ts'

function opened() {
  const registry = new Metrics()
  const metrics = new ConnectMetrics(registry, () => 1000)
  const value = async (line: string) =>
    (await registry.text())
      .split('\n')
      .find((text) => text.startsWith(`kafka_connect_${line} `))
      ?.split(' ')
      .at(-1)
  return { metrics, value }
}

test('tasks and connectors are there from their start to their stop', async () => {
  const { metrics, value } = opened()
  metrics.connectorStarted('c', { class: 'a.C', type: 'source', version: '1.2' })
  metrics.stateChanged('c', CONNECTOR_TASK, 'RUNNING')
  const task = metrics.taskStarted('c', 0, 'source', { 'key-converter-class': 'a.K' }, [
    { kind: 'transform', alias: 't', class: 'a.T', version: '3' },
  ])
  metrics.stateChanged('c', 0, 'RUNNING')
  task.polled(7, 5)
  expect(await value('connector_metrics_status{connector="c",status="running"}')).toBe('1')
  expect(await value('connector_metrics_connector_version{connector="c",connector_version="1.2"}')).toBe('1')
  expect(await value('connector_task_metrics_key_converter_class{connector="c",task="0",key_converter_class="a.K"}')).toBe('1')
  expect(await value('source_task_metrics_source_record_poll_total{connector="c",task="0"}')).toBe('7')
  expect(await value('connector_transform_metrics_transform_class{connector="c",task="0",transform="t",transform_class="a.T"}')).toBe('1')
  expect(await value('connect_worker_metrics_connector_running_task_count{connector="c"}')).toBe('1')
  expect(await value('sink_task_metrics_partition_count{connector="c",task="0"}')).toBeUndefined()
  metrics.stopped('c', 0)
  metrics.stopped('c', CONNECTOR_TASK)
  expect(await value('connect_worker_metrics_task_count')).toBe('0')
  expect(await value('source_task_metrics_source_record_poll_total{connector="c",task="0"}')).toBeUndefined()
})

test('the first state after a start says whether it has succeeded', async () => {
  const { metrics, value } = opened()
  metrics.taskStarted('c', 0, 'sink', {}, [])
  metrics.stateChanged('c', 0, 'RUNNING')
  metrics.stateChanged('c', 0, 'FAILED')
  metrics.taskStarted('c', 1, 'sink', {}, [])
  metrics.stateChanged('c', 1, 'FAILED')
  // It has failed before its parts were built.
  metrics.stateChanged('c', 2, 'FAILED')
  expect(await value('connect_worker_metrics_task_startup_attempts_total')).toBe('3')
  expect(await value('connect_worker_metrics_task_startup_success_total')).toBe('1')
  expect(await value('connect_worker_metrics_task_startup_failure_total')).toBe('2')
})
