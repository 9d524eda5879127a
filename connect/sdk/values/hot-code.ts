/**
 * JavaScript that is generated for a schema once many records have it: it names the fields, so that the engine knows the shapes of objects,
 * which a loop over the names of fields hides from it. A schema that is seen a few times costs no compilation. Names and texts go into the
 * code as JSON only.
 */

/** Code is generated for a schema that so many values have had: generating costs about as much as that many values. */
const HOT_AFTER = 500
/** A struct of more fields is an object that the engine keeps as a table, whose code would gain nothing. */
const MAX_FIELDS = 512

// biome-ignore lint/suspicious/noExplicitAny: the caller knows what its functions take
type Part = (given: any, more?: any) => any

/** The statements of a function of `given` and `more`; `part` tells the names of the parts. */
type BodyOf = (part: (index: number) => string) => string

/** Whether generated code may read and set fields of these names as plain properties: no object inherits them. */
export const arePlainNames = (names: readonly string[]): boolean =>
  names.length <= MAX_FIELDS && !names.some((name) => name in Object.prototype)

/** Each part is a constant of the function. */
function compiled(parts: readonly unknown[], bodyOf: BodyOf): Part | null {
  const constants = parts.map((_, index) => `p${index} = parts[${index}]`)
  const declared = constants.length === 0 ? '' : `const ${constants.join(', ')}; `
  try {
    return new Function('parts', `'use strict'; ${declared}return (given, more) => { ${bodyOf((index) => `p${index}`)} }`)(parts) as Part
  } catch (error) {
    // A process that may not compile texts, as with --disallow-code-generation-from-strings.
    if (error instanceof EvalError) return null
    throw error
  }
}

/**
 * `plain`, until it was called many times: then the function with the body that `bodyOf` writes, which does the same. Where that cannot be
 * compiled, `plain` for ever.
 */
export function hotCode<Given, Result>(plain: (given: Given) => Result, parts: readonly unknown[], bodyOf: BodyOf): (given: Given) => Result
export function hotCode<Given, More, Result>(
  plain: (given: Given, more: More) => Result,
  parts: readonly unknown[],
  bodyOf: BodyOf,
): (given: Given, more: More) => Result
export function hotCode(plain: Part, parts: readonly unknown[], bodyOf: BodyOf): Part {
  let calls = 0
  let current = plain
  return (given, more) => {
    if (calls < HOT_AFTER && ++calls === HOT_AFTER) current = compiled(parts, bodyOf) ?? plain
    return current(given, more)
  }
}

/** A text as an expression. */
export const literal = (text: string): string => JSON.stringify(text)
