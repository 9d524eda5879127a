/**
 * FloatConverter: four bytes, IEEE 754.
 */
import { schemas } from '../sdk/index.ts'
import { declarePrimitive, isNumber } from './primitive/declare.ts'

export default declarePrimitive<number>({
  name: 'Float',
  schema: schemas.float32({ optional: true }),
  sizeBytes: 4,
  accepts: isNumber,
  write: (bytes, value) => void bytes.writeFloatBE(value),
  read: (bytes) => bytes.readFloatBE(),
})
