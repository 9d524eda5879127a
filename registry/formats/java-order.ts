/**
 * Java orders the texts of a HashSet by their hash. Confluent walks such sets where it compares schemas, so the order of its messages
 * follows from it.
 */
const MIN_CAPACITY = 16
const LOAD_FACTOR = 0.75

function javaHash(text: string): number {
  let hash = 0
  for (let index = 0; index < text.length; index++) hash = (Math.imul(31, hash) + text.charCodeAt(index)) | 0
  return hash
}

/** In the order of `new HashSet<>(first)` to which the others are added. */
export function javaSetOrder(first: Iterable<string>, others: Iterable<string>): string[] {
  const all = new Set(first)
  let capacity = MIN_CAPACITY
  while (capacity < Math.floor(all.size / LOAD_FACTOR) + 1) capacity *= 2
  for (const text of others) all.add(text)
  if (all.size < 2) return [...all]
  while (all.size > capacity * LOAD_FACTOR) capacity *= 2
  const bucket = (text: string) => {
    const hash = javaHash(text)
    return ((hash ^ (hash >>> 16)) & (capacity - 1)) >>> 0
  }
  return [...all]
    .map((text) => ({ text, at: bucket(text) }))
    .sort((a, b) => a.at - b.at)
    .map(({ text }) => text)
}
