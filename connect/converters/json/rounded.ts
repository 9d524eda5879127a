/**
 * Reads JSON by JSON.parse as long as nothing needs more digits than a double has, then with bigints, and with the digits of all numbers
 * only where decimals are numbers: each is several times as fast as the next. What they give is the same, errors included.
 */
import { DataError, parseExactly } from '../../sdk/index.ts'

/** What was read may lack digits that matter: parse it with more of them, and decode that. */
class DigitsNeeded extends Error {
  override name = 'DigitsNeeded'
}
export const digitsNeeded = new DigitsNeeded('a number needs its digits')

interface RoundedReader {
  /** Decodes what JSON.parse has read, or parseExactly without decimals. Throws digitsNeeded where it may have lost digits. */
  readonly rounded: (json: unknown) => unknown
  /** Decodes what parseExactly has read. */
  readonly exact: (json: unknown) => unknown
  /** Whether a fraction is one with its digits, as for parseExactly. */
  readonly exactDecimals: boolean
}

/** Reads values of one schema. What one of them has needed the next ones get at once. */
export function roundedReader({ rounded, exact, exactDecimals }: RoundedReader): (text: string) => unknown {
  const readers = [
    (text: string) => rounded(JSON.parse(text)),
    ...(exactDecimals ? [(text: string) => rounded(parseExactly(text))] : []),
    (text: string) => exact(parseExactly(text, exactDecimals)),
  ]
  const last = readers.length - 1
  let first = 0
  return (text) => {
    for (let index = first; index < last; index++) {
      try {
        return readers[index]!(text)
      } catch (error) {
        // What is wrong the last one says. A text that is no JSON throws there again.
        if (!(error === digitsNeeded || error instanceof DataError || error instanceof SyntaxError)) throw error
        if (error === digitsNeeded) first = index + 1
      }
    }
    return readers[last]!(text)
  }
}
