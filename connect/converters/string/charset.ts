/**
 * Charsets by the names that Java has for them: what a charset lacks is written as `?`, and bytes that are none of its are read as
 * U+FFFD. The tables are made of the decoders that Node has, when a converter first uses one.
 */
import { type Table, table } from './charset-table.ts'

export interface Charset {
  encode(text: string): Buffer
  decode(bytes: Buffer): string
}

const LAST_BMP = 0xffff
const REPLACEMENT = 0xfffd

/** A surrogate without its other half is `?` in Java, where Node writes U+FFFD. */
const wellFormed = (text: string, replacement = '?'): string =>
  text.isWellFormed() ? text : text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, replacement)

const decoderOf = (name: string) => {
  const decoder = new TextDecoder(name, { ignoreBOM: true })
  return (bytes: Uint8Array) => decoder.decode(bytes)
}

const utf8: Charset = { encode: (text) => Buffer.from(wellFormed(text), 'utf8'), decode: (bytes) => bytes.toString('utf8') }

function utf16(littleEndian: boolean): Charset {
  const decode = decoderOf(littleEndian ? 'utf-16le' : 'utf-16be')
  return {
    encode(text) {
      const bytes = Buffer.from(wellFormed(text, String.fromCharCode(REPLACEMENT)), 'utf16le')
      return littleEndian ? bytes : bytes.swap16()
    },
    decode,
  }
}

/** Big endian with a byte order mark; what is read may have either mark. */
function markedUtf16(): Charset {
  const [big, little] = [utf16(false), utf16(true)]
  return {
    encode: (text) => (text === '' ? Buffer.alloc(0) : big.encode(`\ufeff${text}`)),
    decode(bytes) {
      if (bytes[0] === 0xfe && bytes[1] === 0xff) return big.decode(bytes.subarray(2))
      return bytes[0] === 0xff && bytes[1] === 0xfe ? little.decode(bytes.subarray(2)) : big.decode(bytes)
    },
  }
}

function utf32(littleEndian: boolean): Charset {
  return {
    encode(text) {
      const points = Array.from(wellFormed(text, String.fromCharCode(REPLACEMENT)), (character) => character.codePointAt(0)!)
      const bytes = Buffer.allocUnsafe(points.length * 4)
      for (const [index, point] of points.entries())
        if (littleEndian) bytes.writeUInt32LE(point, index * 4)
        else bytes.writeUInt32BE(point, index * 4)
      return bytes
    },
    decode(bytes) {
      let text = ''
      for (let at = 0; at + 4 <= bytes.length; at += 4) {
        const point = littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
        text += point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) ? String.fromCharCode(REPLACEMENT) : String.fromCodePoint(point)
      }
      return bytes.length % 4 === 0 ? text : text + String.fromCharCode(REPLACEMENT)
    },
  }
}

/** Big endian where no byte order mark says otherwise; a mark is no character. */
function markedUtf32(): Charset {
  const [big, little] = [utf32(false), utf32(true)]
  return {
    encode: big.encode,
    decode(bytes) {
      const mark = bytes.length >= 4 ? bytes.readUInt32BE(0) : 0
      if (mark === 0xfeff) return big.decode(bytes.subarray(4))
      return mark === 0xfffe0000 ? little.decode(bytes.subarray(4)) : big.decode(bytes)
    },
  }
}

/** The first `size` characters of Unicode, a byte each. */
function firstCharacters(size: number): Charset {
  return {
    encode: (text) =>
      Buffer.from(
        wellFormed(text).replace(/[\ud800-\udbff][\udc00-\udfff]|[^\0-\x7f]/g, (part) => (part.charCodeAt(0) < size ? part : '?')),
        'latin1',
      ),
    decode: (bytes) =>
      size > 0x80 ? bytes.toString('latin1') : bytes.toString('latin1').replace(/[\x80-\xff]/g, String.fromCharCode(REPLACEMENT)),
  }
}

function ofTable({ decode, encode }: Table): Charset {
  return {
    encode(text) {
      const bytes: number[] = []
      for (const character of wellFormed(text)) {
        const point = character.codePointAt(0)!
        const code = point <= LAST_BMP ? encode.get(point) : undefined
        if (code === undefined) bytes.push(0x3f)
        else if (code > 0xff) bytes.push(code >> 8, code & 0xff)
        else bytes.push(code)
      }
      return Buffer.from(bytes)
    },
    decode,
  }
}

/** Java's names in capital letters, without what divides their parts, and how each charset is made. */
const charsets: readonly (readonly [names: string, make: () => Charset])[] = [
  ['UTF8', () => utf8],
  ['USASCII ASCII ISO646US 646 CP367', () => firstCharacters(0x80)],
  ['ISO88591 LATIN1 L1 CP819 88591 819', () => firstCharacters(0x100)],
  ['UTF16 UNICODE UNICODEBIG', markedUtf16],
  ['UTF16BE XUTF16BE UNICODEBIGUNMARKED', () => utf16(false)],
  ['UTF16LE XUTF16LE UNICODELITTLEUNMARKED', () => utf16(true)],
  ['UTF32', markedUtf32],
  ['UTF32BE XUTF32BE', () => utf32(false)],
  ['UTF32LE XUTF32LE', () => utf32(true)],
  ...[
    '2 LATIN2 L2',
    '3 LATIN3 L3',
    '4 LATIN4 L4',
    '5 CYRILLIC',
    '6 ARABIC',
    '7 GREEK',
    '8 HEBREW',
    '9 LATIN5 L5',
    '13',
    '15 LATIN9 LATIN0 L9',
  ].map((names) => {
    const [number = '', ...others] = names.split(' ')
    return [
      [`ISO8859${number}`, `8859${number}`, ...others].join(' '),
      () => ofTable(table(number === '9' ? 'windows-1254' : `iso-8859-${number}`, { isIso: true })),
    ] as const
  }),
  ...[1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258].map(
    (page) => [`WINDOWS${page} CP${page}`, () => ofTable(table(`windows-${page}`))] as const,
  ),
  ['KOI8R KOI8', () => ofTable(table('koi8-r'))],
  ['KOI8U', () => ofTable(table('koi8-u'))],
  ['IBM866 CP866 866', () => ofTable(table('ibm866'))],
  [
    'SHIFTJIS SJIS XSJIS MSKANJI CSSHIFTJIS WINDOWS31J MS932 WINDOWS932',
    () => ofTable(table('shift_jis', { isDoubleByte: true, hasHighSingles: true })),
  ],
  [
    'EUCKR KSC5601 5601',
    () =>
      ofTable(
        table('euc-kr', {
          isDoubleByte: true,
          more: [
            ['€', 0xa2e6],
            ['®', 0xa2e7],
          ],
        }),
      ),
  ],
  ['GBK CP936 WINDOWS936', () => ofTable(table('gbk', { isDoubleByte: true }))],
]

const makers = new Map(charsets.flatMap(([names, make]) => names.split(' ').map((name) => [name, make] as const)))
const made = new Map<() => Charset, Charset>()

/** Undefined where there is none of this name. */
export function charset(name: string): Charset | undefined {
  if (!/^[A-Za-z0-9][\w.:+-]*$/.test(name)) return undefined
  const make = makers.get(name.toUpperCase().replace(/[-_]/g, ''))
  if (!make) return undefined
  let found = made.get(make)
  if (!found) {
    found = make()
    made.set(make, found)
  }
  return found
}
