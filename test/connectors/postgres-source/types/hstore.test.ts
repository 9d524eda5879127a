/**
 * Goal: hstore has all its keys and values, in Debezium's order. Method: random maps, written as Postgres writes them; the order of a map
 * that Debezium gave is in the golden file, here are larger ones of Java's HashMap.
 */
import { expect, test } from 'vitest'
import type { TypeSettings } from '../../../../connectors/postgres-source/types/column-type.ts'
import { hstoreType } from '../../../../connectors/postgres-source/types/hstore.ts'
import { randomFrom } from '../../../random.ts'

const json = hstoreType({ hstores: 'json', placeholder: '?' } as TypeSettings)
const map = hstoreType({ hstores: 'map', placeholder: '?' } as TypeSettings)
const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`
const written = (entries: [string, string | null][]) =>
  entries.map(([key, value]) => `${quoted(key)}=>${value === null ? 'NULL' : quoted(value)}`).join(', ')

test('keys and values', () => {
  const random = randomFrom(3)
  const pieces = ['a', '"', '\\', '=>', ',', ' ', 'NULL', 'ü', '\n']
  const piece = () => Array.from({ length: 1 + Math.floor(random() * 4) }, () => pieces[Math.floor(random() * pieces.length)]).join('')
  for (let round = 0; round < 300; round++) {
    const entries = Array.from({ length: Math.floor(random() * 30) }, (_, index): [string, string | null] => [
      `${piece()}${index}`,
      random() < 0.2 ? null : piece(),
    ])
    expect(JSON.parse(json.decode(written(entries)) as string)).toEqual(Object.fromEntries(entries))
    expect(map.decode(written(entries))).toEqual(new Map(entries))
  }
})

test('the order is that of a HashMap', () => {
  const words = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve', 'thirteen']
  const order = [...(map.decode(written(words.map((word) => [word, null]))) as Map<string, null>).keys()]
  expect(order).toEqual(JAVA_ORDER)
})

/** Of Java 17: a HashMap with these words, in the order of its keys. */
const JAVA_ORDER = ['nine', 'six', 'one', 'seven', 'two', 'three', 'thirteen', 'eight', 'four', 'twelve', 'eleven', 'ten', 'five']
