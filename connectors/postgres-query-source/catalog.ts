/**
 * What Postgres's catalog says about the columns of a table, and about those of a result: their types, whether they may be null, and
 * which of them a sequence fills.
 */
import type { PostgresConnection, ResultField } from '../postgres-driver/connection.ts'
import type { TableId } from './tables.ts'
import type { ResultColumn } from './types.ts'

export interface TableColumn {
  readonly name: string
  readonly notNull: boolean
  /** An identity column, or one whose default is the next value of a sequence. */
  readonly isAutoIncrement: boolean
  /** The name of its type, without a length; of a domain that of the type it is over. */
  readonly type: string
}

export interface TableDescription {
  readonly database: string
  /** Whether the user may read the table. */
  readonly readable: boolean
  readonly columns: readonly TableColumn[]
}

const DESCRIBE = `
  SELECT current_database() AS database, has_table_privilege(c.oid, 'SELECT') AS readable, a.attname AS name, a.attnotnull AS "notNull",
    a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false) AS "isAutoIncrement",
    (WITH RECURSIVE over AS (
        SELECT oid, typtype, typbasetype FROM pg_catalog.pg_type WHERE oid = a.atttypid
        UNION ALL SELECT b.oid, b.typtype, b.typbasetype FROM over JOIN pg_catalog.pg_type b ON b.oid = over.typbasetype WHERE over.typtype = 'd')
      SELECT format_type(oid, NULL) FROM over WHERE typtype <> 'd') AS type
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE n.nspname = $1 AND c.relname = $2
  ORDER BY a.attnum`

/** Null where there is no such table. */
export async function describeTable(connection: PostgresConnection, { schema, table }: TableId): Promise<TableDescription | null> {
  const rows = await connection.query<TableColumn & { database: string; readable: boolean }>(DESCRIBE, [schema, table])
  const [first] = rows
  return first ? { database: first.database, readable: first.readable, columns: rows } : null
}

/** The column that is meant by a name: the one of that name, or the only one that differs in case alone. */
export function columnNamed<C extends { readonly name: string }>(columns: readonly C[], name: string): C | null {
  const exact = columns.find((column) => column.name === name)
  if (exact) return exact
  const found = columns.filter((column) => column.name.toLowerCase() === name.toLowerCase())
  return found.length === 1 ? found[0]! : null
}

const NULLABILITY = `
  SELECT a.attrelid AS "tableId", a.attnum AS "columnId"
  FROM pg_catalog.pg_attribute a JOIN unnest($1::oid[], $2::int2[]) AS wanted(relation, number)
    ON a.attrelid = wanted.relation AND a.attnum = wanted.number
  WHERE a.attnotnull`

/** The columns of a result. Those that are not columns of a table may be null. */
export async function describeResult(connection: PostgresConnection, fields: readonly ResultField[]): Promise<ResultColumn[]> {
  const ofTables = fields.filter(({ tableId }) => tableId !== 0)
  const notNull = await connection.query<{ tableId: number; columnId: number }>(NULLABILITY, [
    ofTables.map(({ tableId }) => tableId),
    ofTables.map(({ columnId }) => columnId),
  ])
  const types = await connection.query<{ id: number; name: string; kind: string }>(
    'SELECT oid AS id, typname AS name, typtype AS kind FROM pg_catalog.pg_type WHERE oid = ANY($1::oid[])',
    [[...new Set(fields.map(({ typeId }) => typeId))]],
  )
  const typeOf = new Map(types.map((type) => [Number(type.id), type]))
  const required = new Set(notNull.map(({ tableId, columnId }) => `${tableId}.${columnId}`))
  return fields.map(({ name, typeId, modifier, tableId, columnId }) => ({
    name,
    typeId,
    typeName: typeOf.get(typeId)?.name ?? String(typeId),
    isEnum: typeOf.get(typeId)?.kind === 'e',
    modifier,
    optional: !required.has(`${tableId}.${columnId}`),
  }))
}
