/**
 * References of Kafka's ConfigTransformer in a value: `${provider:key}` and `${provider:path:key}`. A key may contain colons, and no part a
 * closing brace. What is no reference stays as it is. The time is linear in the length of the value. Pure.
 */

export interface Reference {
  readonly provider: string
  /** Empty where the reference has none. */
  readonly path: string
  readonly key: string
  /** Where it is in the value. */
  readonly start: number
  readonly end: number
}

export function* referencesIn(value: string): Generator<Reference> {
  for (let start = value.indexOf('${'); start >= 0; start = value.indexOf('${', start)) {
    const close = value.indexOf('}', start + 2)
    if (close < 0) return
    const inner = value.slice(start + 2, close)
    const end = close + 1
    const first = inner.indexOf(':')
    if (first >= 0) {
      const second = inner.indexOf(':', first + 1)
      const path = second < 0 ? '' : inner.slice(first + 1, second)
      yield { provider: inner.slice(0, first), path, key: inner.slice(Math.max(first, second) + 1), start, end }
    }
    start = end
  }
}

/** Whether the value has a reference, to any provider. */
export const hasReference = (value: string): boolean => !referencesIn(value).next().done

/** `value` with the references for which `replacementOf` has a value replaced. */
export function replaceReferences(value: string, replacementOf: (reference: Reference) => string | undefined): string {
  let replaced = ''
  let at = 0
  for (const reference of referencesIn(value)) {
    const found = replacementOf(reference)
    if (found === undefined) continue
    replaced += value.slice(at, reference.start) + found
    at = reference.end
  }
  return replaced + value.slice(at)
}
