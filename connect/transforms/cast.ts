/**
 * Cast: gives fields, or the whole key or value, another primitive type. The caster of a field is built once for its schema; numbers
 * narrow, and texts are written and read, as in Java.
 */
import {
  DataError,
  defineKeyAndValueTransforms,
  InvalidSetting,
  logicalTypes,
  type Schema,
  type SchemaType,
  setting,
} from '../sdk/index.ts'
import { dateText, decimalText, doubleText, floatText } from '../sdk/values/java-text.ts'
import { storedDate } from '../sdk/values/stored-dates.ts'
import { cutOff, lowBits, nearestFloat, parseDouble, parseWhole, type Whole, wholeOf, wholePartOf } from './data/java-numbers.ts'
import { type Fields, fieldOfMap, isWhole, javaClass, requireMap, requireStruct, setField, typeOf } from './data/requirements.ts'
import { colonParts, replaceNullWithDefault } from './data/settings.ts'
import { basicsOf, checkedFields, hasDefault, perSchema, SchemaBuilderError, structBuilder, takenField } from './data/structs.ts'

const PURPOSE = 'cast types'
const TARGETS = ['int8', 'int16', 'int32', 'int64', 'float32', 'float64', 'boolean', 'string'] as const
type Target = (typeof TARGETS)[number]
const SOURCES: readonly SchemaType[] = [...TARGETS, 'bytes']
const TYPES: readonly SchemaType[] = [...SOURCES, 'array', 'map', 'struct']

const shown = (types: readonly string[]) => `[${types.join(', ').toUpperCase()}]`

/** The type of the whole key or value, or of fields by their names. */
interface Casts {
  readonly whole: Target | undefined
  readonly fields: ReadonlyMap<string, Target>
}

const wrong = (message: string) => InvalidSetting.saying('spec', message)

function targetOf(text: string): Target {
  const name = text.trim()
  const type = name.toLowerCase() as SchemaType
  if (!TYPES.includes(type))
    throw wrong(
      `Invalid value java.lang.IllegalArgumentException: No enum constant org.apache.kafka.connect.data.Schema.Type.${name.toUpperCase()} ` +
        `for configuration Invalid type found in casting spec: ${name}`,
    )
  if (!(TARGETS as readonly string[]).includes(type))
    throw wrong(`Cast transformation does not support casting to ${type.toUpperCase()}; supported types are ${shown(TARGETS)}`)
  return type as Target
}

function parseSpec(spec: readonly string[]): Casts {
  if (spec.length === 0) throw wrong('Must specify at least one field to cast.')
  const fields = new Map<string, Target>()
  let whole: Target | undefined
  for (const mapping of spec) {
    const parts = colonParts(mapping)
    if (parts.length > 2) throw wrong(`Invalid value [${spec.join(', ')}] for configuration renames: Invalid rename mapping: ${mapping}`)
    if (parts.length === 2) fields.set(parts[0]!.trim(), targetOf(parts[1]!))
    else whole = targetOf(parts[0] ?? '')
  }
  if (whole !== undefined && spec.length > 1)
    throw wrong('Cast transformations that specify a type to cast the entire value to may only specify a single cast in their spec')
  return { whole, fields }
}

function checkSpec(spec: readonly string[]): InvalidSetting | undefined {
  try {
    parseSpec(spec)
    return undefined
  } catch (error) {
    if (error instanceof InvalidSetting) return error
    throw error
  }
}

type CastValue = (value: unknown) => unknown

const bitsOf = { int8: 8, int16: 16, int32: 32, int64: 64 } as const
const isWholeTarget = (target: Target): target is keyof typeof bitsOf => target in bitsOf

function fromWhole(target: Target): (value: Whole) => unknown {
  if (isWholeTarget(target)) return (value) => lowBits(value, bitsOf[target])
  if (target === 'float32') return nearestFloat
  if (target === 'float64') return Number
  return target === 'string' ? String : (value) => lowBits(value, 64) !== 0
}

function fromFloating(target: Target, text: (value: number) => string): (value: number) => unknown {
  if (isWholeTarget(target)) return (value) => cutOff(value, bitsOf[target])
  if (target === 'float32') return Math.fround
  if (target === 'float64') return (value) => value
  return target === 'string' ? text : (value) => cutOff(value, 64) !== 0
}

function fromDecimal(target: Target, schema: Schema): (value: string) => unknown {
  const scale = Number(schema.parameters?.scale ?? 0)
  if (target === 'string') return (value) => decimalText(value, scale)
  if (target === 'float32') return (value) => Math.fround(Number(value))
  if (target === 'float64') return Number
  const whole = (value: string): bigint => {
    const part = wholePartOf(value)
    if (part === undefined) throw new DataError(`not a decimal: ${value}`)
    return part
  }
  if (target === 'boolean') return (value) => whole(value) !== 0n
  return (value) => lowBits(wholeOf(whole(value)), bitsOf[target])
}

function fromString(target: Target): (value: string) => unknown {
  if (target === 'string') return (value) => value
  if (target === 'boolean') return (value) => value.toLowerCase() === 'true'
  const parse = isWholeTarget(target)
    ? (value: string) => parseWhole(value, bitsOf[target])
    : target === 'float64'
      ? parseDouble
      : (value: string) => {
          const number = parseDouble(value)
          return number === undefined ? undefined : Math.fround(number)
        }
  return (value) => {
    const parsed = parse(value)
    if (parsed === undefined) throw new DataError(`Value (${value}) was out of range for requested data type`)
    return parsed
  }
}

function fromBoolean(target: Target): (value: boolean) => unknown {
  if (target === 'boolean') return (value) => value
  return target === 'string' ? String : Number
}

function fromBytes(target: Target): (value: Uint8Array) => unknown {
  if (target === 'string') return (value) => Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  return (value) => {
    throw new DataError(`Unexpected type in Cast transformation: class ${javaClass(null, value)}`)
  }
}

const DATES: readonly (string | undefined)[] = [logicalTypes.date, logicalTypes.time, logicalTypes.timestamp]

function fromDate(target: Target, name: string | undefined): CastValue {
  if (target === 'string') return (value) => (value instanceof Date ? dateText(value) : String(value))
  const cast = fromWhole(target)
  return (value) => cast(value instanceof Date ? storedDate(name, value) : (value as number))
}

const unsupported = (type: SchemaType) =>
  new DataError(`Cast transformation does not support casting from ${type.toUpperCase()}; supported types are ${shown(SOURCES)}`)

function casterWithSchema(schema: Schema, target: Target): CastValue {
  if (!SOURCES.includes(schema.type))
    return () => {
      throw unsupported(schema.type)
    }
  if (schema.name === logicalTypes.decimal) return fromDecimal(target, schema) as CastValue
  if (DATES.includes(schema.name)) return fromDate(target, schema.name)
  switch (schema.type) {
    case 'float32': {
      // A converter may give a double that is not yet rounded.
      const cast = fromFloating(target, floatText)
      return (value) => cast(Math.fround(value as number))
    }
    case 'float64':
      return fromFloating(target, doubleText) as CastValue
    case 'boolean':
      return fromBoolean(target) as CastValue
    case 'string':
      return fromString(target) as CastValue
    case 'bytes':
      return fromBytes(target) as CastValue
    default:
      return fromWhole(target) as CastValue
  }
}

/** Of null comes null. */
function casterOf(schema: Schema, target: Target): CastValue {
  const cast = casterWithSchema(schema, target)
  return (value) => (value === null || value === undefined ? null : cast(value))
}

function casterWithoutSchema(target: Target): CastValue {
  const [ofWhole, ofFloating, ofString, ofBoolean, ofBytes] = [
    fromWhole(target),
    fromFloating(target, doubleText),
    fromString(target),
    fromBoolean(target),
    fromBytes(target),
  ]
  return (value) => {
    if (value === null || value === undefined) return null
    if (typeof value === 'string') return ofString(value)
    if (typeof value === 'boolean') return ofBoolean(value)
    if (isWhole(value)) return ofWhole(value)
    if (typeof value === 'number') return ofFloating(value)
    if (value instanceof Uint8Array) return ofBytes(value)
    const type = typeOf(null, value)
    if (type !== undefined) throw unsupported(type)
    throw new DataError(
      `Cast transformation was passed a value of type class ${javaClass(null, value)} which is not supported by Connect's data API`,
    )
  }
}

/** The schema of the whole key or value after its cast, which keeps its name. */
function wholeSchema(schema: Schema, target: Target): Schema {
  const changed: Schema = { type: target, optional: schema.optional, ...basicsOf(schema) }
  if (!hasDefault(schema)) return changed
  // A logical type's name stays, but no number or text is a value of that type.
  const fallback = casterOf(schema, target)(schema.default)
  if (schema.name !== undefined && (Object.values(logicalTypes) as string[]).includes(schema.name))
    throw new SchemaBuilderError('Invalid default value')
  return { ...changed, default: fallback }
}

function castSchema(schema: Schema, target: Target): Schema {
  const changed: Schema = { type: target, optional: schema.optional }
  return hasDefault(schema) ? { ...changed, default: casterOf(schema, target)(schema.default) } : changed
}

export default defineKeyAndValueTransforms({
  class: 'org.apache.kafka.connect.transforms.Cast',
  doc: 'Casts fields, or the whole key or value, to another primitive type.',
  settings: {
    spec: setting.list({
      doc:
        'The fields and their types, as field:type, or one type for the whole key or value: int8, int16, int32, int64, float32, float64, ' +
        'boolean or string. Bytes can only be cast to string, in base64.',
      importance: 'HIGH',
      check: checkSpec,
    }),
    ...replaceNullWithDefault,
  },
  create(config, side) {
    const { whole, fields } = parseSpec(config.spec)
    const withDefaults = config['replace.null.with.default']

    const ofWhole = (target: Target) => perSchema((schema) => ({ schema: wholeSchema(schema, target), cast: casterOf(schema, target) }))

    const ofStruct = perSchema((schema) => {
      if (schema.type !== 'struct') throw new DataError('Cannot list fields on non-struct type')
      const sources = schema.fields!.map((field) => {
        const target = fields.get(field.name)
        if (target === undefined) return takenField(field, withDefaults)
        const as = { name: field.name, schema: castSchema(field.schema, target) }
        return takenField(field, withDefaults, { as, convert: casterOf(field.schema, target) })
      })
      const changed: Schema = {
        type: 'struct',
        optional: schema.optional,
        ...basicsOf(schema),
        fields: checkedFields(sources.map(({ name, schema: of }) => ({ name, schema: of }))),
      }
      if (hasDefault(schema)) throw unsupported('struct')
      return { schema: changed, build: structBuilder(sources) }
    })

    const castSchemaless = [...fields].map(([name, target]) => ({ name, cast: casterWithoutSchema(target) }))
    const castWhole = whole && { schemaless: casterWithoutSchema(whole), withSchema: ofWhole(whole) }

    return (record) => {
      const value = side.valueOf(record)
      if (value === null || value === undefined) return record
      const schema = side.schemaOf(record)
      if (castWhole) {
        if (schema === null) return side.replace(record, null, castWhole.schemaless(value))
        const { schema: changed, cast } = castWhole.withSchema(schema)
        return side.replace(record, changed, cast(value))
      }
      if (schema === null) {
        const map = requireMap(value, PURPOSE)
        const changed: Fields = { ...map }
        for (const { name, cast } of castSchemaless) setField(changed, name, cast(fieldOfMap(map, name)))
        return side.replace(record, null, changed)
      }
      const { schema: changed, build } = ofStruct(schema)
      return side.replace(record, changed, build(requireStruct(schema, value, PURPOSE)))
    }
  },
})
