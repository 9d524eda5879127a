/**
 * Patterns of Java's SimpleDateFormat, in pieces: letters with their number, and text between them. What Java refuses is an
 * InvalidPattern with Java's message.
 */

/** A letter that stands for a part of a date, and how often it is repeated; or text that is there as it is. */
export type Piece = { readonly letter: string; readonly count: number } | { readonly text: string }

export class InvalidPattern extends Error {
  override name = 'IllegalArgumentException'
}

const LETTERS = 'GyMdkHmsSEDFwWahKzZYuXL'
/** A pattern repeats a letter to pad a number, and each value that is written has that length. */
const MAX_LENGTH = 1024

export function datePattern(pattern: string): readonly Piece[] {
  if (pattern.length > MAX_LENGTH) throw new InvalidPattern(`The pattern has ${pattern.length} characters, at most ${MAX_LENGTH} are read`)
  const pieces: Piece[] = []
  let text = ''
  let quoted = false
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index]!
    if (character === "'") {
      if (pattern[index + 1] === "'") {
        text += character
        index++
      } else quoted = !quoted
    } else if (quoted || !/[a-zA-Z]/.test(character)) text += character
    else {
      if (!LETTERS.includes(character)) throw new InvalidPattern(`Illegal pattern character '${character}'`)
      let count = 1
      while (pattern[index + count] === character) count++
      if (character === 'X' && count > 3) throw new InvalidPattern(`invalid ISO 8601 format: length=${count}`)
      if (text !== '') pieces.push({ text })
      text = ''
      pieces.push({ letter: character, count })
      index += count - 1
    }
  }
  if (quoted) throw new InvalidPattern('Unterminated quote')
  if (text !== '') pieces.push({ text })
  return pieces
}
