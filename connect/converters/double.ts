/**
 * DoubleConverter: eight bytes, IEEE 754.
 */
import { schemas } from '../sdk/index.ts'
import { declarePrimitive, isNumber } from './primitive/declare.ts'

export default declarePrimitive<number>({
  name: 'Double',
  schema: schemas.float64({ optional: true }),
  sizeBytes: 8,
  accepts: isNumber,
  write: (bytes, value) => void bytes.writeDoubleBE(value),
  read: (bytes) => bytes.readDoubleBE(),
})
