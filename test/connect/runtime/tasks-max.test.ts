/**
 * Goal: more tasks than tasks.max are refused, with Kafka Connect's words, unless the config allows them. Method: calls it with configs.
 */
import { expect, test } from 'vitest'
import { requireTasksMax, tasksMax } from '../../../connect/runtime/tasks-max.ts'

test('tasks.max is 1 where it is not set', () => {
  expect([tasksMax({}), tasksMax({ 'tasks.max': '3' })]).toEqual([1, 3])
})

test('as many tasks as tasks.max are accepted, and more are refused', () => {
  expect(() => requireTasksMax('a', 3, { 'tasks.max': '3' })).not.toThrow()
  expect(() => requireTasksMax('a', 4, { 'tasks.max': '3' })).toThrow(
    'The connector a has generated 4 tasks, which is greater than 3, the maximum number of tasks it is configured to create. ',
  )
})

test('tasks.max.enforce allows more', () => {
  expect(() => requireTasksMax('a', 4, { 'tasks.max': '3', 'tasks.max.enforce': 'False' })).not.toThrow()
  expect(() => requireTasksMax('a', 4, { 'tasks.max': '3', 'tasks.max.enforce': 'true' })).toThrow()
})
