/**
 * JSON without loss of digits: whole numbers past 2^53 are read as bigint and written in full.
 */

/** JSON.rawJSON, which TypeScript's library lacks: a value that JSON.stringify writes as the given text. */
export const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON

/** A fraction that JSON.parse would round, as its text. */
export class LongNumber {
  readonly digits: string

  constructor(digits: string) {
    this.digits = digits
  }
}

/** Sixteen digits in a row, with or without a point: a double may not have so many. */
const longNumber = /\d[\d.]{15}/

/** JSON.parse with bigints. With `exactDecimals`, long fractions are returned as LongNumber. */
export function parseExactly(text: string, exactDecimals = false): unknown {
  if (!longNumber.test(text)) return JSON.parse(text)
  return JSON.parse(text, ((_key: string, value: unknown, context: { source?: string }) => {
    if (typeof value !== 'number' || context.source === undefined) return value
    if (/^-?\d+$/.test(context.source)) return Number.isSafeInteger(value) ? value : BigInt(context.source)
    return exactDecimals && context.source.length > 16 ? new LongNumber(context.source) : value
  }) as (key: string, value: unknown) => unknown)
}
