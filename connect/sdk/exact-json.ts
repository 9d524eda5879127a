/**
 * JSON text as values, exactly: whole numbers past 2^53 come as bigint, never rounded.
 */

/** A number whose digits JSON.parse would round, kept as its text until a schema says what it is. */
export class LongNumber {
  readonly digits: string

  constructor(digits: string) {
    this.digits = digits
  }
}

/** Sixteen digits in a row (a point may stand among them): the least that can be more than a double holds. */
const longNumber = /\d[\d.]{15}/

/** JSON.parse, but exact. With `exactDecimals`, long fractions too come as LongNumber, for a decoder to read. */
export function parseExactly(text: string, exactDecimals = false): unknown {
  if (!longNumber.test(text)) return JSON.parse(text)
  return JSON.parse(text, ((_key: string, value: unknown, context: { source?: string }) => {
    if (typeof value !== 'number' || context.source === undefined) return value
    if (/^-?\d+$/.test(context.source)) return Number.isSafeInteger(value) ? value : BigInt(context.source)
    return exactDecimals && context.source.length > 16 ? new LongNumber(context.source) : value
  }) as (key: string, value: unknown) => unknown)
}
