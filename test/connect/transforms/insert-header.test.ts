/**
 * Goal: each record gets one more header, with the type that its text has. Method: a record with a header of the same name.
 */
import { expect, test } from 'vitest'
import { schemas } from '../../../connect/sdk/index.ts'
import insertHeader from '../../../connect/transforms/insert-header.ts'
import { record, transform } from './applying.ts'

test('the header is added behind the others', () => {
  const first = { key: 'h', schema: null, value: 'old' }
  const given = record({ headers: [first] })
  expect(transform(insertHeader, { header: 'h', 'value.literal': '300' })(given)).toEqual({
    ...given,
    headers: [first, { key: 'h', schema: schemas.int16(), value: 300 }],
  })
  expect(given.headers).toEqual([first])
})
