/**
 * Length and scale of a column, as the JDBC driver of Postgres counts them: masks and truncation look at the length, and both are among the
 * parameters of `column.propagate.source.type`.
 */
import { BUILT_IN } from './built-in.ts'
import { numericModifier } from './numbers.ts'

export interface Dimensions {
  length: number
  scale: number
}

/** The length of types without a limit. */
const UNLIMITED = 2_147_483_647
/** Precision of numeric without a limit. */
const NUMERIC_DIGITS = 131_089

const fixed: Readonly<Record<number, Dimensions>> = {
  [BUILT_IN.int2]: { length: 5, scale: 0 },
  [BUILT_IN.int2vector]: { length: 5, scale: 0 },
  [BUILT_IN.oidvector]: { length: 10, scale: 0 },
  [BUILT_IN.int4]: { length: 10, scale: 0 },
  [BUILT_IN.oid]: { length: 10, scale: 0 },
  [BUILT_IN.int8]: { length: 19, scale: 0 },
  [BUILT_IN.float4]: { length: 8, scale: 8 },
  [BUILT_IN.float8]: { length: 17, scale: 17 },
  [BUILT_IN.bool]: { length: 1, scale: 0 },
  [BUILT_IN.char]: { length: 1, scale: 0 },
  [BUILT_IN.date]: { length: 13, scale: 0 },
}

/** Characters of a value without its fraction. */
const characters: Readonly<Record<number, number>> = {
  [BUILT_IN.time]: 8,
  [BUILT_IN.timetz]: 14,
  [BUILT_IN.timestamp]: 22,
  [BUILT_IN.timestamptz]: 28,
}

const INTERVAL_LENGTH = 49

/** Characters of a fraction with its point. */
const fractionLength = (modifier: number): number => (modifier === -1 ? 7 : modifier === 0 ? 0 : modifier === 1 ? 3 : modifier + 1)

/** Of a type that is neither a domain nor an array; `modifier` is -1 where there is none. */
export function dimensions(oid: number, modifier: number): Dimensions {
  const known = fixed[oid]
  if (known) return known
  const width = characters[oid]
  if (width !== undefined) return { length: width + fractionLength(modifier), scale: modifier === -1 ? 6 : modifier }
  if (oid === BUILT_IN.interval) return { length: INTERVAL_LENGTH, scale: modifier === -1 ? 6 : modifier & 0xffff }
  if (oid === BUILT_IN.numeric) {
    const { precision, scale } = numericModifier(modifier) ?? { precision: NUMERIC_DIGITS, scale: 0 }
    return { length: precision, scale }
  }
  if (oid === BUILT_IN.bpchar || oid === BUILT_IN.varchar) return { length: modifier === -1 ? UNLIMITED : modifier - 4, scale: 0 }
  if (oid === BUILT_IN.bit || oid === BUILT_IN.varbit) return { length: modifier === -1 ? UNLIMITED : modifier, scale: 0 }
  return { length: UNLIMITED, scale: 0 }
}
