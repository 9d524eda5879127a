/**
 * Where a record says which schema it has: a magic byte and an id before the data, or a GUID in a header, as Confluent's serializers write
 * both. In Protobuf the indexes of the message follow. Pure.
 */
import { type ConvertedHeader, DataError } from '../sdk/index.ts'

const PACKAGE = 'io.confluent.kafka.serializers.schema.id'
export const idSerializers = { prefix: `${PACKAGE}.PrefixSchemaIdSerializer`, header: `${PACKAGE}.HeaderSchemaIdSerializer` } as const

/** Which of the two is read: both, or the id before the data alone. */
export const idDeserializers = { dual: `${PACKAGE}.DualSchemaIdDeserializer`, prefix: `${PACKAGE}.PrefixSchemaIdDeserializer` } as const

const MAGIC_ID = 0
const MAGIC_GUID = 1
/** The magic byte and the id. */
export const PREFIX_BYTES = 5
const GUID_BYTES = 17

export const idHeader = (isKey: boolean): string => (isKey ? '__key_schema_id' : '__value_schema_id')

/** `id` or `guid`, and where the data begins, or in Protobuf the indexes. */
export type SchemaReference =
  | { readonly id: number; readonly guid: null; readonly offset: number; readonly indexes: null }
  | { readonly id: null; readonly guid: string; readonly offset: number; readonly indexes: Buffer }

const guidText = (bytes: Buffer): string => {
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** The header of the record that has the GUID; undefined where there is none. */
export function guidIn(headers: readonly ConvertedHeader[] | undefined, isKey: boolean): SchemaReference | undefined {
  if (headers === undefined || headers.length === 0) return undefined
  const name = idHeader(isKey)
  const header = headers.findLast(({ key }) => key === name)
  if (!header?.value) return undefined
  const { value } = header
  if (value[0] !== MAGIC_GUID || value.length < GUID_BYTES) throw new DataError(`the header ${name} has no GUID of a schema`)
  return { id: null, guid: guidText(value.subarray(1, GUID_BYTES)), offset: 0, indexes: value.subarray(GUID_BYTES) }
}

/** The id before the data. Throws DataError where the bytes have none. */
export function idIn(bytes: Buffer): number {
  if (bytes.length < PREFIX_BYTES || bytes[0] !== MAGIC_ID)
    throw new DataError('Unknown magic byte! The record was not written with a schema of a schema registry.')
  return bytes.readInt32BE(1)
}

export function idPrefix(id: number, indexes: Buffer): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES + indexes.length)
  prefix.writeInt32BE(id, 1)
  indexes.copy(prefix, PREFIX_BYTES)
  return prefix
}

export function guidBytes(guid: string, indexes: Buffer): Buffer {
  const hex = guid.replaceAll('-', '')
  if (!/^[0-9a-f]{32}$/i.test(hex)) throw new DataError(`the schema registry responded with ${guid}, which is no GUID`)
  return Buffer.concat([Buffer.from([MAGIC_GUID]), Buffer.from(hex, 'hex'), indexes])
}
