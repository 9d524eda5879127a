/**
 * StringConverter: strings as bytes in an encoding. Other values are converted to strings; null stays null.
 */
import { type Converter, defineConverter, rawJson, schemas, setting } from '../sdk/index.ts'

const optionalString = schemas.string({ optional: true })

/** Java's names of the encodings that Node has. */
const encodings: Readonly<Record<string, BufferEncoding>> = {
  'utf-8': 'utf8',
  utf8: 'utf8',
  'us-ascii': 'latin1',
  ascii: 'latin1',
  'iso-8859-1': 'latin1',
  latin1: 'latin1',
  'utf-16le': 'utf16le',
}

export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (Buffer.isBuffer(value)) return value.toString('utf8')
  if (value instanceof Date) return String(value.getTime())
  if (typeof value === 'object') return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? rawJson(String(part)) : part))
  return String(value)
}

export default defineConverter({
  class: 'org.apache.kafka.connect.storage.StringConverter',
  doc: 'Strings, as bytes in an encoding.',
  settings: {
    'converter.type': setting.string({
      default: null,
      doc: 'Set by the worker: key, value or header.',
      importance: 'LOW',
    }),
    'converter.encoding': setting.string({
      default: 'UTF-8',
      doc: 'The encoding of the strings.',
      importance: 'HIGH',
      aliases: ['key.converter.encoding', 'value.converter.encoding'],
      check: (value) => (encodings[value.toLowerCase()] ? undefined : `Encoding must be one of: ${Object.keys(encodings).join(', ')}`),
    }),
  },
  create(config): Converter {
    const encoding = encodings[config['converter.encoding'].toLowerCase()] ?? 'utf8'
    return {
      fromConnect: (_topic, _schema, value) =>
        value === null || value === undefined ? null : Buffer.from(typeof value === 'string' ? value : textOf(value), encoding),
      toConnect: (_topic, bytes) => ({ schema: optionalString, value: bytes === null ? null : bytes.toString(encoding) }),
    }
  },
})
