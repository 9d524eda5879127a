/**
 * Confluent's messages name the two schemas of a check by their age. A message is a list of texts: between the first two stands the
 * word for the schema that reads, between the next two the word for the one that wrote.
 */
export interface Side {
  readonly reader: string
  readonly writer: string
  /** With `compatibilityPolicy=LENIENT`: properties of JSON objects may come and go. */
  readonly isLenient?: boolean
}

export const sideWords = (side: Side, [start = '', ...rest]: readonly string[]): string =>
  rest.reduce((text, part, index) => text + (index === 0 ? side.reader : side.writer) + part, start)

/** Schemas that cannot be compared; the message is what a check answers instead of differences. */
export class UncheckableSchemas extends Error {
  override name = 'UncheckableSchemas'
}

/** A check that needs more pairs of types than its caller allows: what it has found so far says nothing. */
export class TooManyPairs extends Error {
  override name = 'TooManyPairs'
}

/** The differences, or why there can be none. */
export function differencesOrReason(check: () => string[]): string[] {
  try {
    return check()
  } catch (error) {
    if (error instanceof UncheckableSchemas) return [`Unexpected exception during compatibility check: ${error.message}`]
    throw error
  }
}
