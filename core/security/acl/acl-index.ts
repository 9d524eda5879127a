/**
 * The access control lists by resource: finds the patterns that a resource matches in O(log n + matching patterns), and in a pattern the
 * entries of a principal. An entry is removed by its id, and leaves the others of its pattern as they are. Pure.
 */
import { invariant } from '../../errors.ts'
import { compareEntries, patternTypes, type StoredAcl, WILDCARD } from './acl.ts'

const NONE: readonly StoredAcl[] = []

/** A name or a prefix, with its entries. */
export class PatternEntries {
  readonly name: string
  /** The longest other prefix that this one begins with. */
  shorter: PatternEntries | null = null
  readonly #byPrincipal = new Map<string, StoredAcl[]>()

  constructor(name: string) {
    this.name = name
  }

  get isEmpty(): boolean {
    return this.#byPrincipal.size === 0
  }

  /** In the order of `compareEntries`. */
  of(principal: string): readonly StoredAcl[] {
    return this.#byPrincipal.get(principal) ?? NONE
  }

  add(acl: StoredAcl): void {
    const entries = this.#byPrincipal.get(acl.principal) ?? []
    const at = lowerBound(entries.length, (index) => compareEntries(entries[index]!, acl) < 0)
    entries.splice(at, 0, acl)
    this.#byPrincipal.set(acl.principal, entries)
  }

  remove(acl: StoredAcl): void {
    const entries = this.#byPrincipal.get(acl.principal) ?? []
    let at = lowerBound(entries.length, (index) => compareEntries(entries[index]!, acl) < 0)
    // A log of an old release may have several that say the same.
    while (at < entries.length && entries[at]!.id !== acl.id && compareEntries(entries[at]!, acl) === 0) at++
    invariant(entries[at]?.id === acl.id, `the ACL ${acl.id} is in the index`)
    entries.splice(at, 1)
    if (entries.length === 0) this.#byPrincipal.delete(acl.principal)
  }
}

/** The patterns of one resource type. */
class TypePatterns {
  readonly #literals = new Map<string, PatternEntries>()
  readonly #prefixes = new Map<string, PatternEntries>()
  /** The prefixes by name, each with its `shorter`; null after a change. */
  #sorted: PatternEntries[] | null = null

  literal(name: string): PatternEntries | undefined {
    return this.#literals.get(name)
  }

  /** The longest prefix of `name`; the others are behind its `shorter`. */
  longestPrefix(name: string): PatternEntries | null {
    this.#sorted ??= sortedPrefixes(this.#prefixes.values())
    const sorted = this.#sorted
    // All prefixes of a name are at or before it, and begin the one that is next before it.
    const at = lowerBound(sorted.length, (index) => sorted[index]!.name <= name)
    let prefix = at === 0 ? null : sorted[at - 1]!
    while (prefix && !name.startsWith(prefix.name)) prefix = prefix.shorter
    return prefix
  }

  add(acl: StoredAcl): void {
    const isPrefixed = acl.patternType === patternTypes.PREFIXED
    const patterns = isPrefixed ? this.#prefixes : this.#literals
    let pattern = patterns.get(acl.resourceName)
    if (!pattern) {
      pattern = new PatternEntries(acl.resourceName)
      patterns.set(acl.resourceName, pattern)
      if (isPrefixed) this.#sorted = null
    }
    pattern.add(acl)
  }

  remove(acl: StoredAcl): void {
    const isPrefixed = acl.patternType === patternTypes.PREFIXED
    const patterns = isPrefixed ? this.#prefixes : this.#literals
    const pattern = patterns.get(acl.resourceName)
    invariant(pattern, `there are ACLs of the pattern ${acl.resourceName}`)
    pattern.remove(acl)
    if (!pattern.isEmpty) return
    patterns.delete(acl.resourceName)
    if (isPrefixed) this.#sorted = null
  }

  literals(): Iterable<PatternEntries> {
    return this.#literals.values()
  }

  prefixes(): Iterable<PatternEntries> {
    return this.#prefixes.values()
  }
}

export class AclIndex {
  readonly #types = new Map<number, TypePatterns>()

  add(acl: StoredAcl): void {
    let patterns = this.#types.get(acl.resourceType)
    if (!patterns) {
      patterns = new TypePatterns()
      this.#types.set(acl.resourceType, patterns)
    }
    patterns.add(acl)
  }

  remove(acl: StoredAcl): void {
    const patterns = this.#types.get(acl.resourceType)
    invariant(patterns, `there are ACLs of the resource type ${acl.resourceType}`)
    patterns.remove(acl)
  }

  /**
   * Visits the patterns that a resource matches in Kafka's order: the name, its prefixes from the longest to the shortest, the wildcard.
   * Ends when `visit` returns true.
   */
  visitMatching(resourceType: number, name: string, visit: (pattern: PatternEntries) => boolean): void {
    const patterns = this.#types.get(resourceType)
    if (!patterns) return
    const literal = patterns.literal(name)
    if (literal && visit(literal)) return
    for (let prefix = patterns.longestPrefix(name); prefix; prefix = prefix.shorter) if (visit(prefix)) return
    const wildcard = name === WILDCARD ? undefined : patterns.literal(WILDCARD)
    if (wildcard) visit(wildcard)
  }

  /** The longest prefix of a name; the others are behind its `shorter`. */
  longestPrefix(resourceType: number, name: string): PatternEntries | null {
    return this.#types.get(resourceType)?.longestPrefix(name) ?? null
  }

  literals(resourceType: number): Iterable<PatternEntries> {
    return this.#types.get(resourceType)?.literals() ?? []
  }

  prefixes(resourceType: number): Iterable<PatternEntries> {
    return this.#types.get(resourceType)?.prefixes() ?? []
  }
}

/** The first index that is not `before`. */
function lowerBound(length: number, before: (index: number) => boolean): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (before(middle)) low = middle + 1
    else high = middle
  }
  return low
}

function sortedPrefixes(prefixes: Iterable<PatternEntries>): PatternEntries[] {
  const sorted = [...prefixes].sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const [index, prefix] of sorted.entries()) {
    let shorter = index === 0 ? null : sorted[index - 1]!
    while (shorter && !prefix.name.startsWith(shorter.name)) shorter = shorter.shorter
    prefix.shorter = shorter
  }
  return sorted
}
