/** Goal: an error of the system is never taken for one of Postgres, after which no retry helps. Method: codes of both. */
import { expect, test } from 'vitest'
import { isSqlState } from '../../../connectors/postgres-driver/sql-state.ts'

test('EPIPE is no SQLSTATE though it has its form', () => {
  for (const code of ['28P01', '57014', '08006', 'XX000', 'HV000', 'F0000', 'P0001']) expect(isSqlState(code), code).toBe(true)
  for (const code of [undefined, 'EPIPE', 'EPERM', 'EBUSY', 'ECONNRESET', '']) expect(isSqlState(code), String(code)).toBe(false)
})
