/**
 * Goal: what a module may export is found, and everything else is refused with a sentence that says what to do. Method: default exports of
 * both kinds.
 */
import { describe, expect, test } from 'vitest'
import { originOf } from '../../../connect/plugins/origins.ts'
import { joined, NotAPlugin, pluginsIn } from '../../../connect/plugins/plugin-module.ts'
import {
  defineConnector,
  defineConverter,
  definePredicate,
  defineSink,
  defineSource,
  defineTransform,
  setting,
} from '../../../connect/sdk/index.ts'

const origin = { version: '1.0', module: 'file:///p/index.js', location: '/p' }
const predicate = () => definePredicate({ class: 'P', doc: 'P.', settings: {}, create: () => () => true })
const transform = () => defineTransform({ class: 'T', doc: 'T.', settings: {}, create: () => (record) => record })
const source = () => defineSource({ class: 'S', settings: {}, async *read() {} })

test('a declaration, an array, an object of declarations and of arrays, and a CommonJS module', () => {
  expect(pluginsIn(predicate(), origin).predicates).toHaveLength(1)
  expect(pluginsIn([predicate(), transform()], origin)).toMatchObject({ predicates: [{}], transforms: [{}] })
  expect(pluginsIn({ one: predicate(), both: [transform(), transform()] }, origin)).toMatchObject({
    predicates: [{}],
    transforms: [{}, {}],
  })
  expect(pluginsIn({ default: predicate(), __esModule: true }, origin).predicates).toHaveLength(1)
})

test('a side on its own is a connector, and all have their origin', () => {
  const alone = pluginsIn(source(), origin)
  expect(alone.connectors).toMatchObject([{ name: 'S', source: { class: 'S' } }])
  expect(originOf(alone.connectors[0]!)).toBe(origin)
  expect(pluginsIn({ source: Object.assign(source(), { version: '2' }) }, origin).connectors).toMatchObject([{ version: '2' }])
  const { connectors, predicates } = joined(alone, pluginsIn(predicate(), origin))
  expect([connectors.length, predicates.length]).toEqual([1, 1])
})

describe('refused', () => {
  const create = () => ({ fromConnect: () => null, toConnect: () => ({ schema: null, value: null }) })
  test.each([
    ['nothing', undefined, /no default export of an object/],
    ['a function', () => {}, /no default export of an object/],
    ['an empty array', [], /has 0 values/],
    ['what nothing has defined', { class: 'X', settings: {}, create }, /is no plugin: default-export/],
    ['a connector without sides', defineConnector({ name: 'c', doc: 'C.' }), /the connector c has no source, no sink and no flow/],
    ['no class', defineConverter({ class: ' ', doc: '', settings: {}, create }), /a converter has no class: set `class`/],
    ['no settings', defineConverter({ class: 'C', doc: '', settings: undefined as never, create }), /C has no settings/],
    [
      'a setting that is none',
      defineConverter({ class: 'C', doc: '', settings: { a: {} as never }, create }),
      /the setting a of C is none/,
    ],
    [
      'a setting that no thread can pass on',
      defineConverter({ class: 'C', doc: '', settings: { a: { ...setting.string({ doc: '' }), default: (() => '') as never } }, create }),
      /the setting a of C is none/,
    ],
    ['no create', defineConverter({ class: 'C', doc: '', settings: {}, create: undefined as never }), /C has no function create/],
    ['no start', defineSink({ class: 'K', settings: {}, start: undefined as never }), /K has no function start: a sink must have it/],
    ['aliases that are none', defineSource({ ...source(), aliases: 'x' as never }), /the aliases of S are no array/],
    ['a version that is none', defineTransform({ ...transform(), version: 1 as never }), /its version is no text/],
  ])('%s', (_what, exported, message) => {
    expect(() => pluginsIn(exported, origin)).toThrow(NotAPlugin)
    expect(() => pluginsIn(exported, origin)).toThrow(message)
  })
})
