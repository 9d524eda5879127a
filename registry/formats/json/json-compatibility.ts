/**
 * Confluent's rules for JSON schemas: what a reader allows less than the writer did, with Confluent's names and paths. A pair of schemas is
 * compared once; where recursion assumed a pair to be compatible, the comparison is repeated until no assumption turns out wrong.
 */

import { BoundedRecursion } from '../bounded-recursion.ts'
import { differencesOrReason, type Side, sideWords, TooManyPairs, UncheckableSchemas } from '../difference-text.ts'
import { type Findings, listed, type Nested } from '../findings.ts'
import type { JsonNumber } from '../json-text.ts'
import { compareArrays, compareLimit, compareObjects, containsAll } from './content-models.ts'
import { type Difference, type DifferenceKind, descriptions, type Found, lenientKinds } from './difference-kinds.ts'
import { matchingSize } from './matching.ts'
import { type CombinedNode, isEmpty, type NumberNode, type SchemaNode, type StringNode } from './schema-node.ts'

const MAX_ROUNDS = 100

type Pairs = Map<SchemaNode, Map<SchemaNode, Findings<Difference>>>

/** @throws TooManyPairs where more than `maxPairs` have to be compared. */
export function jsonDifferences(writer: SchemaNode, reader: SchemaNode, side: Side, maxPairs: number): string[] {
  return differencesOrReason(() =>
    listed(differencesOf(writer, reader, side.isLenient ?? false, maxPairs)).map((difference) => describe(difference, side)),
  )
}

function differencesOf(original: SchemaNode, update: SchemaNode, isLenient: boolean, maxPairs: number): Findings<Difference> {
  let known: Pairs = new Map()
  const budget = { pairs: maxPairs }
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const check = new JsonPairCheck(known, isLenient, budget)
    const found = check.root(original, update)
    const incompatible = check.incompatible()
    if (!check.assumed || countOf(incompatible) === countOf(known)) return found
    known = incompatible
  }
  throw new UncheckableSchemas(`the schemas refer to each other in more than ${MAX_ROUNDS} rounds`)
}

const countOf = (pairs: Pairs): number => [...pairs.values()].reduce((sum, row) => sum + row.size, 0)

class JsonPairCheck {
  readonly #compared: Pairs = new Map()
  readonly #inProgress = new Map<SchemaNode, Set<SchemaNode>>()
  /** Pairs that an earlier round found to be incompatible. */
  readonly #known: Pairs
  readonly #recursion = new BoundedRecursion<SchemaNode>()
  /** Pairs that may still be compared, in all rounds together. */
  readonly #budget: { pairs: number }
  readonly isLenient: boolean
  /** Whether a pair was taken to be compatible because it was being compared. */
  assumed = false

  constructor(known: Pairs, isLenient: boolean, budget: { pairs: number }) {
    this.#known = known
    this.isLenient = isLenient
    this.#budget = budget
  }

  root(original: SchemaNode, update: SchemaNode): Findings<Difference> {
    const compare = (first: SchemaNode, second: SchemaNode) => this.pair(first, second)
    return this.#recursion.run(() => compare(original, update), compare)
  }

  incompatible(): Pairs {
    const found: Pairs = new Map()
    for (const [original, row] of this.#compared) {
      const filled = [...row].filter(([, differences]) => differences.length > 0)
      if (filled.length > 0) found.set(original, new Map(filled))
    }
    return found
  }

  /** The differences of two schemas, with paths from them. */
  pair(given: SchemaNode, other: SchemaNode): Findings<Difference> {
    const [original, update] = [referred(given), referred(other)]
    const known = this.#compared.get(original)?.get(update)
    if (known) return known
    let inProgress = this.#inProgress.get(original)
    if (!inProgress) this.#inProgress.set(original, (inProgress = new Set()))
    if (inProgress.has(update) || this.#recursion.waits(original, update)) {
      const earlier = this.#known.get(original)?.get(update)
      if (!earlier) this.assumed = true
      return earlier ?? []
    }
    if (--this.#budget.pairs < 0) throw new TooManyPairs()
    const found = new JsonPairFindings(this)
    inProgress.add(update)
    try {
      this.#recursion.descend(original, update, () => this.#compare(original, update, found))
    } finally {
      inProgress.delete(update)
    }
    let compared = this.#compared.get(original)
    if (!compared) this.#compared.set(original, (compared = new Map()))
    compared.set(update, found.differences)
    return found.differences
  }

  #compatible(original: SchemaNode, update: SchemaNode): boolean {
    return this.pair(original, update).length === 0
  }

  #compare(original: SchemaNode, update: SchemaNode, found: Found): void {
    if (this.#fitsOne(original, update)) return
    if (original.kind !== update.kind) {
      if (original.kind === 'false' || isEmpty(update) || (original.isConnectBytes && update.isConnectBytes)) return
      found.add('TYPE_CHANGED')
    } else if (original.kind === 'string') compareStrings(original, update as StringNode, found)
    else if (original.kind === 'number') compareNumbers(original, update as NumberNode, found)
    else if (original.kind === 'object') compareObjects(original, update as typeof original, found)
    else if (original.kind === 'array') compareArrays(original, update as typeof original, found)
    else if (original.kind === 'combined') this.#compareCombined(original, update as CombinedNode, found)
    else if (original.kind === 'const') {
      if (original.value !== (update as typeof original).value) found.add('ENUM_ARRAY_CHANGED', 'const')
    } else if (original.kind === 'enum') compareEnums(original.values, (update as typeof original).values, found)
    else if (original.kind === 'not') {
      // What must not match is compared the other way round.
      if (!this.#compatible((update as typeof original).schema, original.schema)) found.add('NOT_TYPE_EXTENDED', 'not')
    }
  }

  /** One side is a combination, and the other fits one of its schemas. */
  #fitsOne(original: SchemaNode, update: SchemaNode): boolean {
    if (original.kind !== 'combined' && update.kind === 'combined') {
      if (update.subschemas.length !== 1 && update.criterion === 'allOf') return false
      return update.subschemas.some((subschema) => this.#compatible(original, subschema))
    }
    if (original.kind === 'combined' && update.kind !== 'combined') {
      if (original.subschemas.length !== 1 && original.criterion !== 'allOf') return false
      return original.subschemas.some((subschema) => this.#compatible(subschema, update))
    }
    return false
  }

  #compareCombined(original: CombinedNode, update: CombinedNode, found: Found): void {
    if (!criteriaFit(original, update)) {
      found.add('COMBINED_TYPE_CHANGED')
      return
    }
    const [old, now] = [distinct(original.subschemas), distinct(update.subschemas)]
    if (old.length < now.length && update.criterion === 'allOf') found.add('PRODUCT_TYPE_EXTENDED')
    if (old.length > now.length && original.criterion !== 'allOf') found.add('SUM_TYPE_NARROWED')
    const edges = old.map((each) => now.flatMap((other, index) => (this.#compatible(each, other) ? [index] : [])))
    if (matchingSize(edges, now.length) < Math.min(old.length, now.length)) found.add('COMBINED_TYPE_SUBSCHEMAS_CHANGED')
  }
}

class JsonPairFindings implements Found {
  readonly differences: (Difference | Nested<Difference>)[] = []
  readonly #check: JsonPairCheck

  constructor(check: JsonPairCheck) {
    this.#check = check
  }

  add(kind: DifferenceKind, ...path: string[]): void {
    if (this.#check.isLenient && lenientKinds.has(kind)) return
    this.differences.push({ kind, path })
  }

  compare(original: SchemaNode | null, update: SchemaNode | null, ...path: string[]): boolean {
    if (!update) return true
    if (!original) {
      this.add('SCHEMA_ADDED', ...path)
      return false
    }
    const nested = this.#check.pair(original, update)
    if (nested.length > 0) this.differences.push({ nested, path })
    return nested.length === 0
  }
}

/** What a chain of references leads to. */
function referred(node: SchemaNode): SchemaNode {
  const seen = new Set<SchemaNode>()
  let at = node
  while (at.kind === 'reference') {
    if (seen.has(at)) throw new UncheckableSchemas('a reference leads back to itself')
    seen.add(at)
    at = at.target()
  }
  return at
}

function criteriaFit(original: CombinedNode, update: CombinedNode): boolean {
  if (original.criterion === update.criterion || update.criterion === 'anyOf') return true
  const [oldSingle, nowSingle] = [original.subschemas.length === 1, update.subschemas.length === 1]
  return (oldSingle && (nowSingle || update.criterion === 'oneOf')) || (nowSingle && original.criterion === 'allOf')
}

function distinct(nodes: readonly SchemaNode[]): SchemaNode[] {
  if (nodes.length === 1) return [...nodes]
  return [...new Map(nodes.map((node) => [node.text(), node])).values()]
}

function compareStrings(original: StringNode, update: StringNode, found: Found): void {
  compareLimit(original.maxLength, update.maxLength, 'maxLength', ['MAX_LENGTH_ADDED', 'MAX_LENGTH_DECREASED'], found)
  compareLimit(update.minLength, original.minLength, 'minLength', ['MIN_LENGTH_ADDED', 'MIN_LENGTH_INCREASED'], found, true)
  if (update.pattern === null || update.pattern === original.pattern) return
  found.add(original.pattern === null ? 'PATTERN_ADDED' : 'PATTERN_CHANGED', 'pattern')
}

function compareNumbers(original: NumberNode, update: NumberNode, found: Found): void {
  compareLimit(original.maximum, update.maximum, 'maximum', ['MAXIMUM_ADDED', 'MAXIMUM_DECREASED'], found)
  compareLimit(update.minimum, original.minimum, 'minimum', ['MINIMUM_ADDED', 'MINIMUM_INCREASED'], found, true)
  const exclusiveMaximum = ['EXCLUSIVE_MAXIMUM_ADDED', 'EXCLUSIVE_MAXIMUM_DECREASED'] as const
  compareLimit(original.exclusiveMaximum, update.exclusiveMaximum, 'exclusiveMaximum', exclusiveMaximum, found)
  const exclusiveMinimum = ['EXCLUSIVE_MINIMUM_ADDED', 'EXCLUSIVE_MINIMUM_INCREASED'] as const
  compareLimit(update.exclusiveMinimum, original.exclusiveMinimum, 'exclusiveMinimum', exclusiveMinimum, found, true)
  compareMultiples(original.multipleOf, update.multipleOf, found)
  if (update.integer && !original.integer) found.add('TYPE_NARROWED')
}

function compareMultiples(original: JsonNumber | null, update: JsonNumber | null, found: Found): void {
  if (update === null) return
  if (original === null) {
    found.add('MULTIPLE_OF_ADDED', 'multipleOf')
    return
  }
  const [old, now] = scaled(original, update)
  if (old === now) return
  if (old !== 0n && now % old === 0n) found.add('MULTIPLE_OF_EXPANDED', 'multipleOf')
  else if (now === 0n || old % now !== 0n) found.add('MULTIPLE_OF_CHANGED', 'multipleOf')
}

/** Exponents beyond this are taken as this one, so that a short text makes no long number. */
const MAX_EXPONENT = 1000

/** Both numbers as whole multiples of one power of ten. */
function scaled(...numbers: readonly [JsonNumber, JsonNumber]): [bigint, bigint] {
  const parts = numbers.map(({ text }) => {
    const [, sign = '', whole = '0', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
    const power = Math.max(-MAX_EXPONENT, Math.min(MAX_EXPONENT, Number(exponent))) - fraction.length
    return { digits: BigInt(`${sign}${whole}${fraction}`), power }
  })
  const least = Math.min(...parts.map((part) => part.power))
  const [first, second] = parts.map(({ digits, power }) => digits * 10n ** BigInt(power - least))
  return [first!, second!]
}

function compareEnums(original: ReadonlySet<string>, update: ReadonlySet<string>, found: Found): void {
  if (containsAll(update, original)) return
  found.add(containsAll(original, update) ? 'ENUM_ARRAY_NARROWED' : 'ENUM_ARRAY_CHANGED', 'enum')
}

function describe({ kind, path }: Difference, side: Side): string {
  const description: readonly string[] = descriptions[kind](`#/${path.join('/')}`)
  return `{errorType:"${kind}", description:"${sideWords(side, description)}'}`
}
