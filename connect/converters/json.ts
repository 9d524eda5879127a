/**
 * JsonConverter: JSON, plain or in Kafka Connect's envelope of schema and payload. Whole numbers of any size keep all their digits; what
 * contradicts its schema is a DataError.
 */
import { type Converter, DataError, defineConverter, parseExactly, type Schema, type SchemaAndValue, setting } from '../sdk/index.ts'
import { decoder } from './json/decode.ts'
import { encoder, encodeSchemaless } from './json/encode.ts'
import { schemaOf, schemaText } from './json/schema.ts'

const NULL_VALUE: SchemaAndValue = { schema: null, value: null }
const NOT_AN_ENVELOPE =
  'JsonConverter with schemas.enable requires "schema" and "payload" fields and may not contain additional fields. ' +
  'If you are trying to deserialize plain JSON data, set schemas.enable=false in your converter configuration.'

function parse(text: string, exactDecimals: boolean): unknown {
  try {
    return parseExactly(text, exactDecimals)
  } catch (cause) {
    throw new DataError('Converting byte[] to Kafka Connect data failed due to serialization error: ', { cause })
  }
}

/** Reads envelopes. Most records of a topic have the same text of the schema: then only the payload is parsed. */
class EnvelopeReader {
  #prefix = ''
  #schema: Schema | null = null
  readonly #replace: boolean

  constructor(replace: boolean) {
    this.#replace = replace
  }

  read(text: string): SchemaAndValue {
    if (this.#prefix !== '' && text.startsWith(this.#prefix) && text.endsWith('}')) {
      const payload = text.slice(this.#prefix.length, -1)
      try {
        return this.#value(this.#schema, parseExactly(payload, true))
      } catch (error) {
        if (error instanceof DataError) throw error
        // The text after the prefix is not JSON, for example because of more fields. Parsing the whole text gives the right error.
      }
    }
    const envelope = parse(text, true)
    if (typeof envelope !== 'object' || envelope === null || Array.isArray(envelope)) throw new DataError(NOT_AN_ENVELOPE)
    const { schema: schemaJson, payload, ...more } = envelope as Record<string, unknown>
    if (schemaJson === undefined || payload === undefined || Object.keys(more).length > 0) throw new DataError(NOT_AN_ENVELOPE)
    const schema = schemaOf(schemaJson)
    const prefix = `{"schema":${JSON.stringify(schemaJson)},"payload":`
    if (schema && text.startsWith(prefix)) {
      this.#prefix = prefix
      this.#schema = schema
    }
    if (!schema) return { schema, value: (parse(text, false) as { payload: unknown }).payload }
    return this.#value(schema, payload)
  }

  #value(schema: Schema | null, payload: unknown): SchemaAndValue {
    return { schema, value: schema ? decoder(schema, this.#replace)(payload) : payload }
  }
}

export default defineConverter({
  class: 'org.apache.kafka.connect.json.JsonConverter',
  doc: 'JSON, with or without an envelope that has the schema.',
  settings: {
    'converter.type': setting.string({
      default: null,
      doc: 'Set by the worker: key, value or header.',
      importance: 'LOW',
    }),
    'schemas.enable': setting.boolean({
      default: true,
      doc: 'Whether values are written and read in an envelope with their schema.',
      importance: 'HIGH',
    }),
    'schemas.cache.size': setting.int({
      default: 1000,
      doc: 'Accepted for compatibility: schemas are cached for as long as they are used.',
      importance: 'HIGH',
    }),
    'schema.content': setting.string({
      default: null,
      doc: 'The schema, as JSON, of all values without an envelope.',
      importance: 'HIGH',
    }),
    'decimal.format': setting.oneOf(['BASE64', 'NUMERIC'], {
      default: 'BASE64',
      doc: 'The format in which decimals are written: bytes in base64, or digits. Both are read.',
      importance: 'LOW',
    }),
    'replace.null.with.default': setting.boolean({
      default: true,
      doc: 'Whether a null value is replaced by the default of its field.',
      importance: 'LOW',
    }),
  },
  create(config): Converter {
    const options = {
      decimals: config['decimal.format'] === 'NUMERIC' ? ('numeric' as const) : ('base64' as const),
      replaceNullWithDefault: config['replace.null.with.default'],
    }
    const enveloped = config['schemas.enable']
    const envelopes = new EnvelopeReader(options.replaceNullWithDefault)
    const fixed = config['schema.content'] ? schemaOf(parse(config['schema.content'], false)) : null
    return {
      fromConnect(_topic, schema, value) {
        if ((value === null || value === undefined) && schema === null) return null
        const payload = schema ? encoder(schema, options)(value) : encodeSchemaless(value)
        return Buffer.from(enveloped ? `{"schema":${schema ? schemaText(schema) : 'null'},"payload":${payload}}` : payload)
      },
      toConnect(_topic, bytes) {
        if (bytes === null) return NULL_VALUE
        const text = bytes.toString('utf8')
        if (fixed) return { schema: fixed, value: decoder(fixed, options.replaceNullWithDefault)(parse(text, true)) }
        if (enveloped) return envelopes.read(text)
        return text === '' ? NULL_VALUE : { schema: null, value: parse(text, false) }
      },
    }
  },
})
