/**
 * Goal: topics that the pattern matches as a whole are renamed as Java's Matcher would. Method: topics that match, and do not.
 */
import { expect, test } from 'vitest'
import regexRouter from '../../../connect/transforms/regex-router.ts'
import { record, transform } from './applying.ts'

const routed = (regex: string, replacement: string, topic: string) =>
  transform(regexRouter, { regex, replacement })(record({ topic }))!.topic

test('the whole name must match', () => {
  expect(routed('([^.]+)\\.([^.]+)\\.([^.]+)', '$3', 'db.public.orders')).toBe('orders')
  expect(routed('orders', 'x', 'orders2')).toBe('orders2')
  expect(routed('orders', 'x', 'my-orders')).toBe('my-orders')
})

test('a record that does not match is the same record', () => {
  const given = record()
  expect(transform(regexRouter, { regex: 'x', replacement: 'y' })(given)).toBe(given)
})

test('a wrong pattern is refused at the start, a wrong replacement with the first record that it is for', () => {
  expect(() => transform(regexRouter, { regex: '[', replacement: 'x' })).toThrow('Invalid value [ for configuration regex: Invalid regex: ')
  const apply = transform(regexRouter, { regex: 'a', replacement: '$1' })
  expect(apply(record({ topic: 'b' }))!.topic).toBe('b')
  expect(() => apply(record({ topic: 'a' }))).toThrow('No group 1')
})
