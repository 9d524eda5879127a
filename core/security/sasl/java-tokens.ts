/**
 * The tokens of a JAAS configuration, as Java's StreamTokenizer finds them for Kafka and for JAAS files: words, quoted strings with Java's
 * escapes, numbers and single characters; comments are left out. A number that is not quoted is no word, as in Java: 1secret is two tokens.
 * Pure.
 */

/** A `sasl.jaas.config` or a JAAS file of a thousand users is far smaller. */
const MAX_CHARACTERS = 1024 * 1024

export type JavaToken =
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'quoted'; readonly text: string; readonly quote: string }
  | { readonly kind: 'number' }
  | { readonly kind: 'character'; readonly text: string }

const isDigit = (code: number): boolean => (code >= 48 && code <= 57) || code === 45 || code === 46
const isOctal = (character: string | undefined): boolean => character !== undefined && character >= '0' && character <= '7'

const escapes: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

/** The characters of words beside letters, digits, "." and "-". */
function isLetter(code: number, extra: string): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code >= 160 || extra.includes(String.fromCharCode(code))
}

/** `wordCharacters` are those that a grammar adds to letters, digits and ".". Throws RangeError where the text is too long. */
export function javaTokens(text: string, wordCharacters: string): JavaToken[] {
  if (text.length > MAX_CHARACTERS) throw new RangeError(`a JAAS configuration may have ${MAX_CHARACTERS} characters`)
  const tokens: JavaToken[] = []
  let at = 0
  while (at < text.length) {
    const character = text[at]!
    const code = text.charCodeAt(at)
    if (code <= 32) at++
    else if (character === '/') at = afterComment(text, at)
    else if (character === '"' || character === "'") {
      const [quoted, end] = quotedAt(text, at)
      tokens.push({ kind: 'quoted', text: quoted, quote: character })
      at = end
    } else if (isDigit(code)) {
      const number = /^-?[0-9.]+/.exec(text.slice(at, at + 400))?.[0]
      // A "-" alone is a character.
      tokens.push(number === undefined || number === '.' ? { kind: 'character', text: character } : { kind: 'number' })
      at += number?.length ?? 1
    } else if (isLetter(code, wordCharacters)) {
      const start = at
      while (at < text.length && (isLetter(text.charCodeAt(at), wordCharacters) || isDigit(text.charCodeAt(at)))) at++
      tokens.push({ kind: 'word', text: text.slice(start, at) })
    } else {
      tokens.push({ kind: 'character', text: character })
      at++
    }
  }
  return tokens
}

/** Java takes a single "/" as the beginning of a comment too. */
function afterComment(text: string, at: number): number {
  if (text[at + 1] === '*') {
    const end = text.indexOf('*/', at + 2)
    return end < 0 ? text.length : end + 2
  }
  const rest = /[\r\n]/g
  rest.lastIndex = at
  return rest.exec(text)?.index ?? text.length
}

/** A quoted string ends at its quote, at the end of the line or of the text. */
function quotedAt(text: string, start: number): [quoted: string, end: number] {
  const quote = text[start]!
  let quoted = ''
  let at = start + 1
  while (at < text.length && text[at] !== quote && text[at] !== '\n' && text[at] !== '\r') {
    if (text[at] !== '\\') {
      quoted += text[at++]
      continue
    }
    const next = text[++at]
    if (next === undefined) break
    if (!isOctal(next)) {
      quoted += escapes[next] ?? next
      at++
      continue
    }
    const longest = next <= '3' ? 3 : 2
    let digits = ''
    while (digits.length < longest && isOctal(text[at])) digits += text[at++]
    quoted += String.fromCharCode(Number.parseInt(digits, 8))
  }
  return [quoted, text[at] === quote ? at + 1 : at]
}
