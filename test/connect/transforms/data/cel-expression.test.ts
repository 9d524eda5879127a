/**
 * Goal: an expression sees the record as Debezium gives it to scripts, and ends whatever the record. Method: expressions with each
 * variable, wrong ones, and some that would run for ages.
 */
import { expect, test } from 'vitest'
import { DataError, schemas } from '../../../../connect/sdk/index.ts'
import { celExpression, MAX_ENTRIES_VISITED } from '../../../../connect/transforms/data/cel-expression.ts'
import { record } from '../applying.ts'
import { change } from '../changes.ts'

const row = schemas.struct({ id: schemas.int32() })

test('the variables are those of Debezium', () => {
  const given = change(row, { op: 'u', after: { id: 7 } }, { key: 5, keySchema: schemas.int32(), topic: 'a' })
  given.headers = [
    { key: 'h', value: 'first', schema: schemas.string() },
    { key: 'h', value: 'last', schema: schemas.string() },
  ]
  const text =
    "value.op == 'u' && value.after.id == 7 && value.before == null && key == 5 && topic == 'a' && header.h.value == 'last' && " +
    "header.h.schema.type == 'STRING' && keySchema.type == 'INT32' && valueSchema.name == 's.t.Envelope' && !('x' in header)"
  expect(celExpression(text)(given)).toBe(true)
})

test('functions on strings are there, but none that makes them longer', () => {
  expect(celExpression("value.lowerAscii().substring(1).split('-')[1].trim()")(record({ value: 'AB- C ' }))).toBe('c')
  for (const text of ["value.replace('a', value)", '[value].join()', 'strings.quote(value)', "'%s'.format([value])"])
    expect(() => celExpression(text)(record({ value: 'a' }))).toThrow(DataError)
})

test.each(['', 'value.', 'value ==', 'import java', '('.repeat(9_000), 'a'.repeat(10_001)])('what is no expression is refused', (text) => {
  expect(() => celExpression(text)).toThrow(SyntaxError)
})

test.each([
  ['value.nope == 1', 'field not found'],
  ['nope', 'unresolved attribute'],
  ['value.a + 1.5 > 0.0', 'found no matching overload'],
  ['value.a / 0 == 1', 'zero'],
  ['__proto__.x', ''],
])('%s fails the record', (text, why) => {
  expect(() => celExpression(text)(record({ value: { a: 1 } }))).toThrow(new RegExp(`Error while evaluating expression .*${why}`))
})

test('the entries that macros go through are counted for each record', () => {
  const evaluate = celExpression('value.all(x, value.all(y, x + y >= 0))')
  const list = (length: number) => record({ value: Array.from({ length }, (_, i) => i) })
  const limit = Math.floor(Math.sqrt(MAX_ENTRIES_VISITED)) - 1
  for (let times = 0; times < 3; times++) expect(evaluate(list(limit))).toBe(true)
  expect(() => evaluate(list(limit + 2))).toThrow(`it goes through more than ${MAX_ENTRIES_VISITED} entries`)
  expect(evaluate(list(limit))).toBe(true)
})

test.each([
  [
    'nested lists of the expression',
    (list: string) => `${list}.all(a, ${list}.all(b, ${list}.all(c, ${list}.all(d, ${list}.all(e, true)))))`,
  ],
  ['lists that grow', (list: string) => `${list}.map(a, ${list}.map(b, ${list}.map(c, ${list}.map(d, ${list})))).size() > 0`],
  ['many that stop at once', (list: string) => `${list}.all(a, value.all(b, value.exists(c, true)))`],
  ['maps', (list: string) => `${list}.all(a, {"a": 1, "b": 2}.all(k, value.all(v, true)))`],
])('%s end soon', (_what, text) => {
  const list = `[${Array.from({ length: 50 }, (_, i) => i).join(',')}]`
  const evaluate = celExpression(text(list))
  expect(() => evaluate(record({ value: new Array(1_000).fill(1) }))).toThrow('entries of lists and maps')
})
