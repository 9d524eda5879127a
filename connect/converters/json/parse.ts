/**
 * The text of JSON in bytes, and what is parsed of it, as far as Kafka Connect's reader takes it: UTF-8 with or without a byte order mark,
 * numbers with leading zeros, and no deeper than 1000.
 */
import { isUtf8 } from 'node:buffer'
import { DataError, parseExactly } from '../../sdk/index.ts'
import { isNestedDeeper } from '../../sdk/values/json-nesting.ts'

/** As Jackson's: what reads the value later calls itself for each level (Invariant 13). */
export const MAX_NESTING = 1000

const READ_ERROR = 'Converting byte[] to Kafka Connect data failed due to serialization error: '
const BYTE_ORDER_MARK = 0xfeff
const REPLACEMENT = '\ufffd'

/** @throws DataError where the bytes are no UTF-8: a replacement would be stored instead of what was sent */
export function textOf(bytes: Buffer, start = 0, end = bytes.length): string {
  const text = bytes.toString('utf8', start, end)
  // A text of one byte for each character cannot have it, which costs nothing to find out.
  if (text.includes(REPLACEMENT) && !isUtf8(bytes.subarray(start, end)))
    throw new DataError(`${READ_ERROR}the bytes are no UTF-8: write the values in UTF-8, or read them with ByteArrayConverter`)
  return text
}

/** @throws DataError where the text is no JSON */
export function parseJson(text: string, exactDecimals: boolean): unknown {
  try {
    checkNesting(text)
    return parseLeniently(text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text, exactDecimals)
  } catch (cause) {
    throw new DataError(READ_ERROR, { cause })
  }
}

function parseLeniently(text: string, exactDecimals: boolean): unknown {
  try {
    return parseExactly(text, exactDecimals)
  } catch (error) {
    const mended = withoutLeadingZeros(text)
    if (mended === text) throw error
    return parseExactly(mended, exactDecimals)
  }
}

/** A string, which may lack its end so that nothing is tried twice, or what comes before a number and its leading zeros. */
const stringOrZeros = /"(?:[^"\\]|\\.)*(?:"|\\?$)|((?:^|[[:,])\s*-?)0+(?=\d)/gs

const withoutLeadingZeros = (text: string): string => text.replace(stringOrZeros, (part, before?: string) => before ?? part)

/** @throws SyntaxError where the text is nested deeper than `limit` */
export function checkNesting(text: string, limit = MAX_NESTING): void {
  // Each level has two brackets.
  if (text.length > 2 * limit && isNestedDeeper(text, limit)) throw new SyntaxError(`JSON that is nested deeper than ${MAX_NESTING}`)
}
