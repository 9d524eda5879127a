/**
 * ByteArrayConverter: bytes, unchanged.
 */
import { type Converter, converterType, DataError, defineConverter, schemas } from '../sdk/index.ts'

const optionalBytes = schemas.bytes({ optional: true })

export default defineConverter({
  class: 'org.apache.kafka.connect.converters.ByteArrayConverter',
  doc: 'Bytes, unchanged.',
  settings: {
    'converter.type': converterType,
  },
  create: (): Converter => ({
    fromConnect(_topic, schema, value) {
      if (schema && schema.type !== 'bytes') throw new DataError(`Invalid schema type for ByteArrayConverter: ${schema.type.toUpperCase()}`)
      if (value === null || value === undefined) return null
      if (Buffer.isBuffer(value)) return value
      if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      throw new DataError(`ByteArrayConverter is not compatible with objects of type ${typeof value}`)
    },
    toConnect: (_topic, bytes) => ({ schema: optionalBytes, value: bytes }),
  }),
})
