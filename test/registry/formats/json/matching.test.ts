/** Goal: the largest matching has the right size. Method: compared with trying all, over small random graphs. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { matchingSize } from '../../../../registry/formats/json/matching.ts'

const byTrying = (edges: readonly (readonly number[])[], from = 0, used: ReadonlySet<number> = new Set()): number => {
  if (from === edges.length) return 0
  const without = byTrying(edges, from + 1, used)
  const sizes = edges[from]!.filter((to) => !used.has(to)).map((to) => 1 + byTrying(edges, from + 1, new Set([...used, to])))
  return Math.max(without, ...sizes)
}

test('the size is that of the best choice', () => {
  fc.assert(
    fc.property(fc.array(fc.uniqueArray(fc.nat(4), { maxLength: 5 }), { maxLength: 5 }), (edges) => {
      expect(matchingSize(edges, 5)).toBe(byTrying(edges))
    }),
  )
})
