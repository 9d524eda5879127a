/**
 * The keys that a request has more than once. Kafka rejects such a key, and reports it once.
 */
export function duplicatesOf(keys: Iterable<string>): Set<string> {
  const seen = new Set<string>()
  const duplicates = new Set<string>()
  for (const key of keys) {
    if (seen.has(key)) duplicates.add(key)
    seen.add(key)
  }
  return duplicates
}
