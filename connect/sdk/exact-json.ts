/**
 * JSON without loss of digits: whole numbers past 2^53 are read as bigint and written in full.
 */

/** JSON.rawJSON, which TypeScript's library lacks: a value that JSON.stringify writes as the given text. */
export const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON

/** A number whose text says more than a double: more digits, or zeros at its end. */
export class LongNumber {
  readonly digits: string

  constructor(digits: string) {
    this.digits = digits
  }
}

/** Sixteen digits in a row, with or without a point: a double may not have so many. A text may hold the same, which costs only time. */
const longNumber = /(?:^|[[:,])\s*-?\d[\d.]{15}/
/** Also zeros behind the point, and exponents. */
const exactNumber = /(?:^|[[:,])\s*-?(?:\d[\d.]{15}|\d+\.\d*0(?!\d)|\d+(?:\.\d+)?[eE])/

/** JSON.parse with bigints. With `exactDecimals`, numbers that are not whole and whose text is another one's are returned as LongNumber. */
export function parseExactly(text: string, exactDecimals = false): unknown {
  if (!(exactDecimals ? exactNumber : longNumber).test(text)) return JSON.parse(text)
  return JSON.parse(text, ((_key: string, value: unknown, context: { source?: string }) => {
    if (typeof value !== 'number' || context.source === undefined) return value
    if (/^-?\d+$/.test(context.source)) return Number.isSafeInteger(value) ? value : BigInt(context.source)
    return exactDecimals && String(value) !== context.source ? new LongNumber(context.source) : value
  }) as (key: string, value: unknown) => unknown)
}
