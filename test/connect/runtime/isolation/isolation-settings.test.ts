/**
 * Goal: a connector has the settings of threads of its own, or the worker's. Method: configs of both.
 */
import { expect, test } from 'vitest'
import { isolationConfig } from '../../../../connect/runtime/isolation/isolation-settings.ts'

test('the connector first, then the worker, then the default', () => {
  expect(isolationConfig({}, {})).toEqual({ 'task.isolation': 'auto', 'task.unresponsive.timeout.ms': 30_000, 'task.heap.max.mb': 512 })
  const worker = { 'task.isolation': 'thread', 'task.heap.max.mb': '64', 'bootstrap.servers': 'x' }
  expect(isolationConfig(worker, { 'task.heap.max.mb': '128' })).toEqual({
    'task.isolation': 'thread',
    'task.unresponsive.timeout.ms': 30_000,
    'task.heap.max.mb': 128,
  })
})

test.each([
  ['task.isolation', 'process'],
  ['task.unresponsive.timeout.ms', '10'],
  ['task.heap.max.mb', '1'],
])('%s=%s is refused', (name, value) => {
  expect(() => isolationConfig({}, { [name]: value })).toThrow(name)
})
