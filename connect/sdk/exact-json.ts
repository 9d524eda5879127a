/**
 * JSON without loss of digits: whole numbers past 2^53 are read as bigint and written in full. Reading calls no reviver as long as a number
 * in the text tells what JSON.parse has made of it: one that is called for each value takes several times as long.
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

/** Where a number may need its digits: sixteen, zeros behind the point, or an exponent. A text may hold the same, which costs only time. */
const exactNumber = /(?:^|[[:,])\s*-?(?:\d[\d.]{15}|\d+\.\d*0(?!\d)|\d+(?:\.\d+)?[eE])/
/** What is read as a number past 2^53 is one of these. A text may hold the same. */
const longNumber = /(?:^|[[:,])\s*(-?\d[\d.]{15,}(?:[eE][+-]?\d+)?|-?\d[\d.]*[eE][+-]?\d+)/g
const SAFE_END = 2 ** 53
const isPastSafe = (value: number): boolean => value >= SAFE_END || value <= -SAFE_END
const wholeNumber = /^-?\d+$/

type Digits = Map<number, number | bigint>
const NO_DIGITS: Digits = new Map()

/** JSON.parse with bigints. With `exactDecimals`, numbers that are not whole and whose text is another one's are returned as LongNumber. */
export function parseExactly(text: string, exactDecimals = false): unknown {
  if (exactDecimals) {
    if (!exactNumber.test(text)) return JSON.parse(text)
  } else {
    const digits = digitsPastSafe(text)
    if (digits) return digits.size === 0 ? JSON.parse(text) : withDigits(JSON.parse(text), digits)
  }
  return JSON.parse(text, ((_key: string, value: unknown, context: { source?: string }) => {
    if (typeof value !== 'number' || context.source === undefined) return value
    if (wholeNumber.test(context.source)) return Number.isSafeInteger(value) ? value : BigInt(context.source)
    return exactDecimals && String(value) !== context.source ? new LongNumber(context.source) : value
  }) as (key: string, value: unknown) => unknown)
}

/** The numbers past 2^53 by what JSON.parse reads. Null where it reads two of them as the same. */
function digitsPastSafe(text: string): Digits | null {
  let digits = NO_DIGITS
  longNumber.lastIndex = 0
  for (let match = longNumber.exec(text); match; match = longNumber.exec(text)) {
    const source = match[1]!
    const read = Number(source)
    if (!isPastSafe(read)) continue
    const exact = wholeNumber.test(source) ? BigInt(source) : read
    if (digits === NO_DIGITS) digits = new Map()
    const other = digits.get(read)
    if (other !== undefined && other !== exact) return null
    digits.set(read, exact)
  }
  return digits
}

/** An assignment to __proto__ sets no property. */
function setOwn(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(object, name, { value })
  else object[name] = value
}

/** Sets bigints in what JSON.parse has read. */
function withDigits(value: unknown, digits: Digits): unknown {
  if (typeof value === 'number') return isPastSafe(value) ? digits.get(value) : value
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) value[index] = withDigits(value[index], digits)
    return value
  }
  const object = value as Record<string, unknown>
  for (const name in object) {
    const item = object[name]
    if (typeof item === 'number') {
      if (isPastSafe(item)) setOwn(object, name, digits.get(item))
    } else if (typeof item === 'object' && item !== null) withDigits(item, digits)
  }
  return value
}
