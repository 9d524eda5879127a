/**
 * Goal: the checker is silent about what a correct broker does, and names what a wrong one does. Method: random valid histories from a
 * model of the log, as they are and with one random change each.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { randomFrom } from '../random.ts'
import { check } from './check.ts'
import { mutations } from './history-mutation.ts'
import { modelHistory } from './log-model.ts'

const seeds = fc.integer({ min: 0, max: 2 ** 31 })

test('a history of a correct log has no anomaly', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      expect(check(modelHistory(randomFrom(seed))).failures).toEqual([])
    }),
    { numRuns: 300 },
  )
})

describe('a mutation of it is named', () => {
  test.each(Object.entries(mutations))('%s', (_, { expects, mutate }) => {
    let applied = 0
    fc.assert(
      fc.property(seeds, (seed) => {
        const random = randomFrom(seed)
        const mutated = mutate(modelHistory(random), random)
        if (mutated === null) return
        applied++
        const names = new Set(check(mutated).failures.map(({ name }) => name))
        expect(
          expects.some((name) => names.has(name)),
          `one of ${expects.join(', ')}; found ${[...names].join(', ') || 'nothing'}`,
        ).toBe(true)
      }),
      { numRuns: 60 },
    )
    expect(applied, 'histories that have something to change').toBeGreaterThan(10)
  })
})
