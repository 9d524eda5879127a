/**
 * Applies a transform to records, as the tests of transforms do: the value of a record, or its key, with the settings as a connector's
 * config has them. A value with a schema also goes through often, as code is generated for schemas that are common.
 */
import { type ConnectRecord, parseSettings, type Schema, type Settings, type TransformDeclaration } from '../../../connect/sdk/index.ts'
import { expectSameWhenHot } from '../hot-results.ts'

// biome-ignore lint/suspicious/noExplicitAny: each declaration has its own config type
type Declaration = TransformDeclaration<any>

export const record = (parts: Partial<ConnectRecord> = {}): ConnectRecord => ({
  topic: 't',
  partition: 3,
  timestamp: 1_700_000_000_123,
  key: 'the key',
  keySchema: null,
  value: null,
  valueSchema: null,
  headers: [],
  ...parts,
})

export const transform = (declaration: Declaration, config: Record<string, string>) =>
  declaration.create(parseSettings(declaration.settings as Settings, config))

/** What becomes of a value. */
export function ofValue(
  declaration: Declaration,
  config: Record<string, string>,
  schema: Schema | null,
  value: unknown,
): { schema: Schema | null; value: unknown } {
  const given = record({ value, valueSchema: schema })
  const apply = transform(declaration, config)
  if (schema !== null) expectSameWhenHot(() => apply(given))
  const { value: result, valueSchema, ...rest } = apply(given)!
  const { value: _value, valueSchema: _schema, ...others } = given
  if (JSON.stringify(rest) !== JSON.stringify(others)) throw new Error('the transform changed more than the value')
  return { schema: valueSchema, value: result }
}
