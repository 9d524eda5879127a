/**
 * Goal: Avro schemas are read, written, normalized and compared as Confluent's registry does. Method: the texts that Java gives for hand
 * made schemas, and properties over generated ones; test/peers/avro-schemas.test.ts compares both with Java itself.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkBackward, InvalidSchemaError, parseSchema } from '../../../../registry/formats/index.ts'
import { avroSchema } from './schemas.ts'

const avro = (text: unknown, references: { name: string; text: string }[] = [], isNew = true) =>
  parseSchema('AVRO', typeof text === 'string' ? text : JSON.stringify(text), references, { isNew })

const tryParse = (text: string) => {
  try {
    return avro(text)
  } catch (error) {
    if (error instanceof InvalidSchemaError) return null
    throw error
  }
}

describe('the canonical text', () => {
  test('has the order of Java, whatever the order of the input', () => {
    const text = {
      aliases: ['Old'],
      fields: [{ order: 'descending', default: 1, doc: 'd', type: { type: 'int' }, name: 'a', custom: true }],
      doc: 'r',
      namespace: 'ns',
      custom: { b: 1, a: 2 },
      name: 'R',
      type: 'record',
    }
    expect(avro(text).canonical).toBe(
      '{"type":"record","name":"R","namespace":"ns","doc":"r","fields":[{"name":"a","type":"int","doc":"d","default":1,"order":"descending","custom":true}],"custom":{"b":1,"a":2},"aliases":["Old"]}',
    )
    expect(avro(text).name).toBe('ns.R')
  })

  test('names a type that a reference defines, and the resolved text writes it out', () => {
    const reference = { name: 'ref', text: '{"type":"enum","name":"E","namespace":"ns","symbols":["A"]}' }
    const text = '{"type":"record","name":"R","namespace":"ns","fields":[{"name":"e","type":"E"}]}'
    const parsed = avro(text, [reference])
    expect(parsed.canonical).toBe(text)
    expect(parsed.formatted('resolved')).toContain('"symbols":["A"]')
    expect(parsed.formatted('')).toBe(text)
  })

  test('of generated schemas is a fixed point, and each schema reads what it wrote', () => {
    fc.assert(
      fc.property(avroSchema, (draft) => {
        const parsed = tryParse(JSON.stringify(draft))
        if (!parsed) return
        expect(avro(parsed.canonical).canonical).toBe(parsed.canonical)
        const again = avro(parsed.normalized())
        expect(again.canonical).toBe(parsed.normalized())
        expect(again.normalized()).toBe(parsed.normalized())
        const own = checkBackward(parsed, parsed)
        expect(own.filter((text) => !text.includes('matches multiple fields'))).toEqual([])
      }),
    )
  })
})

test('the normalized text sorts properties and aliases, and gives defaults the type of their field', () => {
  const text = {
    type: 'record',
    name: 'R',
    doc: '',
    aliases: ['B', 'A'],
    fields: [
      { name: 'd', type: { type: 'bytes', scale: 2, x: 1, precision: 9, logicalType: 'decimal' }, z: 1, a: { d: 1, c: 2 } },
      { name: 'f', type: 'double', default: 1, order: 'ascending' },
    ],
  }
  expect(avro(text).normalized()).toBe(
    '{"type":"record","name":"R","fields":[{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2,"x":1},"a":{"c":2,"d":1},"z":1},{"name":"f","type":"double","default":1.0}],"aliases":["A","B"]}',
  )
})

describe('a text is refused', () => {
  test.each([
    ['{"type":"record","name":"R"}', 'Record has no fields'],
    ['{"type":"record","name":"R","fields":[{"name":"a","type":"Unknown"}]}', 'Undefined schema: Unknown'],
    ['{"type":"record","name":"R-1","fields":[]}', 'Illegal character in: R-1'],
    ['{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":"x"}]}', 'Invalid default for field a: "x" not a "int"'],
    ['["int","int"]', 'Duplicate in union:int'],
    ['{"name":"R"}', 'No type'],
    ['{', 'at line 1'],
  ])('%s', (text, why) => {
    expect(() => avro(text)).toThrow(why)
  })

  test('only as a new one where a default does not fit or a name has letters of other alphabets', () => {
    const text = '{"type":"record","name":"Ré","fields":[{"name":"a","type":"int","default":"x"}]}'
    expect(() => avro(text)).toThrow(InvalidSchemaError)
    expect(avro(text, [], false).canonical).toBe(text)
    expect(() => avro('{"type":"fixed","name":"a b","size":1}', [], false)).toThrow('Illegal character in: a b')
  })

  test('where its named types nest deeper than Jackson writes', () => {
    const types = Array.from({ length: 2000 }, (_, index) => ({
      type: 'record',
      name: `R${index}`,
      fields: index === 1999 ? [] : [{ name: 'next', type: `R${index + 1}` }],
    }))
    expect(() => avro(types)).toThrow('nests deeper than 1000')
  })
})

describe('a reader', () => {
  const record = (...fields: unknown[]) => ({ type: 'record', name: 'R', fields })
  const check = (writer: unknown, reader: unknown) => checkBackward(avro(writer), avro(reader))

  test('needs a default for a field that the writer has not', () => {
    expect(check(record(), record({ name: 'a', type: 'int' }))).toEqual([
      "{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'a' at path '/fields/0' in the new schema has no default value and is missing in the old schema', additionalInfo:'a'}",
    ])
    expect(check(record(), record({ name: 'a', type: 'int', default: 1 }))).toEqual([])
    expect(check(record({ name: 'a', type: 'int' }), record())).toEqual([])
    expect(check(record({ name: 'b', type: 'int' }), record({ name: 'a', type: 'int', aliases: ['b'] }))).toEqual([])
  })

  test('names the sides as the caller says', () => {
    const texts = checkBackward(avro('"int"'), avro('"string"'), { reader: 'old', writer: 'new' })
    expect(texts).toEqual([
      "{errorType:'TYPE_MISMATCH', description:'The type (path '/') of a field in the old schema does not match with the new schema', additionalInfo:'reader type: STRING not compatible with writer type: INT'}",
    ])
  })

  test.each([
    ['FIXED_SIZE_MISMATCH', { type: 'fixed', name: 'F', size: 1 }, { type: 'fixed', name: 'F', size: 2 }, 'expected: 1, found: 2'],
    ['NAME_MISMATCH', { type: 'fixed', name: 'F', size: 1 }, { type: 'fixed', name: 'G', size: 1 }, 'expected: F'],
    ['MISSING_ENUM_SYMBOLS', { type: 'enum', name: 'E', symbols: ['B', 'A'] }, { type: 'enum', name: 'E', symbols: ['C'] }, '[A, B]'],
    ['MISSING_UNION_BRANCH', ['null', 'int'], ['null', 'string'], 'reader union lacking writer type: INT'],
  ])('%s', (kind, writer, reader, info) => {
    const [text, ...more] = check(writer, reader)
    expect(more).toEqual([])
    expect(text).toMatch(new RegExp(`^\\{errorType:'${kind}', description:'The .*', additionalInfo:'`))
    expect(text).toContain(`additionalInfo:'${info}'`)
  })

  test('of recursive types ends, also where every level doubles the ways', () => {
    const types = (leaf: string) => ({
      type: 'record',
      name: 'R0',
      fields: [
        {
          name: 'a',
          type: Array.from({ length: 60 }).reduce<unknown>((inner, _, index) => record2(`R${60 - index}`, inner, `R${61 - index}`), leaf),
        },
      ],
    })
    const record2 = (name: string, inner: unknown, again: string) => ({
      type: 'record',
      name,
      fields: [
        { name: 'a', type: inner },
        { name: 'b', type: name === 'R60' ? 'int' : again },
      ],
    })
    expect(check(types('int'), types('int'))).toEqual([])
    expect(check(types('int'), types('string')).length).toBe(1000)
  })
})
