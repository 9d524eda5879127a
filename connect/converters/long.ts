/**
 * LongConverter: eight bytes, big endian. A number where it is exact, else a bigint.
 */
import { schemas } from '../sdk/index.ts'
import { declarePrimitive } from './primitive/declare.ts'

export default declarePrimitive<number | bigint>({
  name: 'Long',
  schema: schemas.int64({ optional: true }),
  sizeBytes: 8,
  accepts: (value): value is number | bigint =>
    typeof value === 'bigint' ? BigInt.asIntN(64, value) === value : Number.isSafeInteger(value),
  write: (bytes, value) => void bytes.writeBigInt64BE(BigInt(value)),
  read(bytes) {
    const value = bytes.readBigInt64BE()
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  },
})
