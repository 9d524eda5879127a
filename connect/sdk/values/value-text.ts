/**
 * Values as texts, as Kafka Connect's Values.convertToString writes them: those of headers, which parseString reads again; a struct is a map
 * then. Inside of arrays, maps and structs strings are quoted.
 */
import { logicalTypes, type Schema } from '../schema.ts'
import { isoText } from './iso-text.ts'
import { decimalText, numberText, scaleIn } from './java-text.ts'

const quoted = (text: string) => `"${text.replace(/[\\"]/g, '\\$&')}"`

export function valueText(value: unknown, schema: Schema | null | undefined, embedded = false): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'string') return stringText(value, schema, embedded)
  if (typeof value === 'number') return numberText(value, schema)
  if (value instanceof Date) return embedded ? quoted(isoText(value)) : isoText(value)
  if (value instanceof Uint8Array)
    return stringText(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64'), null, embedded)
  if (Array.isArray(value)) return `[${value.map((item) => valueText(item, schema?.values, true)).join(',')}]`
  if (typeof value !== 'object') return String(value)
  if (schema?.type === 'struct') return structText(value as Readonly<Record<string, unknown>>, schema)
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  return `{${entries.map(([key, item]) => `${valueText(key, schema?.keys, true)}:${valueText(item, schema?.values, true)}`).join(',')}}`
}

function structText(struct: Readonly<Record<string, unknown>>, { fields }: Schema): string {
  return `{${fields!.map(({ name, schema }) => `${quoted(name)}:${valueText(struct[name], schema, true)}`).join(',')}}`
}

function stringText(text: string, schema: Schema | null | undefined, embedded: boolean): string {
  if (schema?.name === logicalTypes.decimal) return decimalText(text, scaleIn(schema))
  return embedded ? quoted(text) : text
}
