/**
 * Story of core/wire. Goal: the reader reads what the writer writes, for every primitive and every value, and never reads past the end.
 * Method: round trips of random values, known encodings, truncation at every byte, and random bytes for every read.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Reader, WireError } from '../../../core/wire/reader.ts'
import { Writer } from '../../../core/wire/writer.ts'

const safe = fc.maxSafeInteger()

/** One primitive: its values, how it is written and how it is read. */
interface Primitive<T> {
  values: fc.Arbitrary<T>
  write(writer: Writer, value: T): void
  read(reader: Reader): T
}

const primitive = <T>(values: fc.Arbitrary<T>, write: Primitive<T>['write'], read: Primitive<T>['read']): Primitive<unknown> =>
  ({ values, write, read }) as Primitive<unknown>

const id = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64url'))

const primitives: Record<string, Primitive<unknown>> = {
  int8: primitive(
    fc.integer({ min: -128, max: 127 }),
    (w, v) => w.int8(v),
    (r) => r.int8(),
  ),
  int16: primitive(
    fc.integer({ min: -32768, max: 32767 }),
    (w, v) => w.int16(v),
    (r) => r.int16(),
  ),
  uint16: primitive(
    fc.integer({ min: 0, max: 65535 }),
    (w, v) => w.uint16(v),
    (r) => r.uint16(),
  ),
  int32: primitive(
    fc.integer(),
    (w, v) => w.int32(v),
    (r) => r.int32(),
  ),
  uint32: primitive(
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    (w, v) => w.uint32(v),
    (r) => r.uint32(),
  ),
  int64: primitive(
    safe,
    (w, v) => w.int64(v),
    (r) => r.int64(),
  ),
  roundedInt64: primitive(
    fc.oneof(safe, fc.constantFrom(2 ** 63, -(2 ** 63), 2 ** 60, -(2 ** 60))),
    (w, v) => w.roundedInt64(v),
    (r) => r.roundedInt64(),
  ),
  float64: primitive(
    fc.double(),
    (w, v) => w.float64(v),
    (r) => r.float64(),
  ),
  bool: primitive(
    fc.boolean(),
    (w, v) => w.bool(v),
    (r) => r.bool(),
  ),
  uvarint: primitive(
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    (w, v) => w.uvarint(v),
    (r) => r.uvarint(),
  ),
  varint: primitive(
    fc.integer(),
    (w, v) => w.varint(v),
    (r) => r.varint(),
  ),
  varlong: primitive(
    safe,
    (w, v) => w.varlong(v),
    (r) => r.varlong(),
  ),
  uuid: primitive(
    id,
    (w, v) => w.uuid(v),
    (r) => r.uuid(),
  ),
}

describe.each(Object.entries(primitives))('%s', (_, { values, write, read }) => {
  it('is read as it was written, with no bytes left', () => {
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 20 }), (list) => {
        const writer = new Writer(4)
        for (const value of list) write(writer, value)
        const { length } = writer
        const bytes = writer.bytes()
        expect(length).toBe(bytes.length)
        const reader = new Reader(bytes)
        for (const value of list) expect(read(reader)).toEqual(value)
        expect(reader.remaining).toBe(0)
      }),
    )
  })

  it('is rejected where it is truncated', () => {
    fc.assert(
      fc.property(values, (value) => {
        const writer = new Writer()
        write(writer, value)
        const bytes = writer.bytes()
        for (let end = 0; end < bytes.length; end++) expect(() => read(new Reader(bytes, 0, end))).toThrow(WireError)
      }),
    )
  })

  it('never reads past the end, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
        const reader = new Reader(Buffer.from(bytes))
        try {
          read(reader)
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
        expect(reader.position).toBeLessThanOrEqual(reader.end)
      }),
    )
  })
})

describe('known encodings', () => {
  it.each([
    [0, '00'],
    [-1, '01'],
    [1, '02'],
    [63, '7e'],
    [64, '8001'],
    [-65, '8101'],
    [2147483647, 'feffffff0f'],
    [-2147483648, 'ffffffff0f'],
  ])('varint %i is %s', (value, hex) => {
    const writer = new Writer()
    writer.varint(value)
    expect(writer.bytes().toString('hex')).toBe(hex)
  })

  it.each([
    [300, 'ac02'],
    [4294967295, 'ffffffff0f'],
  ])('uvarint %i is %s', (value, hex) => {
    const writer = new Writer()
    writer.uvarint(value)
    expect(writer.bytes().toString('hex')).toBe(hex)
  })

  it('rejects a varint that does not end', () => {
    expect(() => new Reader(Buffer.from('ffffffffff01', 'hex')).uvarint()).toThrow(WireError)
    expect(() => new Reader(Buffer.alloc(20, 0xff)).varlong()).toThrow(WireError)
  })

  it('rejects an int64 that is no safe integer', () => {
    expect(() => new Reader(Buffer.from('7fffffffffffffff', 'hex')).int64()).toThrow(/safe/)
  })

  it('keeps Long.MAX_VALUE, and writes it for all that is larger', () => {
    const most = Buffer.from('7fffffffffffffff', 'hex')
    expect(new Reader(most).roundedInt64()).toBe(2 ** 63)
    for (const value of [2 ** 63, 2 ** 64, Number.POSITIVE_INFINITY]) {
      const writer = new Writer()
      writer.roundedInt64(value)
      expect(writer.bytes()).toEqual(most)
    }
  })

  it('rejects a count of elements that exceeds the bytes', () => {
    expect(() => new Reader(Buffer.alloc(10)).count(11)).toThrow(/array of 11/)
    const bounded = new Reader(Buffer.alloc(10))
    bounded.maxElements = 12
    bounded.count(8)
    expect(() => bounded.count(5)).toThrow(/arrays of 13/)
    expect(() => new Reader(Buffer.alloc(10)).count(2_000_000)).toThrow(/the limit/)
  })
})

describe('splicing', () => {
  it('keeps the order of what was copied and what was spliced', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 3000 }), fc.nat(255)), { maxLength: 12 }), (pieces) => {
        const writer = new Writer(8)
        const expected: Buffer[] = []
        for (const [splice, length, fill] of pieces) {
          const piece = Buffer.alloc(length, fill)
          expected.push(piece)
          if (splice) writer.splice(piece)
          else writer.raw(piece)
        }
        const whole = Buffer.concat(expected)
        expect(writer.length).toBe(whole.length)
        expect(Buffer.concat(writer.chunks()).equals(whole)).toBe(true)
      }),
    )
  })
})
