/**
 * The keys that a request names more than once: Kafka rejects them, each once.
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
