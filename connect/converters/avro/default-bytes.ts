/**
 * The default of a field as Avro writes it, for records that were written without the field. Of a union it is a value of the first type
 * that it fits: earlier versions of Avro allowed a default of any.
 */
import { DataError } from '../../sdk/index.ts'
import type { AvroType, UnionType } from './avro-type.ts'
import { AvroWriter } from './binary.ts'

type Json = Readonly<Record<string, unknown>>

const NO_BYTES = Buffer.alloc(0)
const notNumbers = new Set<unknown>(['NaN', 'Infinity', '-Infinity'])

function written(write: (to: AvroWriter) => void): Buffer {
  const to = new AvroWriter()
  to.start(NO_BYTES)
  write(to)
  return to.finish()
}

const isObject = (json: unknown): json is Json => typeof json === 'object' && json !== null && !Array.isArray(json)
const long = (value: number): Buffer => written((to) => to.long(value))
const block = (items: readonly Buffer[]): Buffer => Buffer.concat([...(items.length > 0 ? [long(items.length)] : []), ...items, long(0)])

/** `json` is what the schema has; `name` is that of the field. Throws DataError where the default does not fit its type. */
export function defaultBytes(type: AvroType, json: unknown, name: string): Buffer {
  switch (type.type) {
    case 'null':
      if (json === null) return NO_BYTES
      break
    case 'boolean':
      if (typeof json === 'boolean') return Buffer.from([json ? 1 : 0])
      break
    case 'int':
    case 'long':
      if (Number.isInteger(json)) return long(json as number)
      break
    case 'float':
    case 'double':
      if (typeof json === 'number' || notNumbers.has(json))
        return written((to) => (type.type === 'float' ? to.float(Number(json)) : to.double(Number(json))))
      break
    case 'string':
      if (typeof json === 'string') return written((to) => to.text(json))
      break
    case 'bytes':
      if (typeof json === 'string') return written((to) => to.bytes(Buffer.from(json, 'latin1')))
      break
    case 'fixed':
      if (typeof json === 'string' && json.length === type.size) return Buffer.from(json, 'latin1')
      break
    case 'enum':
      if (typeof json === 'string' && type.symbols.includes(json)) return long(type.symbols.indexOf(json))
      break
    case 'array':
      if (Array.isArray(json)) return block(json.map((item) => defaultBytes(type.items, item, name)))
      break
    case 'map':
      if (isObject(json))
        return block(
          Object.entries(json).map(([key, item]) => Buffer.concat([written((to) => to.text(key)), defaultBytes(type.values, item, name)])),
        )
      break
    case 'record':
      if (isObject(json))
        return Buffer.concat(
          type.fields.map((field) => defaultBytes(field.type, json[field.name] ?? field.default, `${name}.${field.name}`)),
        )
      break
    case 'union':
      return ofUnion(type, json, name)
  }
  throw new DataError(`the default of the field ${name} is no ${type.type}`)
}

function ofUnion({ types }: UnionType, json: unknown, name: string): Buffer {
  for (const [index, type] of types.entries()) {
    try {
      return Buffer.concat([long(index), defaultBytes(type, json, name)])
    } catch (error) {
      if (!(error instanceof DataError)) throw error
    }
  }
  throw new DataError(`the default of the field ${name} fits no type of its union`)
}
