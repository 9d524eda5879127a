/**
 * MaskField: replaces the values of fields by nothing of their type (0, false, an empty text), or by a given value. The schema stays. Null
 * stays null.
 */
import { DataError, defineKeyAndValueTransforms, InvalidSetting, logicalTypes, type Schema, setting } from '../sdk/index.ts'
import { isDecimal, lowBits, wholeOf, wholePartOf } from './data/java-numbers.ts'
import { type Fields, fieldOfMap, javaClass, requireMap, requireStruct, setField, typeOf } from './data/requirements.ts'
import { replaceNullWithDefault, requiredNames } from './data/settings.ts'
import { perSchema, structBuilder, takenField } from './data/structs.ts'

const PURPOSE = 'mask fields'

type Mask = (value: unknown) => unknown

const nothing: Readonly<Partial<Record<Schema['type'], () => unknown>>> = {
  int8: () => 0,
  int16: () => 0,
  int32: () => 0,
  int64: () => 0,
  float32: () => 0,
  float64: () => 0,
  boolean: () => false,
  string: () => '',
  array: () => [],
  map: () => ({}),
}

function maskWithNothing(schema: Schema | null): Mask {
  switch (schema?.name) {
    case logicalTypes.decimal:
      return () => '0'
    case logicalTypes.date:
    case logicalTypes.time:
    case logicalTypes.timestamp:
      return () => new Date(0)
  }
  return (value) => {
    if (schema === null && value instanceof Date) return new Date(0)
    const make = nothing[typeOf(schema, value)!]
    if (!make) throw new DataError(`Cannot mask value of type: class ${javaClass(schema, value)}`)
    return make()
  }
}

const unable = (text: string, what: string) => new DataError(`Unable to convert ${text} (class java.lang.String) to ${what}`)

/** The replacement in each type that can have one. Each is converted once. */
function replacements(text: string): Mask {
  const whole = wholePartOf(text)
  const long = whole === undefined ? undefined : wholeOf(whole)
  const number = whole === undefined ? undefined : Number(text)
  const values: Readonly<Partial<Record<Schema['type'], unknown>>> = {
    int8: long === undefined ? undefined : lowBits(long, 8),
    int16: long === undefined ? undefined : lowBits(long, 16),
    int32: long === undefined ? undefined : lowBits(long, 32),
    int64: long,
    float32: number === undefined ? undefined : Math.fround(number),
    float64: number,
    string: text,
  }
  return (type) => {
    if (!Object.hasOwn(values, type as string)) return undefined
    const value = values[type as Schema['type']]
    if (value === undefined) throw unable(text, 'a number')
    return value
  }
}

function maskWith(text: string): (schema: Schema | null) => Mask {
  const replacement = replacements(text)
  return (schema) => {
    if (schema?.name === logicalTypes.decimal)
      return () => {
        if (!isDecimal(text)) throw unable(text, 'number')
        return text
      }
    const logical = schema?.name !== undefined && (Object.values(logicalTypes) as string[]).includes(schema.name)
    return (value) => {
      const masked = logical ? undefined : replacement(typeOf(schema, value))
      if (masked === undefined) throw new DataError(`Cannot mask value of type class ${javaClass(schema, value)} with custom replacement.`)
      return masked
    }
  }
}

export default defineKeyAndValueTransforms({
  class: 'org.apache.kafka.connect.transforms.MaskField',
  doc: 'Replaces the values of fields by nothing of their type (0, false, an empty text), or by a given value.',
  settings: {
    fields: requiredNames('fields', 'The names of the fields.'),
    replacement: setting.string({
      default: null,
      doc: 'The value that fields of numbers and texts get instead.',
      importance: 'LOW',
      check: (text) =>
        text === ''
          ? InvalidSetting.saying('replacement', 'Invalid value  for configuration replacement: String must be non-empty')
          : undefined,
    }),
    ...replaceNullWithDefault,
  },
  create(config, side) {
    const masked = new Set(config.fields)
    const maskOf = config.replacement === null ? maskWithNothing : maskWith(config.replacement)
    const orNull =
      (mask: Mask): Mask =>
      (value) =>
        value === null || value === undefined ? null : mask(value)
    const maskSchemaless = orNull(maskOf(null))
    const ofSchema = perSchema((schema) =>
      structBuilder<Fields>(
        schema.fields!.map((field) => {
          const convert = masked.has(field.name) ? orNull(maskOf(field.schema)) : undefined
          return takenField(field, config['replace.null.with.default'], { convert })
        }),
      ),
    )
    return (record) => {
      const schema = side.schemaOf(record)
      const value = side.valueOf(record)
      if (schema !== null) {
        const struct = requireStruct(schema, value, PURPOSE)
        return side.replace(record, schema, ofSchema(schema)(struct))
      }
      const map = requireMap(value, PURPOSE)
      const changed: Fields = { ...map }
      for (const name of masked) setField(changed, name, maskSchemaless(fieldOfMap(map, name)))
      return side.replace(record, null, changed)
    }
  },
})
