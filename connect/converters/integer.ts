/**
 * IntegerConverter: four bytes, big endian.
 */
import { schemas } from '../sdk/index.ts'
import { declarePrimitive, isWhole } from './primitive/declare.ts'

export default declarePrimitive<number>({
  name: 'Integer',
  schema: schemas.int32({ optional: true }),
  sizeBytes: 4,
  accepts: isWhole(32),
  write: (bytes, value) => void bytes.writeInt32BE(value),
  read: (bytes) => bytes.readInt32BE(),
})
