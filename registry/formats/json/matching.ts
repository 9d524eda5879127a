/**
 * The size of a largest matching between two sets: pairs that fit, nothing in more than one pair. By augmenting paths, which take at most
 * the number of edges times the number of elements.
 */

/** `edges[i]` are the elements of the other set, numbered up to `count`, that fit element i. */
export function matchingSize(edges: readonly (readonly number[])[], count: number): number {
  const partner = new Int32Array(count).fill(-1)
  let size = 0
  for (let start = 0; start < edges.length; start++) if (augment(edges, partner, start)) size++
  return size
}

/** Finds a partner for an element, where others may have to take another one. */
function augment(edges: readonly (readonly number[])[], partner: Int32Array, start: number): boolean {
  /** From which element each element of the other set was reached. */
  const reachedFrom = new Map<number, number>()
  const waiting = [start]
  for (let from = waiting.pop(); from !== undefined; from = waiting.pop())
    for (const to of edges[from]!) {
      if (reachedFrom.has(to)) continue
      reachedFrom.set(to, from)
      const taken = partner[to]!
      if (taken >= 0) waiting.push(taken)
      else {
        swap(edges, partner, reachedFrom, start, to)
        return true
      }
    }
  return false
}

function swap(
  edges: readonly (readonly number[])[],
  partner: Int32Array,
  reachedFrom: ReadonlyMap<number, number>,
  start: number,
  free: number,
): void {
  for (let to = free; ; ) {
    const from = reachedFrom.get(to)!
    const before = from === start ? -1 : edges[from]!.find((other) => partner[other] === from)!
    partner[to] = from
    if (before < 0) return
    to = before
  }
}
