/**
 * Goal: the expression makes the topic, and null leaves it. Method: expressions that give each.
 */
import { expect, test } from 'vitest'
import contentBasedRouter from '../../../connect/transforms/content-based-router.ts'
import { record, transform } from './applying.ts'

const router = (expression: string) => transform(contentBasedRouter, { language: 'cel', 'topic.expression': expression })

test('the topic is what the expression gives', () => {
  const apply = router("value.op == 'u' ? topic + '-updates' : null")
  expect(apply(record({ value: { op: 'u' } }))).toEqual(record({ value: { op: 'u' }, topic: 't-updates' }))
  const other = record({ value: { op: 'c' } })
  expect(apply(other)).toBe(other)
})

test('what is no text is refused', () => {
  expect(() => router('5')(record({ value: 1 }))).toThrow("Value '5' returned by the expression is not a String")
  expect(() => transform(contentBasedRouter, { language: 'cel' })).toThrow("The 'topic.expression' value is invalid")
})
