/**
 * Goal: charsets have Java's names and bytes. Method: bytes that Java 17 writes for some texts; every byte of a table is read and written
 * again.
 */
import { describe, expect, test } from 'vitest'
import { charset } from '../../../../connect/converters/string/charset.ts'

const hex = (name: string, text: string) => charset(name)!.encode(text).toString('hex')
const read = (name: string, bytes: string) => charset(name)!.decode(Buffer.from(bytes, 'hex'))

test('names are found in each spelling of Java', () => {
  for (const name of ['ISO-8859-1', 'iso8859_1', 'ISO_8859-1', 'latin1', 'L1', 'cp819']) expect(hex(name, 'ä')).toBe('e4')
  for (const name of ['', 'no-such-charset', 'latin 1', '-8', 'constructor', 'EUC-JP']) expect(charset(name)).toBeUndefined()
})

test('what a charset lacks is a question mark', () => {
  expect(hex('ISO-8859-1', 'ä€🎉')).toBe('e43f3f')
  expect(hex('US-ASCII', 'aä')).toBe('613f')
  expect(hex('UTF-8', '\ud800x')).toBe('3f78')
  expect(hex('windows-1251', 'жä')).toBe('e63f')
})

test('bytes that are none of a charset are replacement characters', () => {
  expect(read('US-ASCII', '61e4')).toBe('a\ufffd')
  expect(read('UTF-16BE', '004100')).toBe('A\ufffd')
  expect(read('UTF-32BE', '0000004100110000')).toBe('A\ufffd')
})

describe('byte order marks', () => {
  test('UTF-16 writes one and reads either', () => {
    expect(hex('UTF-16', 'A€')).toBe('feff004120ac')
    expect(hex('UTF-16', '')).toBe('')
    expect([read('UTF-16', 'feff0041'), read('UTF-16', 'fffe4100'), read('UTF-16', '0041')]).toEqual(['A', 'A', 'A'])
  })
  test('UTF-32 writes none and reads either', () => {
    expect(hex('UTF-32', 'A')).toBe('00000041')
    expect([read('UTF-32', '0000feff00000041'), read('UTF-32', 'fffe000041000000')]).toEqual(['A', 'A'])
  })
})

test.each(['ISO-8859-2', 'ISO-8859-5', 'ISO-8859-9', 'ISO-8859-15', 'windows-1250', 'windows-1252', 'KOI8-R', 'IBM866'])(
  'every character of %s is written as the byte that it was read from',
  (name) => {
    for (let byte = 0; byte < 0x100; byte++) {
      const text = charset(name)!.decode(Buffer.of(byte))
      if (text !== '\ufffd') expect(charset(name)!.encode(text)).toEqual(Buffer.of(byte))
    }
    expect(charset(name)!.decode(Buffer.of(0x61))).toBe('a')
  },
)

test('characters of two bytes', () => {
  expect(hex('Shift_JIS', '日ｱ')).toBe('93fab1')
  expect(hex('GBK', '中€')).toBe('d6d0a2e3')
  expect(hex('EUC-KR', '한€')).toBe('c7d1a2e6')
  expect(read('GBK', 'd6d0a2e3')).toBe('中€')
})
