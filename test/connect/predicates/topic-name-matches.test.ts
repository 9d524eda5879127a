/**
 * Goal: records of topics whose whole name the pattern matches are selected. Method: names that match, in part or not at all.
 */
import { expect, test } from 'vitest'
import topicNameMatches from '../../../connect/predicates/topic-name-matches.ts'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { record } from '../transforms/applying.ts'

test('the whole name counts', () => {
  const predicate = topicNameMatches.create({ pattern: 'orders-\\d+' })
  expect(['orders-1', 'orders-1x', 'my-orders-1', 'orders-'].map((topic) => predicate(record({ topic })))).toEqual([
    true,
    false,
    false,
    false,
  ])
})

test('a pattern must be given', () => {
  expect(() => parseSettings(topicNameMatches.settings, { pattern: '' })).toThrow(
    'Invalid value  for configuration pattern: String must be non-empty',
  )
})
