/**
 * Goal: literals are defaults, calls of functions are what Debezium shows for them, and no other expression is taken for a value. Method:
 * expressions as pg_get_expr prints them.
 */
import { expect, test } from 'vitest'
import { defaultValue } from '../../../connectors/postgres-source/default-values.ts'
import { BUILT_IN } from '../../../connectors/postgres-source/types/built-in.ts'
import type { TypeSettings } from '../../../connectors/postgres-source/types/column-type.ts'
import { resolvedType } from '../../../connectors/postgres-source/types/resolved-type.ts'
import type { PgType } from '../../../connectors/postgres-source/types.ts'

const settings: TypeSettings = {
  decimals: 'precise',
  times: 'adaptive',
  intervals: 'numeric',
  hstores: 'json',
  binaries: 'bytes',
  moneyFractionDigits: 2,
  includesUnknown: false,
  placeholder: '?',
  placeholderBytes: Buffer.from('?'),
}
const MOOD = 90_001
const DOMAIN = 90_002
const types = new Map<number, PgType>([
  ...Object.entries(BUILT_IN).map(([name, oid]): [number, PgType] => [oid, { oid, name, schema: 'pg_catalog', kind: 'base' }]),
  [MOOD, { oid: MOOD, name: 'mood', schema: 'public', kind: 'enum', labels: ['ok', "it's"] }],
  [DOMAIN, { oid: DOMAIN, name: 'd', schema: 'public', kind: 'domain', base: BUILT_IN.int4, baseModifier: -1 }],
])
const of = (oid: number, expression: string | null, modifier = -1, more: Partial<TypeSettings> = {}) =>
  defaultValue(expression, resolvedType(oid, modifier, (known) => types.get(known)!, { ...settings, ...more })!)

const { bool, int4, int8, text, varchar, numeric, timestamp, timestamptz, date, time, bit, uuid, jsonb, bytea, interval, float8 } = BUILT_IN
const NUMERIC_10_2 = ((10 << 16) | 2) + 4

test.each([
  [int4, '5', 5],
  [int4, "'-5'::integer", -5],
  [int4, '(-5)', -5],
  [int4, "('12'::text)::integer", 12],
  [int4, "nextval('numbering'::regclass)", 0],
  [int4, '(1 + 2)', undefined],
  [int4, 'NULL::integer', undefined],
  [int4, null, undefined],
  [int8, "'9223372036854775807'::bigint", 9223372036854775807n],
  [float8, '2.5', 2.5],
  [bool, 'true', true],
  [bool, 'false', false],
  [text, "'it''s'::text", "it's"],
  [text, "''::text", ''],
  [text, "'multi\nline'::text", 'multi\nline'],
  [text, "('a'::text || 'b'::text)", undefined],
  [text, "upper('x'::text)", ''],
  [text, 'public."My Function"(\'x\'::text)', ''],
  [text, 'CURRENT_USER', undefined],
  [text, "'a::b'::text", 'a::b'],
  [text, "'now()'::text", 'now()'],
  [varchar, "'abc'::character varying(10)", 'abc'],
  [timestamp, "'2024-02-29 13:14:15.123456'::timestamp without time zone", 1_709_212_455_123_456],
  [timestamp, 'now()', 0],
  [timestamp, "'tomorrow'::timestamp without time zone", undefined],
  [timestamptz, "'2024-02-29 11:14:15+00'::timestamp with time zone", '2024-02-29T11:14:15.000000Z'],
  [timestamptz, "timezone('utc'::text, now())", '1970-01-01T00:00:00.000000Z'],
  [date, 'CURRENT_DATE', 0],
  [date, "'2024-02-29'::date", 19_782],
  [time, 'LOCALTIME', 0],
  [time, "('now'::text)::time without time zone", undefined],
  [bit, '\'1\'::"bit"', true],
  [bit, 'B\'0\'::"bit"', false],
  [uuid, 'gen_random_uuid()', '00000000-0000-0000-0000-000000000000'],
  [jsonb, "'{}'::jsonb", '{}'],
  [interval, "'1 day'::interval", 86_400_000_000],
  [bytea, "'\\xff'::bytea", undefined],
  [numeric, '1.50', undefined],
  [MOOD, "'it''s'::mood", "it's"],
  [MOOD, "'gone'::mood", undefined],
  [DOMAIN, '3', undefined],
])('%i: %s', (oid, expression, expected) => expect(of(oid, expression, oid === bit ? 1 : -1)).toEqual(expected))

test('a decimal has the digits of its column', () => {
  expect(of(numeric, '3', NUMERIC_10_2)).toBe('3.00')
  expect(of(numeric, "'-1.5'::numeric", NUMERIC_10_2)).toBe('-1.50')
  expect(of(numeric, '1.005', NUMERIC_10_2)).toBe(undefined)
  expect(of(numeric, '1.50', -1, { decimals: 'string' })).toBe('1.50')
  expect(of(numeric, 'random()', -1, { decimals: 'double' })).toBe(0)
})
