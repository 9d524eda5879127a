/**
 * Goal: no line is lost, torn or misplaced, however the bytes of a file arrive. Method: property tests: random text is cut into random
 * reads and compared with a plain split; the positions are checked by cutting again from each.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LineCutter, type LineRules, LineTooLong } from '../../../connectors/file/lines.ts'

const plain: LineRules = { loneReturns: false, delimiter: null, maxLineBytes: 1 << 20 }

/** All complete lines of some bytes that arrive in reads of these sizes, with the position after each batch. */
function cut(bytes: Buffer, reads: readonly number[], rules: LineRules, most = 3, from = 0) {
  const cutter = new LineCutter(from, rules)
  const lines: string[] = []
  const positions = new Map<number, number>([[from, 0]])
  let read = 0
  for (;;) {
    for (let batch = cutter.next(most); batch; batch = cutter.next(most)) {
      expect(batch.lines.length).toBeLessThanOrEqual(most)
      lines.push(...batch.lines)
      positions.set(batch.to, lines.length)
    }
    const at = cutter.readPosition
    if (at >= bytes.length) return { lines, positions, cutter }
    const room = cutter.readBuffer()
    const size = Math.min(reads[read++ % reads.length]!, room.length, bytes.length - at)
    bytes.copy(room, 0, at, at + size)
    cutter.appendRead(size)
  }
}

const comma = Buffer.from(',')
const text = fc
  .array(fc.constantFrom('a', 'b', 'ü', '漢', '😀', '\n', '\r\n', '\r', '"', ',', 'line'), { maxLength: 60 })
  .map((parts) => parts.join(''))
const reads = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 })

describe('lines', () => {
  test('end with \\n or \\r\\n', () => {
    fc.assert(
      fc.property(text, reads, (text, reads) => {
        const expected = text
          .split('\n')
          .slice(0, -1)
          .map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
        expect(cut(Buffer.from(text), reads, plain).lines).toEqual(expected)
      }),
    )
  })

  test("end with \\r alone too where Kafka's connector ends them", () => {
    fc.assert(
      fc.property(text, reads, (text, reads) => {
        // A \r at the very end may be the first half of \r\n.
        const known = text.endsWith('\r') ? text.slice(0, -1) : text
        const expected = known.split(/\r\n|\r|\n/).slice(0, -1)
        expect(cut(Buffer.from(text), reads, { ...plain, loneReturns: true }).lines).toEqual(expected)
      }),
    )
  })

  test('keep a newline between the quotes of a field, and not behind a quote in the middle of one', () => {
    fc.assert(
      fc.property(text, reads, (text, reads) => {
        const expected: string[] = []
        let line = ''
        let state = 'begin'
        for (const char of text) {
          if (char === '\n' && state !== 'quotes') {
            expected.push(line.endsWith('\r') ? line.slice(0, -1) : line)
            line = ''
            state = 'begin'
            continue
          }
          line += char
          if (state === 'quotes') state = char === '"' ? 'ended' : 'quotes'
          else if (char === ',') state = 'begin'
          else state = char === '"' && state !== 'text' ? 'quotes' : 'text'
        }
        expect(cut(Buffer.from(text), reads, { ...plain, delimiter: comma }).lines).toEqual(expected)
      }),
      { numRuns: 1_000 },
    )
  })

  test('go on from every position that was given with them', () => {
    fc.assert(
      fc.property(text, reads, fc.boolean(), fc.boolean(), (text, reads, loneReturns, quoted) => {
        const rules = { ...plain, loneReturns: loneReturns && !quoted, delimiter: quoted ? comma : null }
        const bytes = Buffer.from(text)
        const { lines, positions } = cut(bytes, reads, rules)
        for (const [position, count] of positions) expect(cut(bytes, [100], rules, 3, position).lines).toEqual(lines.slice(count))
      }),
    )
  })

  test('can be unread', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 5 }), (text, most) => {
        const bytes = Buffer.from(text)
        const cutter = new LineCutter(0, plain)
        bytes.copy(cutter.readBuffer())
        cutter.appendRead(bytes.length)
        for (let first = cutter.next(most); first; first = cutter.next(most)) {
          cutter.unread(first)
          expect(cutter.position).toBe(first.from)
          expect(cutter.next(most)).toEqual(first)
        }
      }),
    )
  })

  test('give what is left of a file that grows no more', () => {
    const { cutter } = cut(Buffer.from('whole\nrest'), [4], plain)
    expect(cutter.remainder()).toEqual({ lines: ['rest'], from: 6, to: 10 })
    expect(cutter.remainder()).toBeNull()
  })
})

describe('a line past the limit', () => {
  const rules = { ...plain, maxLineBytes: 10 }

  test.each([[1], [7], [100]])('is refused with the byte where it begins, in reads of %i bytes', (size) => {
    for (const each of [rules, { ...rules, delimiter: comma }, { ...rules, loneReturns: true }]) {
      expect(() => cut(Buffer.from(`one\n${'x'.repeat(11)}\ntwo\n`), [size], each)).toThrow(
        new LineTooLong(
          'The line that begins at byte 4 is longer than 10 bytes. Raise line.max.bytes, or end the line with a newline (in CSV, check for a quote that is never closed).',
        ),
      )
    }
  })

  test('that has no end is refused before it fills the memory', () => {
    const endless = Buffer.alloc(8 << 20, 'x')
    expect(() => cut(endless, [1 << 20], { ...plain, maxLineBytes: 3 << 20 })).toThrow(LineTooLong)
  })

  test('may be as long as the limit', () => {
    expect(cut(Buffer.from('0123456789\n'), [3], rules).lines).toEqual(['0123456789'])
    const long = 'x'.repeat(5 << 20)
    expect(cut(Buffer.from(`${long}\nb\n`), [1 << 20], { ...plain, maxLineBytes: 5 << 20 }).lines).toEqual([long, 'b'])
  })
})
