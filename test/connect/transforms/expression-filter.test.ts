/**
 * Goal: records for which the condition is true are kept. Method: records of both kinds, and conditions that give something else.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../connect/sdk/index.ts'
import expressionFilter from '../../../connect/transforms/expression-filter.ts'
import { transform } from './applying.ts'
import { change } from './changes.ts'

const row = schemas.struct({ id: schemas.int32() })
const filter = (condition: string) => transform(expressionFilter, { language: 'cel', condition })

test('the condition decides', () => {
  const [created, removed] = [change(row, { after: { id: 1 } }), change(row, { op: 'd', before: { id: 1 } })]
  const apply = filter("value.op == 'c' && value.after.id < 10")
  expect(apply(created)).toBe(created)
  expect(apply(removed)).toBeNull()
})

test('what is no boolean is refused', () => {
  for (const text of ['null', "'true'", '1'])
    expect(() => filter(text)(change(row, {}))).toThrow(/^Value '.*' returned by the expression is not a Boolean$/)
  expect(() => transform(expressionFilter, { language: 'cel' })).toThrow("The 'condition' value is invalid: A value is required")
})
