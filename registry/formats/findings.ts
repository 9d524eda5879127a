/**
 * What comparisons of pairs found, without copies: the findings of a pair refer to those of the pairs inside it, with the path to them. A
 * pair that is used often is listed at each use, so only the first of all differences are ever written out.
 */

/** Differences that one check lists, and the steps of all their paths together. */
const MAX_DIFFERENCES = 1000
const MAX_STEPS = 200_000

export interface Nested<D> {
  readonly nested: Findings<D>
  readonly path: readonly string[]
}

/** Empty where the pair is compatible; never empty inside others. */
export type Findings<D> = readonly (D | Nested<D>)[]

/** The path from the root, its last steps first. */
interface Prefix {
  readonly steps: readonly string[]
  readonly length: number
  readonly outer: Prefix | null
}

/** The first differences in their order; those that have a path get the one from the root. */
export function listed<D extends object>(findings: Findings<D>): D[] {
  const found: D[] = []
  const open: { readonly findings: Findings<D>; at: number; readonly prefix: Prefix | null }[] = [{ findings, at: 0, prefix: null }]
  let steps = 0
  while (open.length > 0 && found.length < MAX_DIFFERENCES && steps < MAX_STEPS) {
    const last = open[open.length - 1]!
    const item = last.findings[last.at++]
    if (item === undefined) open.pop()
    else if ('nested' in item) open.push({ findings: item.nested, at: 0, prefix: extended(last.prefix, item.path) })
    else {
      const own = 'path' in item ? (item.path as readonly string[]) : []
      steps += (last.prefix?.length ?? 0) + own.length
      found.push(last.prefix ? { ...item, path: [...pathOf(last.prefix), ...own] } : item)
    }
  }
  return found
}

const extended = (outer: Prefix | null, steps: readonly string[]): Prefix | null =>
  steps.length === 0 ? outer : { steps, length: (outer?.length ?? 0) + steps.length, outer }

function pathOf(prefix: Prefix): string[] {
  const parts: (readonly string[])[] = []
  for (let at: Prefix | null = prefix; at; at = at.outer) parts.push(at.steps)
  return parts.reverse().flat()
}

/** The findings of all parts; those of the only part that has some as they are. */
export function together<D>(parts: readonly Findings<D>[]): Findings<D> {
  const some = parts.filter((part) => part.length > 0)
  return some.length <= 1 ? (some[0] ?? []) : some.map((nested) => ({ nested, path: [] }))
}
