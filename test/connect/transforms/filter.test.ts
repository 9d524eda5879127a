/**
 * Goal: Filter drops records, and with a predicate only those that it selects. Method: the conversion that a connector's config builds.
 */
import { expect, test } from 'vitest'
import { findPlugins } from '../../../connect/plugins.ts'
import { createConversion } from '../../../connect/runtime/conversion.ts'
import filter from '../../../connect/transforms/filter.ts'
import { realSystem } from '../../../core/system/index.ts'
import { record, transform } from './applying.ts'

const plugins = await findPlugins()
const stageOf = (config: Record<string, string>) =>
  createConversion(
    plugins,
    { transforms: 'f', 'transforms.f.type': filter.class, predicates: 'p', 'predicates.p.type': 'RecordIsTombstone', ...config },
    {},
    realSystem('silent'),
  ).transformations[0]!

test('every record is dropped', () => {
  expect(transform(filter, {})(record())).toBeNull()
})

test('with a predicate, the records that it selects, or the others', () => {
  const tombstone = record({ value: null })
  const other = record({ value: 'x' })
  const selected = stageOf({ 'transforms.f.predicate': 'p' })
  expect([selected.apply(tombstone), selected.apply(other)]).toEqual([null, other])
  const others = stageOf({ 'transforms.f.predicate': 'p', 'transforms.f.negate': 'true' })
  expect([others.apply(tombstone), others.apply(other)]).toEqual([tombstone, null])
  expect(selected.class).toBe(filter.class)
})

test('a predicate that is not defined fails the task', () => {
  expect(() => stageOf({ 'transforms.f.predicate': 'q' })).toThrow(
    "Unknown configuration 'predicates.q.type': the predicate of transforms.f is not defined",
  )
})
