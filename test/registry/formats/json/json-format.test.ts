/**
 * Goal: JSON schemas are read, checked, normalized and compared as Confluent's registry does. Method: pairs of schemas for each rule, with
 * the names and places of Confluent's messages; references between documents; properties over generated schemas.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkBackward, InvalidSchemaError, parseSchema } from '../../../../registry/formats/index.ts'

const schema = (draft: unknown, references: { name: string; text: string }[] = [], isNew = true) =>
  parseSchema('JSON', typeof draft === 'string' ? draft : JSON.stringify(draft), references, { isNew })

/** `KIND #/path` of each difference. */
const check = (writer: unknown, reader: unknown) =>
  checkBackward(schema(writer), schema(reader)).map((text) => {
    const path = /'(#[^']*)'/.exec(text)?.[1]
    return [/^\{errorType:"(\w+)", description:"/.exec(text)![1], ...(path ? [path] : [])].join(' ')
  })

const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more })
const closed = { additionalProperties: false }

test.each<[string, object, object, boolean]>([
  ['a property more in an open object', object({ a: {} }), object({ a: {}, b: { type: 'string' } }), true],
  ['a property less in a closed object', object({ a: {}, b: { type: 'string' } }, closed), object({ a: {} }, closed), true],
  ['an object that is closed', object({ a: {} }), object({ a: {} }, closed), true],
  ['a required property with a default', object({}), object({ b: { type: 'string', default: 'x' } }, { required: ['b'] }), true],
  ['a required property without', object({}), object({ b: { type: 'string' } }, { required: ['b'] }), false],
  ['another type', object({ a: { type: 'string' } }), object({ a: { type: 'integer' } }), false],
])('compatibilityPolicy=LENIENT and %s', (_, writer, reader, isAllowed) => {
  const names = { reader: 'new', writer: 'old' }
  expect(checkBackward(schema(writer), schema(reader), { ...names, isLenient: true }).length === 0).toBe(isAllowed)
  expect(checkBackward(schema(writer), schema(reader), names)).not.toEqual([])
})

describe('the text', () => {
  test('is compact and keeps order and digits, the normalized one is sorted', () => {
    const parsed = schema('{ "type" : "object", "title": "T",\n "properties": {"2": {}, "1": {"multipleOf": 0.10, "const": 1e3} } }')
    expect(parsed.canonical).toBe('{"type":"object","title":"T","properties":{"2":{},"1":{"multipleOf":0.10,"const":1E+3}}}')
    expect(parsed.normalized()).toBe('{"properties":{"1":{"const":1E+3,"multipleOf":0.10},"2":{}},"title":"T","type":"object"}')
    expect(parsed.name).toBe('T')
    expect(parsed.formatted('resolved')).toBe(parsed.canonical)
  })

  test.each([
    [{ type: 'objekt' }, 'Invalid JSON schema'],
    [{ properties: 3 }, 'must be object'],
    [{ $ref: '#/definitions/none' }, 'The reference #/definitions/none cannot be resolved'],
    [{ properties: { a: { $ref: 'http://127.0.0.1:1/x.json' } } }, 'cannot be resolved'],
    ['3', 'expected an object or boolean'],
    ['{', 'Expected a name'],
    [{ $schema: 'https://json-schema.org/draft/2020-12/schema', minItems: -1 }, 'must be >= 0'],
    [{ $schema: 'http://json-schema.org/draft-04/schema#', exclusiveMinimum: 3, minimum: 1 }, 'must be boolean'],
  ])('%j is refused when it is new: %s', (draft, why) => {
    expect(() => schema(draft)).toThrow(why)
    expect(() => schema(draft)).toThrow(InvalidSchemaError)
  })

  test.each([
    [{ $schema: 'http://json-schema.org/draft-04/schema#', required: [], enum: [] }],
    [{ $schema: 'http://json-schema.org/draft-06/schema#', items: [], examples: [1] }],
    [{ items: [], required: ['a', 'a'] }],
    [{ $schema: 'https://json-schema.org/draft/2019-09/schema', $defs: { a: true }, dependentRequired: { a: ['b'] } }],
    [{ $schema: 'http://example.com/own-meta-schema', unknown: 1 }],
    ['true'],
  ])('%j is allowed', (draft) => {
    expect(check(draft, draft)).toEqual([])
  })

  test('that nests too deep is refused, one at the limit is read and compared', () => {
    const nested = (levels: number) => `${'{"items":'.repeat(levels)}true${'}'.repeat(levels)}`
    expect(check(nested(495), nested(495))).toEqual([])
    expect(() => schema(nested(501))).toThrow('nests deeper than 500')
  })

  test('that is stored is not checked before it is compared', () => {
    const stored = schema({ $ref: '#/definitions/none' }, [], false)
    expect(stored.canonical).toBe('{"$ref":"#/definitions/none"}')
    expect(() => checkBackward(stored, stored)).toThrow(InvalidSchemaError)
  })
})

describe('a message', () => {
  test('has the words of Confluent', () => {
    expect(checkBackward(schema({ type: 'string' }), schema({ type: 'string', maxLength: 3 }))).toEqual([
      `{errorType:"MAX_LENGTH_ADDED", description:"The keyword at path '#/maxLength' in the new schema is not present in the old schema'}`,
    ])
    const [text] = checkBackward(schema(object({ a: {} })), schema(object({ b: true }, closed)), { reader: 'old', writer: 'new' })
    expect(text).toBe(
      `{errorType:"PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL", description:"The old has a closed content model and is missing a property or item present at path '#/properties/a' in the new schema'}`,
    )
  })
})

describe('a property may be added', () => {
  test.each([
    ['to a closed model', object({}, closed), object({ a: { type: 'string' } }, closed), []],
    ['to an open model with an empty schema', object({}), object({ a: {} }), []],
    ['to an open model', object({}), object({ a: { type: 'string' } }), ['OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/a']],
    [
      'as a required one with a default, to a closed model',
      object({}, closed),
      object({ a: { type: 'string', default: 'x' } }, { ...closed, required: ['a'] }),
      [],
    ],
    [
      'as a required one, to a closed model',
      object({}, closed),
      object({ a: { type: 'string' } }, { ...closed, required: ['a'] }),
      ['REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL #/properties/a'],
    ],
    [
      'to a partially open model that covers it',
      object({}, { additionalProperties: { type: 'string' } }),
      object({ a: { type: 'string' } }, { additionalProperties: { type: 'string' } }),
      [],
    ],
    [
      'to a partially open model that does not cover it',
      object({}, { patternProperties: { '^a': { type: 'string' } }, ...closed }),
      object({ a: { type: 'integer' } }, { patternProperties: { '^a': { type: 'string' } }, ...closed }),
      ['TYPE_CHANGED #/properties/a', 'PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/properties/a'],
    ],
  ])('%s', (_, writer, reader, expected) => {
    expect(check(writer, reader)).toEqual(expected)
  })
})

describe('a schema that allows less', () => {
  test.each([
    ['TYPE_CHANGED #/', { type: 'string' }, { type: 'integer' }],
    ['TYPE_NARROWED #/', { type: 'number' }, { type: 'integer' }],
    ['MAX_LENGTH_DECREASED #/maxLength', { type: 'string', maxLength: 3 }, { type: 'string', maxLength: 2 }],
    ['MIN_LENGTH_INCREASED #/minLength', { type: 'string', minLength: 3 }, { type: 'string', minLength: 4 }],
    ['PATTERN_CHANGED #/pattern', { type: 'string', pattern: 'a' }, { type: 'string', pattern: 'b' }],
    ['MAXIMUM_ADDED #/maximum', { type: 'number' }, { type: 'number', maximum: 3 }],
    ['MINIMUM_INCREASED #/minimum', { type: 'number', minimum: 1 }, { type: 'number', minimum: 1.5 }],
    ['EXCLUSIVE_MAXIMUM_DECREASED #/exclusiveMaximum', { type: 'number', exclusiveMaximum: 3 }, { type: 'number', exclusiveMaximum: 2 }],
    ['MULTIPLE_OF_EXPANDED #/multipleOf', { type: 'number', multipleOf: 0.1 }, { type: 'number', multipleOf: 0.3 }],
    ['MULTIPLE_OF_CHANGED #/multipleOf', { type: 'number', multipleOf: 3 }, { type: 'number', multipleOf: 2 }],
    ['ENUM_ARRAY_NARROWED #/enum', { enum: [1, 'a'] }, { enum: ['a'] }],
    ['ENUM_ARRAY_CHANGED #/enum', { enum: [1, 'a'] }, { enum: ['b'] }],
    ['ENUM_ARRAY_CHANGED #/const', { const: 1 }, { const: 2 }],
    ['REQUIRED_ATTRIBUTE_ADDED #/required/a', object({ a: {} }), object({ a: {} }, { required: ['a'] })],
    ['ADDITIONAL_PROPERTIES_REMOVED #/additionalProperties', object({}), object({}, closed)],
    ['ADDITIONAL_PROPERTIES_NARROWED #/additionalProperties', object({}), object({}, { additionalProperties: { type: 'string' } })],
    ['MAX_PROPERTIES_ADDED #/maxProperties', object({}), object({}, { maxProperties: 3 })],
    ['DEPENDENCY_ARRAY_ADDED #/dependencies/a', object({}), object({}, { dependencies: { a: ['b'] } })],
    ['SCHEMA_ADDED', { type: 'array' }, { type: 'array', items: { type: 'string' } }],
    ['UNIQUE_ITEMS_ADDED #/uniqueItems', { type: 'array' }, { type: 'array', uniqueItems: true }],
    ['ITEM_ADDED_TO_OPEN_CONTENT_MODEL #/items/0', { type: 'array', items: [] }, { type: 'array', items: [{ type: 'string' }] }],
    ['SUM_TYPE_NARROWED #/', { oneOf: [{ type: 'string' }, { type: 'null' }] }, { oneOf: [{ type: 'string' }] }],
    ['PRODUCT_TYPE_EXTENDED #/', { allOf: [{ type: 'string' }] }, { allOf: [{ type: 'string' }, { maxLength: 3 }] }],
    ['COMBINED_TYPE_CHANGED #/', { anyOf: [{ type: 'string' }, true] }, { allOf: [{ type: 'string' }, true] }],
    ['NOT_TYPE_EXTENDED #/not', { not: { type: 'integer' } }, { not: { type: 'number' } }],
    ['SUM_TYPE_NARROWED #/', { type: ['string', 'null'] }, { type: ['string'] }],
  ])('%s', (expected, writer, reader) => {
    expect(check(writer, reader)).toContain(expected)
    if (!/CHANGED/.test(expected)) expect(check(reader, writer)).not.toContain(expected)
  })

  test.each([
    ['a sum gets one more', { type: 'string' }, { oneOf: [{ type: 'integer' }, { type: 'string' }] }],
    ['a type becomes a list of types', { type: 'string', maxLength: 3 }, { type: ['string', 'null'], maxLength: 3 }],
    ['anything becomes allowed', { type: 'string' }, {}],
    ['a title changes', { title: 'a' }, { title: 'b' }],
    ['integer becomes number', { type: 'integer' }, { type: 'number' }],
  ])('not when %s', (_, writer, reader) => {
    expect(check(writer, reader)).toEqual([])
  })

  test('from 2020-12 on also by unevaluated properties and first items', () => {
    const modern = (more: object) => ({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...more })
    const unevaluated = modern(object({}, { unevaluatedProperties: false }))
    expect(check(modern(object({})), unevaluated)).toEqual(['UNEVALUATED_PROPERTIES_REMOVED #/unevaluatedProperties'])
    expect(check(unevaluated, modern(object({})))).toEqual([])
    const tuple = (items: unknown) => modern({ type: 'array', prefixItems: [{ type: 'string' }], items })
    expect(check(tuple(true), tuple(false))).toEqual(['ADDITIONAL_ITEMS_REMOVED #/additionalItems'])
  })
})

describe('a reference', () => {
  const address = { name: 'address.json', text: '{"type":"object","properties":{"zip":{"type":"string"}},"additionalProperties":false}' }
  const person = { $id: 'http://example.com/person.json', type: 'object', properties: { home: { $ref: 'address.json' } } }

  test('is found by its name, also against the identifier of the schema', () => {
    expect(schema(person, [address]).name).toBeNull()
    const other = { ...address, text: address.text.replace('string', 'integer') }
    expect(checkBackward(schema(person, [address]), schema(person, [other])).map((text) => /'(#.*?)'/.exec(text)![1])).toEqual([
      '#/properties/home/properties/zip',
    ])
    expect(() => schema(person)).toThrow('The reference address.json cannot be resolved')
  })

  test('goes to definitions, anchors, embedded schemas and meta schemas', () => {
    const modern = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $defs: { a: { $anchor: 'here', type: 'string' }, b: { $id: 'embedded.json', $defs: { c: { type: 'null' } } } },
      properties: { a: { $ref: '#here' }, b: { $ref: 'embedded.json#/$defs/c' }, c: { $ref: '#/$defs/a' } },
    }
    expect(() => schema(modern)).not.toThrow()
    expect(() => schema({ definitions: { a: {} }, $ref: '#/$defs/a' })).not.toThrow()
    expect(() => schema({ properties: { s: { $ref: 'http://json-schema.org/draft-07/schema#' } } })).not.toThrow()
  })

  test('to itself is compared once; a difference behind it is found', () => {
    const tree = (type: string) => ({
      $ref: '#/definitions/node',
      definitions: { node: object({ value: { type }, next: { $ref: '#/definitions/node' } }) },
    })
    expect(check(tree('string'), tree('string'))).toEqual([])
    expect(check(tree('string'), tree('integer'))).toContain('TYPE_CHANGED #/properties/value')
  })

  test('that leads back to itself is no endless loop', () => {
    const loop = schema({ $ref: '#/definitions/a', definitions: { a: { $ref: '#/definitions/b' }, b: { $ref: '#/definitions/a' } } })
    expect(checkBackward(loop, loop)).toEqual([expect.stringContaining('a reference leads back to itself')])
  })

  test('after many others is compared to its end', () => {
    const row = (type: string) => ({
      $ref: '#/definitions/d0',
      definitions: Object.fromEntries(
        Array.from({ length: 1000 }, (_, at) => [`d${at}`, at < 999 ? object({ n: { $ref: `#/definitions/d${at + 1}` } }) : { type }]),
      ),
    })
    expect(check(row('string'), row('string'))).toEqual([])
    expect(check(row('string'), row('integer'))).toEqual([`TYPE_CHANGED #/${'properties/n/'.repeat(999).slice(0, -1)}`])
  })

  test('in a web of references takes no exponential time', () => {
    const web = (type: string) => ({
      $ref: '#/definitions/d0',
      definitions: Object.fromEntries(
        Array.from({ length: 8 }, (_, from) => [
          `d${from}`,
          {
            oneOf: Array.from({ length: 8 }, (_, to) => object({ next: { $ref: `#/definitions/d${to}` }, end: { type, maxLength: to } })),
          },
        ]),
      ),
    })
    expect(check(web('string'), web('string'))).toEqual([])
    expect(check(web('string'), web('integer'))).toEqual(['COMBINED_TYPE_SUBSCHEMAS_CHANGED #/'])
  })
})

const { any } = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(
      {},
      true,
      { type: 'string', maxLength: 3 },
      { type: 'integer', minimum: 0 },
      { type: ['null', 'string'] },
      { enum: [1, 'a'] },
    ),
    fc.record({ type: fc.constant('array'), items: tie('any') }),
    fc
      .tuple(fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('any'), { noNullPrototype: true }), fc.boolean())
      .map(([properties, open]) => object(properties, { additionalProperties: open })),
    fc.record({ oneOf: fc.array(tie('any'), { minLength: 1, maxLength: 3 }) }),
  ),
}))

test('a schema reads what it wrote, and its texts are fixed points', () => {
  fc.assert(
    fc.property(any, (draft) => {
      const parsed = schema(draft)
      expect(checkBackward(parsed, parsed)).toEqual([])
      expect(schema(parsed.canonical).canonical).toBe(parsed.canonical)
      expect(schema(parsed.normalized()).normalized()).toBe(parsed.normalized())
      expect(checkBackward(parsed, schema(parsed.normalized()))).toEqual([])
    }),
  )
})
