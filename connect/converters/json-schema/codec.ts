/**
 * JSON Schema for the converters of the schema registry: schemas of Connect as JSON Schemas, and values as JSON, by compiled encoders and
 * decoders. Whole numbers of any size keep all their digits.
 */
import type {
  CompiledReader,
  CompiledWriter,
  DescribedSchema,
  ResolvedSchema,
  SchemaCodec,
} from '../../schema-registry/registry-converter.ts'
import { DataError, parseExactly, type Schema } from '../../sdk/index.ts'
import { JsonSchemaDecoders } from './decode.ts'
import { JsonSchemaEncoders } from './encode.ts'
import { fromConnectSchema } from './from-connect-schema.ts'
import type { JsonSchemaOptions } from './json-schema-names.ts'
import { JsonSchemas } from './schema-node.ts'
import { ConnectJsonSchemaSchemas } from './to-connect-schema.ts'

const NO_INDEXES = Buffer.alloc(0)

export class JsonSchemaCodec implements SchemaCodec {
  readonly format = 'JSON'
  readonly label = 'JSON Schema'
  readonly #options: JsonSchemaOptions

  constructor(options: JsonSchemaOptions) {
    this.#options = options
  }

  isNothing(schema: Schema | null, value: unknown): boolean {
    if (value !== null && value !== undefined) return false
    if (!schema) return true
    return !schema.optional && (schema.default === undefined || schema.default === null || this.#options.ignoreDefaultForNullables)
  }

  describe(schema: Schema | null): DescribedSchema {
    if (!schema) throw new DataError('JsonSchemaConverter writes values with a schema only: use JsonConverter for others')
    const json = fromConnectSchema(schema, this.#options)
    return { schema: JSON.stringify(json), references: [], recordName: typeof json.title === 'string' ? json.title : null }
  }

  writer(schema: Schema | null, target: ResolvedSchema | null, strict: boolean): CompiledWriter {
    const encode = new JsonSchemaEncoders(this.#options).compile(schema!)
    if (target && strict) this.#check(schema!, target)
    return {
      indexes: NO_INDEXES,
      write(prefix, value) {
        const text = encode(value) ?? 'null'
        if (prefix.length === 0) return Buffer.from(text)
        const bytes = Buffer.allocUnsafe(prefix.length + Buffer.byteLength(text))
        prefix.copy(bytes)
        bytes.write(text, prefix.length)
        return bytes
      },
    }
  }

  /** Records of `schema` must have what the schema in the registry requires. */
  #check(schema: Schema, target: ResolvedSchema): void {
    const { required } = new JsonSchemas(target.schema, target.referenced).root
    if (!Array.isArray(required) || schema.type !== 'struct') return
    const missing = required.find((name) => !schema.fields!.some((field) => field.name === name))
    if (missing !== undefined) throw new DataError(`Incompatible schema: the required property ${missing} is not in the record`)
  }

  recordName(schema: ResolvedSchema): string | null {
    const { title } = new JsonSchemas(schema.schema, []).root
    return typeof title === 'string' ? title : null
  }

  reader(written: ResolvedSchema, ofWritten: number | null, latest: ResolvedSchema | null): CompiledReader {
    const schema = latest ?? written
    const version = latest ? latest.version : ofWritten
    const connectSchema = new ConnectJsonSchemaSchemas(new JsonSchemas(schema.schema, schema.referenced), this.#options).convert(version)
    const decode = new JsonSchemaDecoders().compile(connectSchema)
    return (bytes, offset) => {
      return { schema: connectSchema, value: decode(parseExactly(bytes.toString('utf8', offset), true)) }
    }
  }
}
