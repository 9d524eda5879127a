/**
 * Arrays in Postgres's text form: `{a,"b c",NULL}`. Those of several dimensions become one list of all their elements, since their schema
 * does not say how deep they are.
 */
import { type Schema, schemas } from '../../../connect/sdk/index.ts'
import { type ColumnType, type TypeSettings, Unconvertible } from './column-type.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN = 0x7b
const CLOSE = 0x7d

/** The texts of the elements, null for NULL. `delimiter` is `,` for all types but box, whose elements it parts by `;`. */
function arrayElements(text: string, delimiter = ','): (string | null)[] {
  const parted = delimiter.charCodeAt(0)
  const elements: (string | null)[] = []
  // `[0:1]={5,6}` begins with the bounds.
  let at = text.indexOf('{')
  if (at < 0) throw new Unconvertible('the array has no opening brace')
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === OPEN || code === CLOSE || code === parted) {
      at++
    } else if (code === QUOTE) {
      let element = ''
      let from = ++at
      for (; text.charCodeAt(at) !== QUOTE; at++) {
        if (at >= text.length) throw new Unconvertible('an element of the array has no closing quote')
        if (text.charCodeAt(at) !== BACKSLASH) continue
        element += text.slice(from, at)
        from = ++at
      }
      elements.push(element + text.slice(from, at))
      at++
    } else {
      const from = at
      for (; at < text.length; at++) {
        const next = text.charCodeAt(at)
        if (next === parted || next === CLOSE) break
        if (next === BACKSLASH) at++
      }
      const element = text.slice(from, at)
      elements.push(element === 'NULL' ? null : element.includes('\\') ? element.replace(/\\(.)/gs, '$1') : element)
    }
  }
  return elements
}

/** `isOptional`: Debezium lets the elements of some types be NULL in the schema, and not those of others. */
export function arrayType(element: ColumnType, isOptional: boolean, unavailable: unknown, delimiter = ','): ColumnType {
  const values: Schema = { ...element.schema, optional: isOptional }
  const { decode } = element
  return {
    schema: schemas.array(values),
    decode: (text) => arrayElements(text, delimiter).map((item) => (item === null ? null : decode(item))),
    fallback: [],
    unavailable,
  }
}

/** `int2vector` and `oidvector`: numbers with blanks between them. */
export const vectorOfNumbersType = (values: Schema): ColumnType => ({
  schema: schemas.array(values),
  decode: (text) => (text === '' ? [] : text.split(' ').map(Number)),
  fallback: [],
  unavailable: null,
})

/** The bytes of the placeholder, for arrays of whole numbers. */
export const placeholderCodes = ({ placeholderBytes }: TypeSettings): number[] => [...new Int8Array(placeholderBytes)]
