/**
 * The tables and types of the database, as its catalog has them now. A table of the stream has the columns of its Relation message, and of
 * the catalog what that does not say: defaults, NULL, the key. The catalog may be ahead of the stream: tables and types of which it still
 * has changes may be renamed, other ones by the same name, or dropped.
 */
import type { Database } from './database.ts'
import type { Relation } from './pgoutput.ts'
import type { Catalog, Column, PgType, Table } from './types.ts'

const TABLES = `
SELECT c.oid::int8::text AS oid, n.nspname AS schema, c.relname AS name, c.relreplident AS identity,
  (SELECT coalesce(json_agg(json_build_object(
      'name', a.attname, 'typeOid', a.atttypid::int8, 'typeModifier', a.atttypmod,
      'isOptional', NOT (a.attnotnull OR (t.typtype = 'd' AND t.typnotnull)),
      'defaultExpression', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
      'isGenerated', a.attgenerated <> '', 'position', a.attnum) ORDER BY a.attnum), '[]')
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
  (SELECT json_agg(a.attname ORDER BY k.place)
    FROM (SELECT i.indexrelid, i.indkey, i.indnkeyatts
      FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
      WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
      ORDER BY i.indisprimary DESC, i.indisclustered DESC, ic.relname LIMIT 1) AS best
    CROSS JOIN LATERAL unnest(best.indkey[0:best.indnkeyatts - 1]) WITH ORDINALITY AS k(number, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number) AS key
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')`

const USER_TABLES = `${TABLES} AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
  AND c.relpersistence <> 't'`

const TYPES = `
SELECT t.oid::int8::text AS oid, t.typname AS name, n.nspname AS schema, t.typtype AS kind, t.typelem::int8::text AS element,
  t.typbasetype::int8::text AS base, t.typtypmod AS modifier, t.typinput = 'array_in'::regproc AS array,
  (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid) AS labels
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace`

const KINDS: Readonly<Record<string, PgType['kind']>> = {
  b: 'base',
  c: 'composite',
  d: 'domain',
  e: 'enum',
  m: 'multirange',
  p: 'pseudo',
  r: 'range',
}
const IDENTITIES: Readonly<Record<string, Table['replicaIdentity']>> = { d: 'default', f: 'full', n: 'nothing', i: 'index' }

interface TableRow {
  oid: string
  schema: string
  name: string
  identity: string
  columns: Column[]
  key: string[] | null
}

interface TypeRow {
  oid: string
  name: string
  schema: string
  kind: string
  element: string
  base: string
  modifier: number
  array: boolean
  labels: string[] | null
}

export class DatabaseCatalog implements Catalog {
  readonly #database: Database
  readonly #isCaptured: (schema: string, table: string) => boolean
  readonly #warn: (message: string) => void
  /** Types that were dropped since they were loaded stay: the stream may still have values of them. */
  readonly #types = new Map<number, PgType>()

  /** `warn` is told of each type that the catalog no longer has. */
  constructor(database: Database, isCaptured: (schema: string, table: string) => boolean, warn: (message: string) => void = () => {}) {
    this.#database = database
    this.#isCaptured = isCaptured
    this.#warn = warn
  }

  async loadTypes(): Promise<void> {
    for (const row of await this.#database.query<TypeRow>(TYPES)) this.#types.set(Number(row.oid), typeOf(row))
  }

  /** A type that was dropped before it was loaded is a type without a mapping, as for Debezium. */
  type(oid: number): PgType {
    const known = this.#types.get(oid)
    if (known) return known
    this.#warn(
      `The type with oid ${oid} was dropped before its changes were read. Its columns are left out of their records; with ` +
        'include.unknown.datatypes=true they are the bytes of their text.',
    )
    const type: PgType = { oid, name: 'unknown', schema: 'pg_catalog', kind: 'base' }
    this.#types.set(oid, type)
    return type
  }

  async capturedTables(): Promise<Table[]> {
    const rows = await this.#database.query<TableRow>(USER_TABLES)
    const captured = rows.filter(({ schema, name }) => this.#isCaptured(schema, name)).map(tableOf)
    await this.#knowTypes(captured.flatMap((table) => table.columns))
    return captured.sort((a, b) => order(a.schema, b.schema) || order(a.name, b.name))
  }

  async table(schema: string, name: string): Promise<Table | null> {
    const [row] = await this.#database.query<TableRow>(`${TABLES} AND n.nspname = $1 AND c.relname = $2`, [schema, name])
    if (!row) return null
    const table = tableOf(row)
    await this.#knowTypes(table.columns)
    return table
  }

  /** The table of a Relation message: its columns, and what the catalog says of them now. By its name it may be another one. */
  async relationTable(relation: Relation): Promise<Table> {
    const [row] = await this.#database.query<TableRow>(`${TABLES} AND c.oid = $1`, [relation.oid])
    const table = mergedTable(relation, row ? tableOf(row) : null)
    await this.#knowTypes(table.columns)
    return table
  }

  async #knowTypes(columns: readonly Column[]): Promise<void> {
    if (columns.some(({ typeOid }) => this.#isStale(typeOid))) await this.loadTypes()
  }

  /** An enum may have new labels since its type was loaded, of which nothing tells; also one in an array or under a domain. */
  #isStale(oid: number): boolean {
    const type = this.#types.get(oid)
    if (!type || type.kind === 'enum') return true
    const inner = type.kind === 'array' ? type.element : type.kind === 'domain' ? type.base : undefined
    return inner !== undefined && this.#isStale(inner)
  }
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** The columns of the message count, and their types; the catalog may have others by now, or null where the table was dropped. */
export function mergedTable(relation: Relation, current: Table | null): Table {
  const known = new Map(current?.columns.map((column) => [column.name, column]))
  const { oid, schema, name, replicaIdentity } = relation
  const columns = relation.columns.map(({ name, typeOid, typeModifier, isKey }, index): Column => {
    const column = known.get(name)
    return {
      name,
      typeOid,
      typeModifier,
      isOptional: column?.isOptional ?? (replicaIdentity === 'full' || !isKey),
      defaultExpression: column?.typeOid === typeOid ? column.defaultExpression : null,
      isGenerated: column?.isGenerated ?? false,
      position: column?.position ?? index + 1,
    }
  })
  return { oid, schema, name, columns, key: streamKey(relation, current?.key ?? []), replicaIdentity }
}

/**
 * The key of a table when its changes were made. The message tells the columns of the replica identity: by default those of the primary
 * key, of which the catalog has the order. Columns of the catalog's key that the message does not have came later.
 */
function streamKey({ columns, replicaIdentity }: Relation, current: readonly string[]): readonly string[] {
  const names = new Set(columns.map(({ name }) => name))
  const present = current.filter((name) => names.has(name))
  const identity = replicaIdentity === 'full' ? [] : columns.filter(({ isKey }) => isKey).map(({ name }) => name)
  if (identity.length === 0) return present
  const isSame = present.length === identity.length && identity.every((name) => present.includes(name))
  if (isSame || (replicaIdentity === 'index' && present.length > 0 && present.length === current.length)) return present
  return identity
}

const tableOf = ({ oid, schema, name, identity, columns, key }: TableRow): Table => ({
  oid: Number(oid),
  schema,
  name,
  columns,
  key: key ?? [],
  replicaIdentity: IDENTITIES[identity] ?? 'default',
})

function typeOf({ oid, name, schema, kind, element, base, modifier, array, labels }: TypeRow): PgType {
  const type = { oid: Number(oid), name, schema }
  if (array) return { ...type, kind: 'array', element: Number(element) }
  const known = KINDS[kind] ?? 'base'
  if (known === 'domain') return { ...type, kind: known, base: Number(base), baseModifier: modifier }
  return known === 'enum' ? { ...type, kind: known, labels: labels ?? [] } : { ...type, kind: known }
}
