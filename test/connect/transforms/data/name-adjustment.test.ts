/**
 * Goal: names become those that Avro takes, as Debezium makes them. Method: names with characters of each kind, with each mode.
 */
import { expect, test } from 'vitest'
import { fieldNameAdjuster, schemaNameAdjuster } from '../../../../connect/transforms/data/name-adjustment.ts'

test.each([
  ['none', '1a.b-c', '1a.b-c', '1a.b-c'],
  ['avro', '1a.b-c', '_1a.b_c', '_1a_b_c'],
  ['avro', '-é_9', '___9', '___9'],
  ['avro_unicode', '1a.b-c', '_u0031a.b_u002dc', '_u0031a_u002eb_u002dc'],
  ['avro_unicode', '_é', '_u005f_u00e9', '_u005f_u00e9'],
  ['avro_unicode', 'a\n', 'a_u00a', 'a_u00a'],
] as const)('%s: %s', (mode, name, ofSchema, ofField) => {
  expect(schemaNameAdjuster(mode)(name)).toBe(ofSchema)
  expect(fieldNameAdjuster(mode)(name)).toBe(ofField)
})
