/**
 * What the catalog of Postgres says about a table: its kind, its columns with their types, and which of them the database computes. It
 * changes nothing.
 */
import type { PostgresConnection } from '../postgres-driver/connection.ts'
import { ownTypeName } from './column-types.ts'

export interface Column {
  name: string
  /** As casts name it, without a length. */
  type: string
  /** The type of its values: of a domain, its base type. */
  base: string
  /** GENERATED ALWAYS AS IDENTITY: an update cannot set it. */
  isIdentity: boolean
  /** GENERATED ALWAYS AS an expression: nothing can set it. */
  isGenerated: boolean
  /** A new row needs a value for it: it is NOT NULL, and has no default. */
  isRequired: boolean
  /** Whether texts that differ are different values: a collation may ignore case. */
  isDeterministic: boolean
}

export interface Table {
  kind: 'TABLE' | 'PARTITIONED TABLE' | 'VIEW'
  columns: Map<string, Column>
  /** Null where several columns have the name. */
  columnsInLowerCase: Map<string, Column | null>
  /** Whether COPY can write it: not a view, no row-level security. */
  takesCopy: boolean
}

interface CatalogRow {
  kind: string
  secured: boolean
  name: string | null
  type: string
  base: string
  identity: string
  generated: string
  required: boolean
  deterministic: boolean
}

const kinds: Readonly<Record<string, Table['kind']>> = { r: 'TABLE', f: 'TABLE', p: 'PARTITIONED TABLE' }

/** `sql` is the quoted name. Undefined where there is no such table. */
export async function loadTable(connection: PostgresConnection, sql: string): Promise<Table | undefined> {
  const rows = await connection.query<CatalogRow>(
    `SELECT c.relkind AS kind, c.relrowsecurity AS secured, a.attname AS name, format_type(a.atttypid, -1) AS type,
        (WITH RECURSIVE over AS (
            SELECT a.atttypid AS id, t.typtype AS kind, t.typbasetype AS base
            UNION ALL SELECT b.oid, b.typtype, b.typbasetype FROM over JOIN pg_catalog.pg_type b ON b.oid = over.base WHERE over.kind = 'd')
          SELECT format_type(id, -1) FROM over WHERE kind <> 'd') AS base,
        coalesce(l.collisdeterministic, true) AS deterministic,
        a.attidentity AS identity, a.attgenerated AS generated, a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS required
      FROM pg_catalog.pg_class c
      LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
      WHERE c.oid = to_regclass($1::text)`,
    [sql],
  )
  const [first] = rows
  if (!first) return undefined
  const kind = kinds[first.kind] ?? 'VIEW'
  const columns = new Map<string, Column>()
  const columnsInLowerCase = new Map<string, Column | null>()
  for (const { name, type, base, identity, generated, required, deterministic } of rows) {
    if (name === null) continue
    const column = {
      name,
      type: ownTypeName(type),
      base: ownTypeName(base),
      isIdentity: identity === 'a',
      isGenerated: generated !== '',
      isRequired: required,
      isDeterministic: deterministic,
    }
    columns.set(name, column)
    const lower = name.toLowerCase()
    columnsInLowerCase.set(lower, columnsInLowerCase.has(lower) ? null : column)
  }
  return { kind, columns, columnsInLowerCase, takesCopy: first.kind !== 'f' && kind !== 'VIEW' && !first.secured }
}
