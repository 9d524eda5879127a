/**
 * The schemas that all envelopes of this connector share: where a change comes from, and its transaction. One object each, so that
 * converters know them by identity.
 */
import { type Schema, schemas } from '../../connect/sdk/index.ts'

const MARKERS = ['true', 'first', 'first_in_data_collection', 'last_in_data_collection', 'last', 'false', 'incremental']

/** The field `source` of an envelope. */
export const SOURCE_SCHEMA: Schema = schemas.struct(
  {
    version: schemas.string(),
    connector: schemas.string(),
    name: schemas.string(),
    ts_ms: schemas.int64(),
    snapshot: schemas.string({
      name: 'io.debezium.data.Enum',
      version: 1,
      parameters: { allowed: MARKERS.join(',') },
      default: 'false',
      optional: true,
    }),
    db: schemas.string(),
    sequence: schemas.string({ optional: true }),
    ts_us: schemas.int64({ optional: true }),
    ts_ns: schemas.int64({ optional: true }),
    schema: schemas.string(),
    table: schemas.string(),
    txId: schemas.int64({ optional: true }),
    lsn: schemas.int64({ optional: true }),
    xmin: schemas.int64({ optional: true }),
  },
  { name: 'io.debezium.connector.postgresql.Source', version: 1 },
)

/** The field `transaction` of an envelope. */
export const TRANSACTION_SCHEMA: Schema = schemas.struct(
  { id: schemas.string(), total_order: schemas.int64(), data_collection_order: schemas.int64() },
  { name: 'event.block', version: 1, optional: true },
)
