/**
 * Goal: no more text is collected for a statement than it may have. Method: pure, with limits below the length of the values.
 */
import { expect, test } from 'vitest'
import { copyStatement, deleteStatement, StatementTooLarge, writeStatement } from '../../../connectors/postgres-sink/statements.ts'

const column = { type: 'text', base: 'text', isIdentity: false, isGenerated: false, isRequired: false, isDeterministic: true }
const written = ['id', 'v'].map((name, i) => ({ column: { ...column, name }, i, encode: String }))
const rows = [
  ['1', 'abc'],
  ['2', 'def'],
]

test.each([
  ['COPY', (limit: number) => copyStatement('"t"', written, rows, limit)],
  ['INSERT', (limit: number) => writeStatement('"t"', 'insert', written, 1, rows, limit)],
  ['DELETE', (limit: number) => deleteStatement('"t"', written, rows, limit)],
])('%s', (_what, statement) => {
  expect(() => statement(7)).toThrow(StatementTooLarge)
  expect(statement(8)!.size).toBe(8)
})
