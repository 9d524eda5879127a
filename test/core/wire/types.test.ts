/**
 * Goal: a message that is declared once is encoded correctly in each version: fields are added and removed, defaults fill in, flexible
 * versions are compact and have tagged fields, wrong lengths are rejected. Method: one structure with a field of each kind, round trips of
 * random values in every version, and bytes built by hand for the rules.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Reader, WireError } from '../../../core/wire/reader.ts'
import {
  between,
  bool,
  bytes,
  int8,
  int32,
  int64,
  list,
  nullable,
  optional,
  records,
  since,
  string,
  struct,
  tagged,
  until,
} from '../../../core/wire/types.ts'
import { Writer } from '../../../core/wire/writer.ts'

const FLEXIBLE = 2
const message = struct({
  name: string,
  note: optional(nullable(string), 'none'),
  old: until(1, int32, -7),
  middle: between(1, 2, int8, 5),
  young: since(3, bool, true),
  blob: bytes,
  parts: list(struct({ id: int64, words: nullable(list(string)) })),
  data: nullable(records),
  extra: tagged(0, FLEXIBLE, string, ''),
  more: tagged(3, FLEXIBLE, list(int32)),
})

const value = fc.record({
  name: fc.string(),
  note: fc.option(fc.string()),
  old: fc.integer(),
  middle: fc.integer({ min: -128, max: 127 }),
  young: fc.boolean(),
  blob: fc.uint8Array({ maxLength: 2000 }).map((content) => Buffer.from(content)),
  parts: fc.array(fc.record({ id: fc.maxSafeInteger(), words: fc.option(fc.array(fc.string(), { maxLength: 4 })) }), { maxLength: 4 }),
  data: fc.option(fc.uint8Array({ maxLength: 3000 }).map((content) => Buffer.from(content))),
  extra: fc.string(),
  more: fc.array(fc.integer(), { maxLength: 3 }),
})

const versions = [0, 1, 2, 3]
const codecOf = (version: number) => message.codec(version, version >= FLEXIBLE)

function encode(version: number, given: Parameters<ReturnType<typeof codecOf>['write']>[1]): Buffer {
  const writer = new Writer(16)
  codecOf(version).write(writer, given)
  return writer.bytes()
}

describe.each(versions)('version %i', (version) => {
  it('is read with its fields, and with defaults for fields of other versions', () => {
    fc.assert(
      fc.property(value, (given) => {
        const reader = new Reader(encode(version, given))
        const read = codecOf(version).read(reader)
        expect(reader.remaining).toBe(0)
        expect(read).toEqual({
          ...given,
          old: version <= 1 ? given.old : -7,
          middle: version === 1 || version === 2 ? given.middle : 5,
          young: version >= 3 ? given.young : true,
          extra: version >= FLEXIBLE ? given.extra : '',
          more: version >= FLEXIBLE ? given.more : [],
        })
      }),
    )
  })

  it('is rejected wherever it is truncated', () => {
    fc.assert(
      fc.property(value, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (given, part) => {
        const whole = encode(version, given)
        expect(() => codecOf(version).read(new Reader(whole, 0, Math.floor(whole.length * part)))).toThrow(WireError)
      }),
    )
  })

  it('rejects random bytes or reads them, and does nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (content) => {
        try {
          codecOf(version).read(new Reader(Buffer.from(content)))
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }),
    )
  })
})

describe('rules', () => {
  it('allows an optional field to be omitted', () => {
    const written = encode(0, { name: 'n', blob: Buffer.alloc(0), parts: [], data: null })
    expect(codecOf(0).read(new Reader(written))).toMatchObject({ note: 'none', old: -7 })
  })

  it('does not send a tagged field that has its default', () => {
    const base = { name: '', note: null, blob: Buffer.alloc(0), parts: [], data: null }
    expect(encode(2, { ...base, extra: 'x' }).length - encode(2, base).length).toBe(4)
  })

  it('skips unknown tagged fields', () => {
    const type = struct({ id: int8, known: tagged(1, 0, int8) })
    const read = type.codec(0, true).read(new Reader(Buffer.from([9, 3, 0, 2, 7, 7, 1, 1, 42, 5, 0])))
    expect(read).toEqual({ id: 9, known: 42 })
  })

  it.each([
    ['out of order', [9, 2, 1, 1, 42, 0, 0]],
    ['longer than its content', [9, 1, 1, 2, 42, 0]],
    ['longer than what is left', [9, 1, 1, 200, 42]],
  ])('refuses a tag %s', (_, content) => {
    const type = struct({ id: int8, known: tagged(1, 0, int8) })
    expect(() => type.codec(0, true).read(new Reader(Buffer.from(content)))).toThrow(WireError)
  })

  it('rejects null where the version does not allow it', () => {
    const type = struct({ name: nullable(string, 1) })
    expect(type.codec(1, false).read(new Reader(Buffer.from([0xff, 0xff])))).toEqual({ name: null })
    expect(() => type.codec(0, false).read(new Reader(Buffer.from([0xff, 0xff])))).toThrow(/null/)
  })

  it('rejects an array longer than the bytes before it allocates memory', () => {
    const type = struct({ ids: list(int32) })
    expect(() => type.codec(0, false).read(new Reader(Buffer.from('000f423f00000001', 'hex')))).toThrow(/array of 999999/)
  })

  it('rejects a string that is longer than its length field allows', () => {
    const type = struct({ name: string })
    expect(() => type.codec(0, false).write(new Writer(), { name: 'x'.repeat(40_000) })).toThrow(/32767/)
  })
})
