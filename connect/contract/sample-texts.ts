/**
 * Texts and bytes for converters: those that are known to be difficult, and many that a fixed seed makes, so that a failure is found
 * again.
 */

const difficult = [
  '',
  ' ',
  'text',
  'null',
  'true',
  '0',
  '-1.50',
  '1e400',
  '12345678901234567890',
  '"quoted"',
  '{"a":1}',
  '[1,2]',
  '{',
  '\\',
  '\n',
  '\u0000',
  '\ufeff',
  'ü',
  '\u2028',
  '日本語',
  '👩‍👩‍👧',
  'e\u0301',
  'constructor',
  '__proto__',
  'x'.repeat(70_000),
]

/** Numbers from 0 to below `below`, the same for each run. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    // The generator of Park and Miller.
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
}

const COUNT = 200
const LETTERS = ['a', 'Z', '0', ' ', '"', '{', ',', ':', '\\', '\n', '\t', 'ä', 'ß', 'Ω', '中', '𝔸', '🙂']

export function sampleTexts(): string[] {
  const next = numbers(1)
  const random = Array.from({ length: COUNT }, () => Array.from({ length: next(24) }, () => LETTERS[next(LETTERS.length)]).join(''))
  return [...difficult, ...random]
}

/** With those that begin as a value with a schema id does. */
export function sampleBytes(): Buffer[] {
  const next = numbers(2)
  const random = Array.from({ length: COUNT }, () => Buffer.from(Array.from({ length: next(32) }, () => next(256))))
  const withId = random.map((bytes) => Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), bytes]))
  return [...difficult.map((text) => Buffer.from(text)), ...random, ...withId]
}
