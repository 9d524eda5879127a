/**
 * Changes of rows as Debezium's connectors write them, for the tests of transforms that read its envelope.
 */
import { type ConnectRecord, type Schema, schemas } from '../../../connect/sdk/index.ts'
import { record } from './applying.ts'

const optional = { optional: true } as const

const source = schemas.struct({ connector: schemas.string(), ts_ms: schemas.int64(), lsn: schemas.int64(optional) })
const transaction = schemas.struct({ id: schemas.string() }, optional)

export const envelopeOfRow = (row: Schema): Schema =>
  schemas.struct(
    {
      before: { ...row, optional: true },
      after: { ...row, optional: true },
      source,
      transaction,
      op: schemas.string(),
      ts_ms: schemas.int64(optional),
    },
    { name: 's.t.Envelope' },
  )

export function change(
  row: Schema,
  parts: { op?: string; before?: unknown; after?: unknown; more?: Record<string, unknown> },
  others: Partial<ConnectRecord> = {},
): ConnectRecord {
  const { op = 'c', before = null, after = null, more } = parts
  return record({
    key: null,
    valueSchema: envelopeOfRow(row),
    value: { before, after, source: { connector: 'postgresql', ts_ms: 5, lsn: null }, transaction: null, op, ts_ms: 7, ...more },
    ...others,
  })
}
