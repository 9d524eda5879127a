/**
 * SimpleHeaderConverter, the default for headers: values as text. Reading infers the type from the text: JSON, number, boolean or string.
 */
import { type Converter, defineConverter, type Schema, type SchemaAndValue, schemas, setting } from '../sdk/index.ts'
import { textOf } from './string.ts'

const text = schemas.string()
const integerSchemas: Readonly<Record<string, Schema>> = {
  int8: schemas.int8(),
  int16: schemas.int16(),
  int32: schemas.int32(),
  int64: schemas.int64(),
}

function integer(raw: string): SchemaAndValue {
  const value = Number(raw)
  if (!Number.isSafeInteger(value)) return { schema: integerSchemas.int64!, value: BigInt(raw) }
  const size = Math.abs(value)
  const type = size <= 127 ? 'int8' : size <= 32767 ? 'int16' : size <= 2147483647 ? 'int32' : 'int64'
  return { schema: integerSchemas[type]!, value }
}

function infer(raw: string): SchemaAndValue {
  if (raw === '') return { schema: text, value: raw }
  if (raw === 'null') return { schema: null, value: null }
  if (raw === 'true' || raw === 'false') return { schema: schemas.boolean(), value: raw === 'true' }
  if (/^[+-]?\d{1,18}$/.test(raw)) return integer(raw)
  if (/^[+-]?(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d+)?$/.test(raw)) return { schema: schemas.float64(), value: Number(raw) }
  if (raw.startsWith('{') || raw.startsWith('[')) {
    try {
      return { schema: null, value: JSON.parse(raw) }
    } catch {
      return { schema: text, value: raw } // It is not JSON.
    }
  }
  return { schema: text, value: raw.startsWith('"') && raw.endsWith('"') && raw.length > 1 ? raw.slice(1, -1) : raw }
}

export default defineConverter({
  class: 'org.apache.kafka.connect.storage.SimpleHeaderConverter',
  doc: 'Header values as text; reading infers the type from the text.',
  kinds: ['header_converter'],
  settings: {
    'converter.type': setting.string({ default: 'header', doc: 'Set by the worker.', importance: 'LOW' }),
  },
  create: (): Converter => ({
    fromConnect: (_topic, _schema, value) => (value === null || value === undefined ? null : Buffer.from(textOf(value))),
    toConnect: (_topic, bytes) => (bytes === null ? { schema: null, value: null } : infer(bytes.toString('utf8'))),
  }),
})
