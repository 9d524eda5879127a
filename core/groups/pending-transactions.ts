/**
 * The offset commits of ongoing transactions, by partition of `__consumer_offsets` and by producer: the marker of a transaction completes
 * those that were appended before it.
 */
export class PendingTransactions<Commit> {
  readonly #partitions = new Map<number, Map<number, Set<Commit>>>()
  /** Commits of all producers. */
  size = 0

  add(partition: number, producerId: number, commits: Iterable<Commit>): void {
    let producers = this.#partitions.get(partition)
    if (!producers) this.#partitions.set(partition, (producers = new Map()))
    let all = producers.get(producerId)
    if (!all) producers.set(producerId, (all = new Set()))
    const before = all.size
    for (const commit of commits) all.add(commit)
    this.size += all.size - before
    if (all.size === 0) producers.delete(producerId)
  }

  clear(): void {
    this.#partitions.clear()
    this.size = 0
  }

  /** For commits that could not be written. A marker may have taken them. */
  delete(partition: number, producerId: number, commits: Iterable<Commit>): void {
    const producers = this.#partitions.get(partition)
    const all = producers?.get(producerId)
    if (!producers || !all) return
    for (const commit of commits) if (all.delete(commit)) this.size--
    if (all.size === 0) producers.delete(producerId)
  }

  /** Removes those of the transaction that a marker ends, in the order of their appends; later ones belong to the next transaction. */
  take(partition: number, producerId: number): readonly Commit[] {
    const producers = this.#partitions.get(partition)
    const all = producers?.get(producerId)
    if (!producers || !all) return []
    producers.delete(producerId)
    this.size -= all.size
    return [...all]
  }
}
