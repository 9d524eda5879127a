/**
 * Texts that match a regular expression, without I/O: literals, classes, groups, alternatives and quantifiers. What a text cannot be
 * made for (look-around, back-references) is refused when the expression is read.
 */
import type { JavaRandom } from './java-random.ts'

/** How much longer than its least number of repetitions `*`, `+` and `{n,}` become, at most. */
const MAX_MORE = 16
/** How often a text is made again until it has the length that is asked for. */
const MAX_TRIES = 100
/** Repetitions of one part, at most (Invariant 13). */
const MAX_REPEAT = 10_000
const FIRST_PRINTABLE = 0x20
const LAST_PRINTABLE = 0x7e

interface Part {
  readonly least: number
  readonly most: number
  text(random: JavaRandom): string
}

const CLASSES: Readonly<Record<string, string>> = {
  d: '0123456789',
  w: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_',
  s: ' \t',
}
const CONTROLS: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f', e: '\x1b', 0: '\0' }

const range = (from: string, to: string): string[] => {
  const [first, last] = [from.codePointAt(0)!, to.codePointAt(0)!]
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, index) => String.fromCodePoint(first + index))
}
const printable = range(String.fromCodePoint(FIRST_PRINTABLE), String.fromCodePoint(LAST_PRINTABLE))
const without = (characters: readonly string[]) => printable.filter((character) => !characters.includes(character))

class RegexParser {
  readonly #pattern: string
  #at = 0

  constructor(pattern: string) {
    this.#pattern = pattern
  }

  parse(): Part {
    const part = this.#alternatives()
    if (this.#at < this.#pattern.length) throw this.#wrong('a parenthesis that nothing opens')
    return part
  }

  #alternatives(): Part {
    const parts = [this.#sequence()]
    while (this.#takes('|')) parts.push(this.#sequence())
    if (parts.length === 1) return parts[0]!
    return {
      least: Math.min(...parts.map(({ least }) => least)),
      most: Math.max(...parts.map(({ most }) => most)),
      text: (random) => parts[random.nextBelow(parts.length)]!.text(random),
    }
  }

  #sequence(): Part {
    const parts: Part[] = []
    while (this.#at < this.#pattern.length && !'|)'.includes(this.#pattern[this.#at]!)) {
      // At the ends of a text they say nothing about it.
      if (this.#takes('^') || this.#takes('$')) continue
      parts.push(this.#quantified(this.#atom()))
    }
    return {
      least: parts.reduce((sum, { least }) => sum + least, 0),
      most: parts.reduce((sum, { most }) => sum + most, 0),
      text: (random) => parts.map((part) => part.text(random)).join(''),
    }
  }

  #quantified(part: Part): Part {
    const [least, most] = this.#repetitions()
    if (least === 1 && most === 1) return part
    return {
      least: least * part.least,
      most: most * part.most,
      text(random) {
        const count = least + (most > least ? random.nextBelow(most - least + 1) : 0)
        let text = ''
        for (let index = 0; index < count; index++) text += part.text(random)
        return text
      },
    }
  }

  #repetitions(): [number, number] {
    const found = /^(?:[?*+]|\{(\d+)(,(\d*))?\})[?+]?/.exec(this.#pattern.slice(this.#at))
    if (!found) return [1, 1]
    this.#at += found[0].length
    if (found[0][0] === '?') return [0, 1]
    if (found[0][0] === '*') return [0, MAX_MORE]
    if (found[0][0] === '+') return [1, 1 + MAX_MORE]
    const least = Number(found[1])
    const most = found[2] === undefined ? least : found[3] === '' ? least + MAX_MORE : Number(found[3])
    if (most < least || most > MAX_REPEAT) throw this.#wrong(`a repetition that ends before it begins, or more than ${MAX_REPEAT} times`)
    return [least, most]
  }

  #atom(): Part {
    const character = this.#pattern[this.#at++]!
    switch (character) {
      case '(':
        return this.#group()
      case '[':
        return oneOf(this.#class())
      case '.':
        return oneOf(printable)
      case '\\':
        return oneOf(this.#escaped())
    }
    if ('?*+'.includes(character)) throw this.#wrong('a quantifier of nothing')
    return oneOf([character])
  }

  #group(): Part {
    if (this.#takes('?') && !this.#takes(':')) {
      const name = /^<[A-Za-z]\w*>/.exec(this.#pattern.slice(this.#at))
      if (!name) throw this.#wrong('look-around or flags, which no text can be made for')
      this.#at += name[0].length
    }
    const part = this.#alternatives()
    if (!this.#takes(')')) throw this.#wrong('a parenthesis that nothing closes')
    return part
  }

  #class(): string[] {
    const negated = this.#takes('^')
    const characters: string[] = []
    for (let first = true; ; first = false) {
      if (this.#at >= this.#pattern.length) throw this.#wrong('a bracket that nothing closes')
      if (!first && this.#takes(']')) break
      const from = this.#member()
      const to = this.#pattern[this.#at] === '-' && this.#pattern[this.#at + 1] !== ']' && from.length === 1
      if (!to) {
        characters.push(...from)
        continue
      }
      this.#at++
      characters.push(...range(from[0]!, this.#member()[0]!))
    }
    const chosen = negated ? without(characters) : [...new Set(characters)]
    if (chosen.length === 0) throw this.#wrong('a class without a character')
    return chosen
  }

  #member(): string[] {
    const character = this.#pattern[this.#at++] ?? ''
    if (character === '\\') return this.#escaped()
    // Java reads these as classes within the class.
    if (character === '[' || this.#pattern.startsWith('&&', this.#at - 1))
      throw this.#wrong('a class within a class, which is not supported')
    return [character]
  }

  #escaped(): string[] {
    const character = this.#pattern[this.#at++]
    if (character === undefined) throw this.#wrong('a backslash at its end')
    if (CLASSES[character]) return [...CLASSES[character]]
    if (CLASSES[character.toLowerCase()]) return without([...CLASSES[character.toLowerCase()]!])
    if (CONTROLS[character]) return [CONTROLS[character]]
    if (/[A-Za-z1-9]/.test(character)) throw this.#wrong(`\\${character}, which no text can be made for`)
    return [character]
  }

  #takes(character: string): boolean {
    if (this.#pattern[this.#at] !== character) return false
    this.#at++
    return true
  }

  #wrong(what: string): Error {
    return new Error(`the regex ${this.#pattern} has ${what}`)
  }
}

const oneOf = (characters: readonly string[]): Part => ({
  least: 1,
  most: 1,
  text: characters.length === 1 ? () => characters[0]! : (random) => characters[random.nextBelow(characters.length)]!,
})

/** Makes texts of at least `min` and less than `max` characters, as far as the expression has any. */
export function regexTexts(pattern: string, min: number, max: number): (random: JavaRandom) => string {
  const part = new RegexParser(pattern).parse()
  const possible = part.most >= min && part.least < max
  const always = part.least >= min && part.most < max
  if (!possible || always) return (random) => part.text(random)
  return (random) => {
    let text = part.text(random)
    for (let tries = 1; tries < MAX_TRIES && (text.length < min || text.length >= max); tries++) text = part.text(random)
    return text
  }
}
