/**
 * Fields of the rows of an outbox table that go somewhere else than into the payload: where `table.fields.additional.placement` puts each,
 * and how the timestamp of an event is read.
 */
import { DataError, type Schema, schemas, TransformError } from '../../sdk/index.ts'
import type { Refusal } from './debezium-settings.ts'
import { optionOf } from './debezium-settings.ts'
import type { Fields } from './requirements.ts'
import { colonParts } from './settings.ts'
import { fieldReader } from './structs.ts'

const SETTING = 'table.fields.additional.placement'

export interface OutboxField {
  readonly field: string
  readonly placement: 'header' | 'envelope' | 'partition'
  readonly alias: string
}

export function additionalFields(list: readonly string[], refusal: Refusal): OutboxField[] {
  return list.map((text) => {
    const [field, placement, alias, ...more] = colonParts(text).map((part) => part.trim())
    if (field === undefined || placement === undefined || more.length > 0)
      throw refusal(
        SETTING,
        `[${list.join(', ')}]`,
        `A comma-separated list of valid String pairs or trios is expected but got: [${list.join(', ')}]`,
      )
    return { field, placement: optionOf(SETTING, ['header', 'envelope', 'partition'], placement, refusal), alias: alias ?? field }
  })
}

/** How many of each unit are a ms. A Date is read as such. */
const perMs: Readonly<Record<string, bigint>> = {
  'io.debezium.time.Timestamp': 1n,
  'io.debezium.time.MicroTimestamp': 1_000n,
  'io.debezium.time.NanoTimestamp': 1_000_000n,
}
const DATE = schemas.timestamp().name!

/** Reads the timestamp of an event in ms; null where the row has none. */
export function outboxTimestamp(row: Schema, name: string | null): (row: Fields) => number | bigint | null {
  if (name === null || name === '') return () => null
  const field = row.fields!.find((of) => of.name === name)
  if (!field) throw new TransformError(`Unable to find timestamp field ${name} in event`)
  const read = fieldReader(field, false)
  const { type, name: logical } = field.schema
  if (type !== 'int64') throw new DataError(`Field '${name}' is not of type INT64`)
  return (struct) => {
    const value = read(struct)
    if (value === null) return null
    if (logical === DATE) return (value as Date).getTime()
    if (logical === undefined)
      throw new TransformError(`Unsupported field type ${type.toUpperCase()} (without logical schema name) for event timestamp`)
    const unit = Object.hasOwn(perMs, logical) ? perMs[logical] : undefined
    if (unit === undefined) throw new TransformError(`Unsupported field type ${logical} for event timestamp`)
    return unit === 1n ? (value as number | bigint) : BigInt(value as number | bigint) / unit
  }
}
