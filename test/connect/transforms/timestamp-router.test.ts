/**
 * Goal: topics are made of the topic and the timestamp, in UTC. Method: formats with each placeholder, and a record without a timestamp.
 */
import { expect, test } from 'vitest'
import timestampRouter from '../../../connect/transforms/timestamp-router.ts'
import { record, transform } from './applying.ts'

const given = record({ topic: 'orders$1', timestamp: 1_709_618_828_123 })
const routed = (config: Record<string, string>) => transform(timestampRouter, config)(given)!.topic

test('by default the day is appended', () => {
  expect(routed({})).toBe('orders$1-20240305')
})

test('placeholders can be repeated, and nothing in a topic is one', () => {
  expect(routed({ 'topic.format': '$' + '{timestamp}.$' + '{topic}.$' + '{timestamp}', 'timestamp.format': 'HH' })).toBe('06.orders$1.06')
})

test('a record without a timestamp, and a wrong format, fail the record', () => {
  expect(() => transform(timestampRouter, {})(record({ timestamp: null }))).toThrow('Timestamp missing on record: ')
  expect(() => routed({ 'timestamp.format': 'b' })).toThrow("Illegal pattern character 'b'")
})
