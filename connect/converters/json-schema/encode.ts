/**
 * Writes values of Connect as JSON, as Confluent's JsonSchemaData does. The encoder of a schema is compiled once; it returns undefined for
 * a value that is left out. A value that does not fit is a DataError.
 */
import { DataError, logicalTypes, type Schema } from '../../sdk/index.ts'
import { arePlainNames, hotCode, literal } from '../../sdk/values/hot-code.ts'
import { bytesOf, digitsOf, fractionDigits, scaleOf, unscaled } from '../json/decimal.ts'
import { base64Text, describe, scalarEncoder } from '../json/scalars.ts'
import { hasNameKeys, isUnion, type JsonSchemaOptions } from './json-schema-names.ts'

export type Encode = (value: unknown) => string | undefined

const mismatch = (schema: Schema, value: unknown) => new DataError(`Invalid type for ${schema.type.toUpperCase()}: ${describe(value)}`)

export class JsonSchemaEncoders {
  readonly #options: JsonSchemaOptions
  readonly #known = new Map<Schema, Encode>()

  constructor(options: JsonSchemaOptions) {
    this.#options = options
  }

  compile(schema: Schema): Encode {
    const known = this.#known.get(schema)
    if (known) return known
    // A recursive schema calls itself through this function until its encoder is there.
    let compiled: Encode | null = null
    this.#known.set(schema, (value) => compiled!(value))
    compiled = this.#withNull(schema, this.#value(schema))
    this.#known.set(schema, compiled)
    return compiled
  }

  #withNull(schema: Schema, encode: Encode): Encode {
    const usesDefault = schema.default !== undefined && schema.default !== null && !this.#options.ignoreDefaultForNullables
    const ofNull = usesDefault ? encode(schema.default) : schema.optional ? 'null' : undefined
    return (value) => (value === null || value === undefined ? ofNull : encode(value))
  }

  #value(schema: Schema): Encode {
    if (schema.name === logicalTypes.decimal) return this.#decimal(schema)
    const scalar = scalarEncoder(schema, mismatch)
    if (scalar) return scalar
    switch (schema.type) {
      case 'array': {
        const element = this.compile(elementOf(schema.values))
        return (value) => {
          if (!Array.isArray(value)) throw mismatch(schema, value)
          return `[${value.map((item) => element(item) ?? 'null').join(',')}]`
        }
      }
      case 'map':
        return this.#map(schema)
      default:
        return isUnion(schema) ? this.#union(schema) : this.#struct(schema)
    }
  }

  #decimal(schema: Schema): Encode {
    const scale = scaleOf(schema)
    const numeric = this.#options.numericDecimals
    return (value) => {
      if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') throw mismatch(schema, value)
      const text = String(value)
      if (!numeric) return base64Text(bytesOf(unscaled(text, scale)))
      const own = fractionDigits(text)
      return digitsOf(unscaled(text, own), own)
    }
  }

  #map(schema: Schema): Encode {
    const key = this.compile(elementOf(schema.keys))
    const element = this.compile(elementOf(schema.values))
    const named = hasNameKeys(schema)
    return (value) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) throw mismatch(schema, value)
      const entries = value instanceof Map ? [...value] : Object.entries(value)
      if (named) return `{${entries.map(([name, item]) => `${key(name)}:${element(item) ?? 'null'}`).join(',')}}`
      return `[${entries.map(([name, item]) => `{"key":${key(name) ?? 'null'},"value":${element(item) ?? 'null'}}`).join(',')}]`
    }
  }

  /** A union of Connect is a struct of which one field is set. */
  #union(schema: Schema): Encode {
    const members = schema.fields!.map(({ name, schema: ofField }) => ({ name, encode: this.compile(ofField) }))
    return (value) => {
      if (typeof value !== 'object' || value === null) throw mismatch(schema, value)
      for (const { name, encode } of members) {
        const own = (value as Record<string, unknown>)[name]
        if (own !== null && own !== undefined) return encode(own)
      }
      return schema.optional ? 'null' : undefined
    }
  }

  #struct(schema: Schema): Encode {
    const fields = schema.fields!.map(({ name, schema: ofField }) => ({
      name,
      prefix: `${JSON.stringify(name)}:`,
      encode: this.compile(ofField),
    }))
    const inheritsFields = fields.some(({ name }) => name in Object.prototype)
    const required = (value: unknown): Record<string, unknown> => {
      if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) throw mismatch(schema, value)
      return value as Record<string, unknown>
    }
    const encodeStruct = (value: unknown): string => {
      const given = required(value)
      const struct = inheritsFields ? Object.assign(Object.create(null), given) : given
      let text = ''
      for (const { name, prefix, encode } of fields) {
        const own = encode(struct[name])
        if (own !== undefined) text += text === '' ? prefix + own : `,${prefix}${own}`
      }
      return `{${text}}`
    }
    if (!arePlainNames(fields.map(({ name }) => name))) return encodeStruct
    return hotCode(encodeStruct, [required, ...fields.map(({ encode }) => encode)], (part) => {
      const texts = fields.map(
        ({ name, prefix }, index) =>
          `own = ${part(index + 1)}(struct[${literal(name)}]); if (own !== undefined) text += (text === '' ? ${literal(prefix)} : ${literal(`,${prefix}`)}) + own;`,
      )
      return `const struct = ${part(0)}(given); let own; let text = ''; ${texts.join(' ')} return '{' + text + '}'`
    })
  }
}

function elementOf(schema: Schema | undefined): Schema {
  if (!schema) throw new DataError('an array or a map whose elements have no schema cannot be written with a JSON Schema')
  return schema
}
