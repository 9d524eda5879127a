/**
 * TimestampConverter: converts a field, or the whole key or value, between texts, numbers and the types Date, Time and Timestamp. All
 * times are in UTC.
 */
import { realClock } from '../../core/system/clock.ts'
import { InvalidPattern } from '../sdk/date-format/pattern.ts'
import { SimpleDateFormat } from '../sdk/date-format/simple-date-format.ts'
import { DataError, defineKeyAndValueTransforms, type Schema, setting, TransformError } from '../sdk/index.ts'
import { type Fields, fieldOfMap, requireMap, requireStruct, setField } from './data/requirements.ts'
import { ConfigError, replaceNullWithDefault } from './data/settings.ts'
import { basicsOf, hasDefault, perSchema, schemaText, structBuilder, takenField } from './data/structs.ts'
import {
  readString,
  readUnix,
  schemaOfType,
  startOfDay,
  type TimeType,
  timeOfDay,
  timeTypeOf,
  timeTypeOfValue,
  timeTypes,
  type UnixPrecision,
  unixPrecisions,
  writeUnix,
} from './data/time-types.ts'

const PURPOSE = 'converting timestamp formats'
const oneOf = (values: readonly string[]) => (value: string) =>
  values.includes(value) ? undefined : `String must be one of: ${values.join(', ')}`

function formatOf(type: TimeType, pattern: string): SimpleDateFormat | null {
  if (type === 'string' && pattern.trim() === '')
    throw new ConfigError('TimestampConverter requires format option to be specified when using string timestamps')
  if (pattern.trim() === '') return null
  try {
    return new SimpleDateFormat(pattern, realClock.now())
  } catch (cause) {
    if (!(cause instanceof InvalidPattern)) throw cause
    throw new ConfigError(
      `TimestampConverter requires a SimpleDateFormat-compatible pattern for string timestamps: ${pattern}: ${cause.message}`,
      { cause },
    )
  }
}

type Convert = (value: unknown, type: TimeType) => unknown

/** Converts a value, which is not null, to the target type. */
function converter(target: TimeType, format: SimpleDateFormat | null, precision: UnixPrecision): Convert {
  const read = (value: unknown, type: TimeType): number => {
    if (type === 'string') return readString(value as string, format)
    return type === 'unix' ? readUnix(value as number | bigint, precision) : (value as Date).getTime()
  }
  const write: Readonly<Record<TimeType, (ms: number) => unknown>> = {
    string: (ms) => format!.format(ms),
    unix: (ms) => writeUnix(ms, precision),
    Date: startOfDay,
    Time: timeOfDay,
    Timestamp: (ms) => new Date(ms),
  }
  return (value, type) => write[target](read(value, type))
}

function typeOfSchema(schema: Schema): TimeType {
  const type = timeTypeOf(schema)
  if (type === undefined) throw new TransformError(`Schema ${schemaText(schema)} does not correspond to a known timestamp type format`)
  return type
}

export default defineKeyAndValueTransforms({
  class: 'org.apache.kafka.connect.transforms.TimestampConverter',
  doc: 'Converts timestamps between texts, Unix time and the types Date, Time and Timestamp: a field, or the whole key or value.',
  settings: {
    field: setting.string({ default: '', doc: 'The field; empty for the whole key or value.', importance: 'HIGH' }),
    'target.type': setting.string({
      doc: 'What timestamps are converted to: string, unix, Date, Time or Timestamp.',
      importance: 'HIGH',
      check: oneOf(timeTypes),
    }),
    format: setting.string({
      default: '',
      doc: 'How timestamps that are strings are written and read, a pattern of java.text.SimpleDateFormat. The time zone is UTC.',
    }),
    'unix.precision': setting.string({
      default: 'milliseconds',
      doc: 'What Unix time counts: seconds, milliseconds, microseconds or nanoseconds. Fractions of a millisecond are lost.',
      importance: 'LOW',
      check: oneOf(unixPrecisions),
    }),
    ...replaceNullWithDefault,
  },
  create(config, side) {
    const name = config.field
    const target = config['target.type'] as TimeType
    const convert = converter(target, formatOf(target, config.format), config['unix.precision'] as UnixPrecision)
    const orNull = (value: unknown, typeOf: () => TimeType) => (value === null || value === undefined ? null : convert(value, typeOf()))

    const ofSchema = perSchema((schema) => {
      if (!schema.fields) throw new DataError('Cannot list fields on non-struct type')
      const fields = schema.fields.map((field) => {
        if (field.name !== name) return takenField(field, config['replace.null.with.default'])
        // Kafka Connect looks at the schema of the field only where there is a struct.
        let type: TimeType | undefined
        const convertTime = (value: unknown) => {
          type ??= typeOfSchema(field.schema)
          return value === null ? null : convert(value, type)
        }
        const as = { name, schema: schemaOfType[target](field.schema.optional) }
        return takenField(field, config['replace.null.with.default'], { as, convert: convertTime })
      })
      const build = structBuilder(fields)
      const updated: Schema = {
        type: 'struct',
        optional: schema.optional,
        ...basicsOf(schema),
        fields: fields.map(({ name: of, schema: changed }) => ({ name: of, schema: changed })),
        ...(hasDefault(schema) && { default: build(schema.default as Fields) }),
      }
      return { updated, build }
    })

    return (record) => {
      const schema = side.schemaOf(record)
      const value = side.valueOf(record) ?? null
      if (schema === null) {
        if (value === null || name === '')
          return side.replace(
            record,
            null,
            orNull(value, () => timeTypeOfValue(value)),
          )
        const fields = { ...requireMap(value, PURPOSE) }
        const time = fieldOfMap(fields, name)
        setField(
          fields,
          name,
          orNull(time, () => timeTypeOfValue(time)),
        )
        return side.replace(record, null, fields)
      }
      if (name === '') {
        const type = typeOfSchema(schema)
        return side.replace(
          record,
          schemaOfType[target](schema.optional),
          orNull(value, () => type),
        )
      }
      const struct = value === null ? null : requireStruct(schema, value, PURPOSE)
      const { updated, build } = ofSchema(schema)
      return side.replace(record, updated, struct === null ? null : build(struct))
    }
  },
})
