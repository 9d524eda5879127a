/**
 * Whether a record may be in an object that began with another schema, as `schema.compatibility` says: the rules of Confluent's sinks. With
 * NONE any other schema begins new objects; with the other modes a record is projected to the schema of its object where it can be. Pure.
 */
import { type Schema, UnwritableRecord } from '../../connect/sdk/index.ts'

export type CompatibilityMode = 'NONE' | 'BACKWARD' | 'FORWARD' | 'FULL'
export type SchemaVerdict = 'same' | 'project' | 'rotate'

const equalities = new WeakMap<Schema, WeakMap<Schema, boolean>>()

/** Equal as Connect's schemas are: type, optional, name, version, doc, parameters, default, fields and what is below them. */
export function isEqual(a: Schema, b: Schema): boolean {
  if (a === b) return true
  let known = equalities.get(a)
  if (!known) equalities.set(a, (known = new WeakMap()))
  let equal = known.get(b)
  if (equal === undefined) known.set(b, (equal = JSON.stringify(a, plain) === JSON.stringify(b, plain)))
  return equal
}

/** Parameters in any order are equal, and so are an absent and an undefined property. */
function plain(this: unknown, name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (name === 'parameters' && value) return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  const isSchema = typeof value === 'object' && value !== null && 'type' in value && 'optional' in value
  if (!isSchema) return value
  const { type, optional, name: own, version, doc, parameters, default: fallback, fields, keys, values } = value as Schema
  return [
    type,
    optional,
    own ?? null,
    version ?? null,
    doc ?? null,
    { parameters },
    fallback ?? null,
    fields ?? null,
    keys ?? null,
    values ?? null,
  ]
}

/** Throws UnwritableRecord where the mode needs versions that the schemas have not. */
export function schemaVerdict(mode: CompatibilityMode, current: Schema | null, next: Schema | null): SchemaVerdict {
  if (current === next) return 'same'
  if (current === null || next === null) return 'rotate'
  if (isEqual(current, next)) return 'same'
  if (mode === 'NONE') return 'rotate'
  if (current.version === undefined || next.version === undefined)
    throw new UnwritableRecord(`its schema or that of its object has no version, which schema.compatibility=${mode} needs`)
  const isOrdered = mode === 'FORWARD' ? next.version >= current.version : next.version <= current.version
  return isOrdered && canProject(next, current) ? 'project' : 'rotate'
}

const numbers = ['int8', 'int16', 'int32', 'int64', 'float32', 'float64']
const isPromotable = (from: Schema, to: Schema): boolean =>
  numbers.includes(from.type) && numbers.indexOf(from.type) <= numbers.indexOf(to.type)

/** Parameters that only describe: documentation, aliases and the namespace, as Avro's converter stores them. */
const DESCRIPTIVE = /^(?:connect[.]record[.](?:doc|aliases|namespace)|io[.]confluent[.]connect[.]avro[.]field[.]doc[.].*)$/
/** Parameters that the converters of Avro and Protobuf give to an enum. */
const OF_ENUMS = ['org.apache.kafka.connect.data.Enum', 'io.confluent.connect.avro.Enum', 'io.confluent.connect.protobuf.Enum']

const parametersOf = ({ parameters }: Schema) => new Map(Object.entries(parameters ?? {}).filter(([name]) => !DESCRIPTIVE.test(name)))
const isEnum = ({ parameters }: Schema): boolean => parameters !== undefined && OF_ENUMS.some((name) => name in parameters)

/** An enum fits one that has further symbols. */
function parametersFit(from: Schema, to: Schema): boolean {
  const own = parametersOf(from)
  const needed = parametersOf(to)
  const isContained = [...own].every(([name, value]) => needed.get(name) === value)
  return isContained && (own.size === needed.size || (isEnum(from) && isEnum(to)))
}

/** Whether each value of one schema can be one of another: where it cannot, the record begins new objects and is not lost. */
function canProject(from: Schema, to: Schema): boolean {
  if (from.type !== to.type && !isPromotable(from, to)) return false
  if (from.name !== to.name || !parametersFit(from, to)) return false
  if (from.optional && !takesNothing(to)) return false
  if (from.type === 'struct')
    return to.fields!.every(({ name, schema }) => {
      const own = from.fields!.find((field) => field.name === name)
      return own ? canProject(own.schema, schema) : takesNothing(schema)
    })
  return (!from.keys || !to.keys || canProject(from.keys, to.keys)) && (!from.values || !to.values || canProject(from.values, to.values))
}

const hasDefault = (schema: Schema): boolean => schema.default !== undefined && schema.default !== null
const takesNothing = (schema: Schema): boolean => schema.optional || hasDefault(schema)

/** A value of one schema as one of another. Throws UnwritableRecord where a field that must have a value has none. */
export function project(value: unknown, from: Schema, to: Schema): unknown {
  if (from === to) return value
  if (value === null || value === undefined) {
    if (hasDefault(to)) return to.default
    if (to.optional) return null
    throw new UnwritableRecord('it lacks a value that the schema of its object needs')
  }
  if (to.type === 'struct') {
    const fields = value as Readonly<Record<string, unknown>>
    return Object.fromEntries(
      to.fields!.map(({ name, schema }) => {
        const own = from.fields!.find((field) => field.name === name)
        if (own) return [name, project(fields[name], own.schema, schema)]
        if (hasDefault(schema)) return [name, schema.default]
        if (schema.optional) return [name, null]
        throw new UnwritableRecord(`it lacks the field ${name} of its object's schema, which has no default`)
      }),
    )
  }
  if (to.type === 'array') return (value as unknown[]).map((item) => project(item, from.values!, to.values!))
  if (to.type === 'map') {
    const entries = value instanceof Map ? [...value] : Object.entries(value as object)
    const projected = entries.map(([key, item]) => [key, project(item, from.values!, to.values!)] as const)
    return value instanceof Map ? new Map(projected) : Object.fromEntries(projected)
  }
  return from.type.startsWith('int') && to.type.startsWith('float') ? Number(value) : value
}
