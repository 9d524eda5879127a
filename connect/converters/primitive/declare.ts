/**
 * Declares the converters of primitive types, as Kafka's serializers write them: big endian, in as many bytes as the type has.
 */
import { type Converter, converterType, DataError, defineConverter, logicalTypes, type Schema } from '../../sdk/index.ts'

export interface Primitive<T> {
  /** The name of the converter without its suffix: `Long` for LongConverter. */
  name: string
  schema: Schema
  sizeBytes: number
  accepts(value: unknown): value is T
  write(bytes: Buffer, value: T): void
  read(bytes: Buffer): T
}

export const declarePrimitive = <T>(primitive: Primitive<T>) =>
  defineConverter({
    class: `org.apache.kafka.connect.converters.${primitive.name}Converter`,
    doc: `One ${primitive.schema.type} in ${primitive.sizeBytes} bytes.`,
    settings: {
      'converter.type': converterType,
    },
    create: (): Converter => ({
      fromConnect(_topic, schema, value) {
        if (value === null || value === undefined) return null
        // Kafka's serializers know Java's classes: that of a logical type is another one. A number without a schema may have any type.
        if (!primitive.accepts(value) || (schema && (schema.type !== primitive.schema.type || isLogical(schema))))
          throw new DataError(`Failed to serialize to ${primitive.name.toLowerCase()}: a ${typeof value} was given`)
        const bytes = Buffer.allocUnsafe(primitive.sizeBytes)
        primitive.write(bytes, value)
        return bytes
      },
      toConnect(_topic, bytes) {
        if (bytes === null) return { schema: primitive.schema, value: null }
        if (bytes.length !== primitive.sizeBytes)
          throw new DataError(`Failed to deserialize ${primitive.name.toLowerCase()}: ${bytes.length} bytes, not ${primitive.sizeBytes}`)
        return { schema: primitive.schema, value: primitive.read(bytes) }
      },
    }),
  })

const isLogical = ({ name }: Schema) => Object.values<string | undefined>(logicalTypes).includes(name)

export const isWhole =
  (bits: number) =>
  (value: unknown): value is number =>
    typeof value === 'number' && Number.isInteger(value) && value >= -(2 ** (bits - 1)) && value < 2 ** (bits - 1)

export const isNumber = (value: unknown): value is number => typeof value === 'number'
