/**
 * The property `iteration` of a schema: values that follow each other and begin again. A value depends on how many there were before it
 * only, so that a task goes on where another has stopped.
 */
export type Properties = Readonly<Record<string, unknown>>

export interface Iteration {
  /** How many values there were before the next one. */
  count: number
  next(): number | bigint | boolean
}

interface Bounds {
  readonly least: number
  readonly most: number
}

const INT: Bounds = { least: -(2 ** 31), most: 2 ** 31 - 1 }
const LONG: Bounds = { least: Number.MIN_SAFE_INTEGER, most: Number.MAX_SAFE_INTEGER }
const DOUBLE: Bounds = { least: -Number.MAX_VALUE, most: Number.MAX_VALUE }

const bounds: Readonly<Record<string, Bounds>> = { int: INT, long: LONG, string: INT, float: DOUBLE, double: DOUBLE }

/** Digits that a double has at the least: more of a sum are noise. */
const DIGITS = 15

export function iterationOf(type: string, properties: Properties): Iteration {
  const { start } = properties
  if (type === 'boolean') {
    if (typeof start !== 'boolean') throw new Error('start field of iteration property must be a boolean for a boolean schema')
    return {
      count: 0,
      next() {
        return (this.count++ % 2 === 0) === start
      },
    }
  }
  const limits = bounds[type]
  if (!limits) throw new Error(`iteration property can only be specified on numeric, boolean or string schemas, not ${type} schema`)
  const number = (name: string): number | undefined => {
    const value = properties[name]
    if (value === undefined) return undefined
    if (typeof value !== 'number' || (limits !== DOUBLE && !Number.isSafeInteger(value)))
      throw new Error(`'${name}' field of iteration property must be ${limits === DOUBLE ? 'a number' : 'an integral number'}`)
    return value
  }
  const first = number('start')
  if (first === undefined) throw new Error('iteration property must contain start field')
  const { step, restart } = rhythm(first, number('step'), number('restart'), limits)
  const initial = (number('initial') ?? first) - first
  const period = Math.abs(restart - first)
  const round = limits === DOUBLE ? (value: number) => Number(value.toPrecision(DIGITS)) : (value: number) => value
  return {
    count: 0,
    next() {
      const distance = initial + this.count++ * step
      // A remainder has the sign of the distance, so that steps down stay below the start.
      return round(first + (Math.abs(distance) < period ? distance : distance % period))
    },
  }
}

function rhythm(start: number, step: number | undefined, restart: number | undefined, limits: Bounds): { step: number; restart: number } {
  if (step === 0) throw new Error('step field of iteration property cannot be zero')
  if (restart === undefined) return { step: step ?? 1, restart: (step ?? 1) > 0 ? limits.most : limits.least }
  if (restart === start) throw new Error('start and restart fields of iteration property cannot be equal')
  if (step !== undefined && step > 0 !== restart > start)
    throw new Error(
      `step field of iteration property must be ${restart > start ? 'positive when restart field is greater' : 'negative when restart field is less'} than start field`,
    )
  return { step: step ?? (restart > start ? 1 : -1), restart }
}
