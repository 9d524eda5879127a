/**
 * Avro's rules of schema resolution between a reader and a writer, as Java's SchemaCompatibility checks them, with its locations and
 * words. Each pair of types is compared once, so that recursive schemas end.
 */

import { BoundedRecursion } from '../bounded-recursion.ts'
import { differencesOrReason, type Side, sideWords, TooManyPairs, UncheckableSchemas } from '../difference-text.ts'
import { type Findings, listed, together } from '../findings.ts'
import { type AvroField, type AvroSchema, aliasNames } from './avro-schema.ts'
import { writeAvro } from './avro-writer.ts'

type Kind =
  | 'NAME_MISMATCH'
  | 'FIXED_SIZE_MISMATCH'
  | 'MISSING_ENUM_SYMBOLS'
  | 'READER_FIELD_MISSING_DEFAULT_VALUE'
  | 'TYPE_MISMATCH'
  | 'MISSING_UNION_BRANCH'

/** The way from the root of a comparison; the root has an empty token. */
interface Location {
  readonly outer: Location | null
  readonly token: string
}

const inside = (location: Location | null, ...tokens: string[]): Location =>
  tokens.reduce((outer, token) => ({ outer, token }), location) as Location

interface Difference {
  readonly kind: Kind
  readonly location: Location
  readonly message: string
}

/** Shared and empty: most pairs have none. */
const NONE: Findings<Difference> = []

/** What a value of the key may be read as, apart from its own type. */
const PROMOTIONS: Readonly<Record<string, readonly string[]>> = {
  int: ['long', 'float', 'double'],
  long: ['float', 'double'],
  float: ['double'],
  string: ['bytes'],
  bytes: ['string'],
}

/** Why `reader` cannot read what `writer` wrote, in Confluent's words. @throws TooManyPairs where there are more than `maxPairs`. */
export function avroDifferences(writer: AvroSchema, reader: AvroSchema, side: Side, maxPairs: number): string[] {
  return differencesOrReason(() => listed(new AvroPairCheck(maxPairs).root(reader, writer)).map((difference) => describe(difference, side)))
}

class AvroPairCheck {
  /** The differences of each pair; NONE while a pair is being compared. */
  readonly #compared = new Map<AvroSchema, Map<AvroSchema, Findings<Difference>>>()
  readonly #recursion = new BoundedRecursion<AvroSchema>()
  /** That may still be compared. */
  #pairs: number

  constructor(maxPairs: number) {
    this.#pairs = maxPairs
  }

  root(reader: AvroSchema, writer: AvroSchema): Findings<Difference> {
    const compare = (first: AvroSchema, second: AvroSchema) => this.pair('', first, second, null)
    return this.#recursion.run(() => compare(reader, writer), compare)
  }

  pair(token: string, reader: AvroSchema, writer: AvroSchema, location: Location | null): Findings<Difference> {
    let compared = this.#compared.get(reader)
    if (!compared) this.#compared.set(reader, (compared = new Map()))
    const known = compared.get(writer)
    if (known) return known
    if (this.#recursion.waits(reader, writer)) return NONE
    if (--this.#pairs < 0) throw new TooManyPairs()
    let found: Findings<Difference> | undefined
    compared.set(writer, NONE)
    try {
      found = this.#recursion.descend(reader, writer, () => this.#compare(reader, writer, inside(location, token)))
      return found
    } finally {
      if (found) compared.set(writer, found)
      else compared.delete(writer)
    }
  }

  #compare(reader: AvroSchema, writer: AvroSchema, location: Location): Findings<Difference> {
    if (reader.type === writer.type) return this.#compareSame(reader, writer, location)
    if (writer.type === 'union')
      return together(writer.branches!.map((branch, index) => this.pair(String(index), reader, branch, location)))
    if (reader.type === 'union')
      return reader.branches!.some((branch) => this.pair('', branch, writer, null).length === 0) ? NONE : [missingBranch(writer, location)]
    if (PROMOTIONS[writer.type]?.includes(reader.type)) return NONE
    const message = `reader type: ${upper(reader)} not compatible with writer type: ${upper(writer)}`
    return [{ kind: 'TYPE_MISMATCH', location, message }]
  }

  #compareSame(reader: AvroSchema, writer: AvroSchema, location: Location): Findings<Difference> {
    switch (reader.type) {
      case 'array':
        return this.pair('items', reader.element!, writer.element!, location)
      case 'map':
        return this.pair('values', reader.element!, writer.element!, location)
      case 'fixed':
        return together([compareNames(reader, writer, location), compareSizes(reader, writer, location)])
      case 'enum':
        return together([compareNames(reader, writer, location), compareSymbols(reader, writer, location)])
      case 'record':
        return together([compareNames(reader, writer, location), this.#compareFields(reader, writer, location)])
      case 'union':
        return together(
          writer.branches!.map((branch, index) =>
            this.pair('', reader, branch, null).length === 0 ? NONE : [missingBranch(branch, inside(location, String(index)))],
          ),
        )
      default:
        return NONE
    }
  }

  #compareFields(reader: AvroSchema, writer: AvroSchema, location: Location): Findings<Difference> {
    const byName = new Map(writer.fields!.map((field) => [field.name, field]))
    return together(
      reader.fields!.map((field, index) => {
        const at = inside(location, 'fields', String(index))
        const written = writerField(byName, field, index, writer)
        if (written) return this.pair('type', field.schema, written.schema, at)
        if (field.default !== undefined) return NONE
        if (field.schema.type === 'enum' && field.schema.enumDefault != null) return this.pair('type', field.schema, writer, at)
        return [{ kind: 'READER_FIELD_MISSING_DEFAULT_VALUE' as const, location: at, message: field.name }]
      }),
    )
  }
}

const upper = (schema: AvroSchema) => schema.type.toUpperCase()

function missingBranch(writer: AvroSchema, location: Location): Difference {
  return { kind: 'MISSING_UNION_BRANCH', location, message: `reader union lacking writer type: ${upper(writer)}` }
}

/** The field of the writer that has the name or an alias of the field. */
function writerField(byName: ReadonlyMap<string, AvroField>, field: AvroField, index: number, writer: AvroSchema): AvroField | undefined {
  const found = [field.name, ...field.aliases].flatMap((name) => byName.get(name) ?? [])
  if (found.length > 1) {
    const reader = `${field.name} type:${upper(field.schema)} pos:${index}`
    const text = writeAvro(writer, new Set())
    throw new UncheckableSchemas(`Reader record field ${reader} matches multiple fields in writer record schema ${text}`)
  }
  return found[0]
}

function compareNames(reader: AvroSchema, writer: AvroSchema, location: Location): Findings<Difference> {
  const { full, name } = writer.name!
  if (reader.name!.name === name || aliasNames(reader).includes(full)) return NONE
  return [{ kind: 'NAME_MISMATCH', location: inside(location, 'name'), message: `expected: ${full}` }]
}

function compareSizes(reader: AvroSchema, writer: AvroSchema, location: Location): Findings<Difference> {
  if (reader.size === writer.size) return NONE
  const message = `expected: ${writer.size}, found: ${reader.size}`
  return [{ kind: 'FIXED_SIZE_MISMATCH', location: inside(location, 'size'), message }]
}

function compareSymbols(reader: AvroSchema, writer: AvroSchema, location: Location): Findings<Difference> {
  const known = new Set(reader.symbols)
  const missing = writer.symbols!.filter((symbol) => !known.has(symbol)).sort((a, b) => (a < b ? -1 : 1))
  if (missing.length === 0 || reader.enumDefault != null) return NONE
  return [{ kind: 'MISSING_ENUM_SYMBOLS', location: inside(location, 'symbols'), message: `[${missing.join(', ')}]` }]
}

/** A JSON pointer, without the token of the root. */
function pathOf(location: Location): string {
  const tokens: string[] = []
  for (let at = location; at.outer; at = at.outer) tokens.push(at.token.replaceAll('~', '~0').replaceAll('/', '~1'))
  return `/${tokens.reverse().join('/')}`
}

function describe({ kind, location, message }: Difference, side: Side): string {
  const description = sideWords(side, descriptions[kind](pathOf(location), message))
  return `{errorType:'${kind}', description:'${description}', additionalInfo:'${message}'}`
}

/** The first %s is the schema that reads, the second the one that wrote. */
const descriptions: Record<Kind, (path: string, message: string) => readonly string[]> = {
  FIXED_SIZE_MISMATCH: (path) => [`The size of FIXED type field at path '${path}' in the `, ' schema does not match with the ', ' schema'],
  TYPE_MISMATCH: (path) => [`The type (path '${path}') of a field in the `, ' schema does not match with the ', ' schema'],
  NAME_MISMATCH: (path) => [`The name of the schema has changed (path '${path}')`],
  MISSING_ENUM_SYMBOLS: (path, message) => ['The ', ` schema is missing enum symbols '${message}' at path '${path}' in the `, ' schema'],
  MISSING_UNION_BRANCH: (path) => ['The ', ` schema is missing a type inside a union field at path '${path}' in the `, ' schema'],
  READER_FIELD_MISSING_DEFAULT_VALUE: (path, message) => [
    `The field '${message}' at path '${path}' in the `,
    ' schema has no default value and is missing in the ',
    ' schema',
  ],
}
