/**
 * ShortConverter: two bytes, big endian.
 */
import { schemas } from '../sdk/index.ts'
import { declarePrimitive, isWhole } from './primitive/declare.ts'

export default declarePrimitive<number>({
  name: 'Short',
  schema: schemas.int16({ optional: true }),
  sizeBytes: 2,
  accepts: isWhole(16),
  write: (bytes, value) => void bytes.writeInt16BE(value),
  read: (bytes) => bytes.readInt16BE(),
})
