/**
 * Goal: records are read with a newer schema as Avro's rules of resolution say. Method: avsc as another implementation: what it reads of
 * the writer's bytes with the reader's schema, written again, are the bytes that are expected; and what avsc has otherwise than Java.
 */
import avsc from 'avsc'
import { describe, expect, test } from 'vitest'
import { parseAvro } from '../../../../connect/converters/avro/avro-type.ts'
import { AvroReader, AvroWriter } from '../../../../connect/converters/avro/binary.ts'
import { AvroResolution } from '../../../../connect/converters/avro/resolution.ts'

function rewritten(writer: unknown, reader: unknown, bytes: Buffer): string {
  const rewrite = new AvroResolution().compile(parseAvro(JSON.stringify(writer)), parseAvro(JSON.stringify(reader)))
  const [from, to] = [new AvroReader(), new AvroWriter()]
  from.start(bytes, 0)
  to.start(Buffer.alloc(0))
  rewrite(from, to)
  expect(from.left).toBe(0)
  return to.finish().toString('hex')
}

const typeOf = (schema: unknown) => avsc.Type.forSchema(structuredClone(schema) as avsc.Schema, { wrapUnions: true })

function byAvsc(writer: unknown, reader: unknown, bytes: Buffer): string {
  const type = typeOf(reader)
  return type.toBuffer(type.fromBuffer(bytes, type.createResolver(typeOf(writer)))).toString('hex')
}

const record = (...fields: unknown[]) => ({ type: 'record', name: 'R', fields })
const f = (name: string, type: unknown, more: object = {}) => ({ name, type, ...more })
const inner = (...fields: unknown[]) => ({ type: 'record', name: 'Inner', fields })

describe('as avsc resolves', () => {
  test.each<[string, unknown, unknown, unknown]>([
    ['the same schema', record(f('a', 'int'), f('b', 'string')), record(f('a', 'int'), f('b', 'string')), { a: 1, b: 'x' }],
    ['fields in another order', record(f('a', 'int'), f('b', 'string')), record(f('b', 'string'), f('a', 'int')), { a: 1, b: 'x' }],
    ['a field less', record(f('a', { type: 'map', values: 'long' }), f('b', 'string')), record(f('b', 'string')), { a: { k: 5 }, b: 'x' }],
    [
      'fields more, with defaults',
      record(f('a', 'int')),
      record(
        f('n', ['null', 'string'], { default: null }),
        f('a', 'int'),
        f('s', 'string', { default: 'é' }),
        f('l', { type: 'array', items: 'long' }, { default: [1, 2] }),
        f('m', { type: 'map', values: 'double' }, { default: { k: 1.5 } }),
        f('b', 'bytes', { default: '\u00ff' }),
        f('r', inner(f('x', 'boolean', { default: true }), f('y', 'float')), { default: { y: 0.5 } }),
        f('e', { type: 'enum', name: 'E', symbols: ['A', 'B'] }, { default: 'B' }),
        f('x', { type: 'fixed', name: 'F', size: 2 }, { default: 'ab' }),
      ),
      { a: -3 },
    ],
    ['an alias', record(f('old', 'int')), record(f('now', 'int', { aliases: ['old'] })), { old: 7 }],
    ['int to long', 'int', 'long', -5],
    ['int to float', 'int', 'float', 7],
    ['int to double', 'int', 'double', 7],
    ['long to double', 'long', 'double', 2 ** 40],
    ['float to double', 'float', 'double', 0.5],
    ['string to bytes', 'string', 'bytes', 'é'],
    ['bytes to string', 'bytes', 'string', Buffer.from('abc')],
    ['a value to a union', 'string', ['null', 'string'], 'x'],
    ['a value to a union by promotion', 'int', ['null', 'double'], 3],
    ['a union to a larger one', ['null', 'int'], ['string', 'long', 'null'], { int: 4 }],
    [
      'arrays of records',
      { type: 'array', items: inner(f('x', 'int')) },
      { type: 'array', items: inner(f('x', 'long')) },
      [{ x: 1 }, { x: 2 }],
    ],
    [
      'symbols in another order',
      { type: 'enum', name: 'E', symbols: ['A', 'B', 'C'] },
      { type: 'enum', name: 'E', symbols: ['C', 'A', 'B'] },
      'B',
    ],
    [
      'a recursive record',
      record(f('v', 'int'), f('next', ['null', 'R'])),
      record(f('next', ['null', 'R']), f('v', 'long')),
      { v: 1, next: { R: { v: 2, next: null } } },
    ],
  ])('%s', (_name, writer, reader, value) => {
    const bytes = typeOf(writer).toBuffer(value)
    expect(rewritten(writer, reader, bytes)).toBe(byAvsc(writer, reader, bytes))
  })
})

test('a union is read as one of its types, where the record has it', () => {
  expect(rewritten(['null', 'string'], 'string', Buffer.from([2, 2, 0x78]))).toBe('0278')
})

test('a symbol that the reader lacks is its default', () => {
  const reader = { type: 'enum', name: 'E', symbols: ['X', 'A'], default: 'X' }
  expect(rewritten({ type: 'enum', name: 'E', symbols: ['A', 'B'] }, reader, Buffer.from([2]))).toBe('00')
})

describe('what cannot be read says so', () => {
  test.each<[string, unknown, unknown, Buffer, RegExp]>([
    ['a field without a default', record(f('a', 'int')), record(f('b', 'int')), Buffer.from([2]), /missing required field b/],
    ['another type', 'string', 'int', Buffer.from([2, 0x78]), /^Found string, expecting int$/],
    ['a type of the union that the reader lacks', ['null', 'string'], 'string', Buffer.from([0]), /^Found null, expecting string$/],
    ['a symbol', { type: 'enum', name: 'E', symbols: ['A'] }, { type: 'enum', name: 'E', symbols: ['B'] }, Buffer.from([0]), /No match/],
    ['a wrong default', record(), record(f('a', 'int', { default: 'x' })), Buffer.alloc(0), /the default of the field a is no int/],
    [
      'a fixed of another size',
      { type: 'fixed', name: 'F', size: 2 },
      { type: 'fixed', name: 'F', size: 3 },
      Buffer.alloc(2),
      /^Found F, expecting F$/,
    ],
  ])('%s', (_name, writer, reader, bytes, message) => {
    expect(() => rewritten(writer, reader, bytes)).toThrow(message)
  })
})
