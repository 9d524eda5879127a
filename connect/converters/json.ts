/**
 * JsonConverter: JSON, plain or in Kafka Connect's envelope of schema and payload. Whole numbers of any size keep all their digits; what
 * contradicts its schema is a DataError.
 */
import { type Converter, converterType, DataError, defineConverter, type Schema, type SchemaAndValue, setting } from '../sdk/index.ts'
import { decoder, keepsDigits, payloadReader } from './json/decode.ts'
import { type Encode, type EncodeOptions, encoder, encodeSchemaless } from './json/encode.ts'
import { checkNesting, MAX_NESTING, parseJson, textOf } from './json/parse.ts'
import { envelopePrefix, schemaOf } from './json/schema.ts'
import { SchemaCache } from './json/schema-cache.ts'

const NULL_VALUE: SchemaAndValue = { schema: null, value: null }
const NOT_AN_ENVELOPE =
  'JsonConverter with schemas.enable requires "schema" and "payload" fields and may not contain additional fields. ' +
  'If you are trying to deserialize plain JSON data, set schemas.enable=false in your converter configuration.'

/** A byte order mark is not. */
const isBlank = (text: string): boolean => /^[ \t\n\r]*$/.test(text)

const CLOSING_BRACE = 0x7d

/** Reads envelopes. Of a record whose schema is known only the payload is parsed. */
class EnvelopeReader {
  readonly #cache: SchemaCache
  readonly #replace: boolean

  constructor(replace: boolean, cacheSize: number) {
    this.#replace = replace
    this.#cache = new SchemaCache(cacheSize, (schema) => payloadReader(schema, replace))
  }

  read(bytes: Buffer): SchemaAndValue {
    const cached = this.#cache.find(bytes)
    if (cached && bytes[bytes.length - 1] === CLOSING_BRACE) {
      const { schema, readPayload } = cached
      const payload = textOf(bytes, cached.prefix.length, bytes.length - 1)
      try {
        checkNesting(payload, MAX_NESTING - 1)
        return { schema, value: readPayload(payload) }
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error
        // The text after the prefix is not JSON, for example because of more fields. Parsing the whole text gives the right error.
      }
    }
    const text = textOf(bytes)
    const envelope = parseJson(text, true)
    if (typeof envelope !== 'object' || envelope === null || Array.isArray(envelope)) throw new DataError(NOT_AN_ENVELOPE)
    const { schema: schemaJson, payload, ...more } = envelope as Record<string, unknown>
    if (schemaJson === undefined || payload === undefined || Object.keys(more).length > 0) throw new DataError(NOT_AN_ENVELOPE)
    const schema = schemaOf(schemaJson)
    if (!schema) return { schema, value: (parseJson(text, false) as { payload: unknown }).payload }
    this.#cache.add(text, schema)
    return { schema, value: decoder(schema, { replaceNullWithDefault: this.#replace })(payload) }
  }
}

/** The bytes of a schema, those of a payload, and a brace. */
class Envelope {
  readonly #prefix: Buffer
  #payload: string
  readonly length: number

  constructor(prefix: Buffer, payload: string) {
    this.#prefix = prefix
    this.#payload = payload
    this.length = prefix.length + Buffer.byteLength(payload) + 1
  }

  writeTo(target: Buffer, start: number): void {
    const end = start + this.length - 1
    target.set(this.#prefix, start)
    target.write(this.#payload, start + this.#prefix.length, end - start - this.#prefix.length)
    target[end] = CLOSING_BRACE
    // The record stays in memory until it is acknowledged.
    this.#payload = ''
  }

  toBuffer(): Buffer {
    const bytes = Buffer.allocUnsafe(this.length)
    this.writeTo(bytes, 0)
    return bytes
  }
}

/** Composes envelopes. The bytes before the payload are those of the schema, and made once. */
class EnvelopeWriter {
  readonly #options: EncodeOptions
  #schema: Schema | null = null
  #encode: Encode = encodeSchemaless
  #prefix = envelopePrefix(null)

  constructor(options: EncodeOptions) {
    this.#options = options
  }

  compose(schema: Schema | null, value: unknown): Envelope {
    if (schema !== this.#schema) {
      const encode = schema ? encoder(schema, this.#options) : encodeSchemaless
      // A schema that is refused must not leave the encoder of one beside the bytes of another.
      this.#prefix = envelopePrefix(schema)
      this.#encode = encode
      this.#schema = schema
    }
    return new Envelope(this.#prefix, this.#encode(value))
  }
}

const schemas = (order: number, displayName: string) => ({ group: 'Schemas', order, width: 'MEDIUM' as const, displayName })
const serialization = (order: number, displayName: string) => ({ group: 'Serialization', order, width: 'MEDIUM' as const, displayName })

export default defineConverter({
  class: 'org.apache.kafka.connect.json.JsonConverter',
  doc: 'JSON, with or without an envelope that has the schema.',
  settings: {
    'converter.type': converterType,
    'schemas.enable': setting.boolean({
      default: true,
      doc: 'Whether values are written and read in an envelope with their schema.',
      importance: 'HIGH',
      ...schemas(0, 'Enable Schemas'),
    }),
    'schemas.cache.size': setting.int({
      default: 1000,
      doc: 'The maximum number of schemas that are remembered, so that they are not read again with each value.',
      importance: 'HIGH',
      ...schemas(1, 'Schema Cache Size'),
    }),
    'schema.content': setting.string({
      default: null,
      doc: 'The schema, as JSON, of all values without an envelope.',
      importance: 'HIGH',
      ...schemas(2, 'Schema Content'),
    }),
    'decimal.format': setting.oneOf(['BASE64', 'NUMERIC'], {
      default: 'BASE64',
      doc: 'The format in which decimals are written: bytes in base64, or digits. Both are read.',
      importance: 'LOW',
      recommended: [],
      expected: 'String must be one of (case insensitive): NUMERIC, BASE64',
      ...serialization(0, 'Decimal Format'),
    }),
    'replace.null.with.default': setting.boolean({
      default: true,
      doc: 'Whether a null value is replaced by the default of its field.',
      importance: 'LOW',
      ...serialization(1, 'Replace null with default'),
    }),
  },
  create(config): Converter {
    const options = {
      decimals: config['decimal.format'] === 'NUMERIC' ? ('numeric' as const) : ('base64' as const),
      replaceNullWithDefault: config['replace.null.with.default'],
    }
    const replace = options.replaceNullWithDefault
    const enveloped = config['schemas.enable']
    const reader = new EnvelopeReader(replace, config['schemas.cache.size'])
    const writer = new EnvelopeWriter(options)
    const fixed = config['schema.content'] ? schemaOf(parseJson(config['schema.content'], false)) : null
    return {
      fromConnect(_topic, schema, value) {
        if ((value === null || value === undefined) && schema === null) return null
        if (enveloped) return writer.compose(schema, value).toBuffer()
        return Buffer.from(schema ? encoder(schema, options)(value) : encodeSchemaless(value))
      },
      toWritable(topic, schema, value) {
        if (!enveloped || ((value === null || value === undefined) && schema === null)) return this.fromConnect(topic, schema, value)
        return writer.compose(schema, value)
      },
      toConnect(_topic, bytes) {
        if (bytes === null) return NULL_VALUE
        if (enveloped && !fixed) return reader.read(bytes)
        const text = textOf(bytes)
        if (fixed) return { schema: fixed, value: decoder(fixed, options)(parseJson(text, keepsDigits(fixed))) }
        return isBlank(text) ? NULL_VALUE : { schema: null, value: parseJson(text, false) }
      },
    }
  },
})
