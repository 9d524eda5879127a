/** How deep the arrays and objects of a JSON text stand in each other: what reads and converts values calls itself for each level. */

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** How often `character` is in the text, counted up to `limit`. */
function occurrences(text: string, character: string, limit: number): number {
  let count = 0
  for (let at = text.indexOf(character); at >= 0 && count < limit; at = text.indexOf(character, at + 1)) count++
  return count
}

/** Most texts have too few brackets to be nested deeply, which is found without a look at each character. */
export function isNestedDeeper(text: string, limit: number): boolean {
  if (occurrences(text, '{', limit + 1) + occurrences(text, '[', limit + 1) <= limit) return false
  let depth = 0
  let inString = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (inString) {
      if (code === BACKSLASH) index++
      else if (code === QUOTE) inString = false
    } else if (code === QUOTE) inString = true
    // Opening and closing brackets: [ { and ] }.
    else if ((code | 0x20) === 0x7b) {
      if (++depth > limit) return true
    } else if ((code | 0x20) === 0x7d) depth--
  }
  return false
}
