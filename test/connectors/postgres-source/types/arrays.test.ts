/**
 * Goal: each text of an array that Postgres prints is read as its elements. Method: random arrays, of strings that have to be quoted, which
 * Postgres prints as text and as JSON.
 */
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { schemas } from '../../../../connect/sdk/index.ts'
import { arrayType } from '../../../../connectors/postgres-source/types/arrays.ts'
import { textType } from '../../../../connectors/postgres-source/types/column-type.ts'
import { randomFrom } from '../../../random.ts'
import { type TestPostgres, testPostgres } from '../../../services/postgres.ts'

const ROUNDS = 500
const PIECES = ['a', ' ', '"', '\\', ',', '{', '}', 'NULL', 'null', '\n', '€', '', '\\"', '𝄞', ';', ':', "'", '\t']

let postgres: TestPostgres
let client: pg.Client
beforeAll(async () => {
  postgres = await testPostgres()
  client = new pg.Client({ connectionString: await postgres.database() })
  await client.connect()
})
afterAll(async () => {
  await client?.end()
  await postgres?.stop()
})

const strings = arrayType(textType(schemas.string(), '?'), true, null)

test('arrays of strings', async () => {
  const random = randomFrom(7)
  const below = (count: number) => Math.floor(random() * count)
  const element = () => (below(6) === 0 ? null : Array.from({ length: below(5) }, () => PIECES[below(PIECES.length)]).join(''))
  for (let round = 0; round < ROUNDS; round++) {
    const elements = Array.from({ length: below(6) }, element)
    const { rows } = await client.query<{ text: string }>('SELECT ($1::text[])::text AS text', [elements])
    expect(strings.decode(rows[0]!.text)).toEqual(elements)
  }
})

test.each([
  ['{}', []],
  ['{{a,b},{c,NULL}}', ['a', 'b', 'c', null]],
  ['[0:1]={5,6}', ['5', '6']],
  ['[2:2][1:2]={{a,"b,}"}}', ['a', 'b,}']],
  ['{""}', ['']],
])('%s', (text, elements) => expect(strings.decode(text)).toEqual(elements))

test('boxes are parted by semicolons', () => {
  const boxes = arrayType(textType(schemas.string(), '?'), true, null, ';')
  expect(boxes.decode('{(3,4),(1,2);(7,8),(5,6)}')).toEqual(['(3,4),(1,2)', '(7,8),(5,6)'])
})

test.each(['', '1,2', '{"a', '{"a\\'])('%j is no array', (text) => expect(() => strings.decode(text)).toThrow('the array'))
