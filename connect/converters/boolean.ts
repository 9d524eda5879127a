/**
 * BooleanConverter: one byte, 1 for true and 0 for false.
 */
import { DataError, schemas } from '../sdk/index.ts'
import { declarePrimitive } from './primitive/declare.ts'

export default declarePrimitive<boolean>({
  name: 'Boolean',
  schema: schemas.boolean({ optional: true }),
  sizeBytes: 1,
  accepts: (value) => typeof value === 'boolean',
  write: (bytes, value) => void bytes.writeInt8(value ? 1 : 0),
  read(bytes) {
    const byte = bytes[0]!
    if (byte > 1) throw new DataError(`Failed to deserialize boolean: the byte is ${byte}, neither 0 nor 1`)
    return byte === 1
  },
})
