/**
 * Goal: a declaration says of which kind it is, without a property that its author would see. Method: one of each kind.
 */
import { expect, test } from 'vitest'
import { defineConnector, defineConverter, defineKeyAndValueTransforms, definePredicate, kindOf } from '../../../connect/sdk/index.ts'

const common = { doc: 'A plugin.', settings: {} }

test('each define… says its kind', () => {
  expect(kindOf(defineConnector({ name: 'c', doc: 'C.' }))).toBe('connector')
  expect(kindOf(definePredicate({ ...common, class: 'P', create: () => () => true }))).toBe('predicate')
  const converter = defineConverter({
    ...common,
    class: 'C',
    create: () => ({ fromConnect: () => null, toConnect: () => ({ schema: null, value: null }) }),
  })
  expect(kindOf(converter)).toBe('converter')
  expect(Object.keys(converter)).toEqual(['doc', 'settings', 'class', 'create'])
  const transforms = defineKeyAndValueTransforms({ ...common, class: 'T', create: () => (record) => record })
  expect(transforms.map(kindOf)).toEqual(['transformation', 'transformation'])
})

test('what nothing has declared has no kind', () => {
  for (const other of [{}, null, undefined, 'text', { class: 'X', create() {} }]) expect(kindOf(other)).toBeUndefined()
})
