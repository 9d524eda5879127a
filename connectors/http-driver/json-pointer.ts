/**
 * JSON pointers (RFC 6901): which part of a value. Pure.
 */
const SYNTAX = /^(?:\/(?:[^~]|~[01])*)?$/

/** What is wrong with a pointer. */
export const pointerProblem = (pointer: string): string | undefined =>
  SYNTAX.test(pointer) ? undefined : 'It must be a JSON pointer, which begins with a slash: /data/items'

export class JsonPointer {
  readonly text: string
  readonly #tokens: readonly string[]

  /** The empty pointer is the whole value. */
  constructor(text: string) {
    this.text = text
    this.#tokens = text
      .split('/')
      .slice(1)
      .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
  }

  /** Undefined where the value has no such part. */
  of(value: unknown): unknown {
    let part = value
    for (const token of this.#tokens) {
      if (typeof part !== 'object' || part === null || !Object.hasOwn(part, token)) return undefined
      part = (part as Record<string, unknown>)[token]
    }
    return part
  }
}
