/**
 * Goal: letters with one reason are one group whatever numbers and names their messages have, and neither many reasons nor large records
 * make a response large. Method: letters made by hand.
 */
import { describe, expect, test } from 'vitest'
import type { DeadLetter } from '../../../connect/runtime/dead-letter.ts'
import { DeadLetterGroups, groupIdOf, messageShape, reasonOf, shownBytes } from '../../../connect/runtime/dead-letter-groups.ts'

function letter(offset: number, message: string | null, more: { value?: Buffer | null; timestamp?: number } = {}): DeadLetter {
  const header = (name: string, value: string) => ({ key: `__connect.errors.${name}`, value: Buffer.from(value) })
  const { value = Buffer.from('v'), timestamp = offset } = more
  return {
    topic: 'dead',
    partition: 0,
    record: {
      offset,
      timestamp,
      timestampType: 'CreateTime',
      key: null,
      value,
      headers:
        message === null ? [] : [header('stage', 'TASK_PUT'), header('exception.class.name', 'X'), header('exception.message', message)],
    },
  }
}

describe('the shape of a message', () => {
  test.each([
    ['row 17 of 3', 'row N of N'],
    ['no column "a b" in `t` and \'u\'', 'no column … in … and …'],
    ['6d1f0c5e-9f7a-4c1e-8b7e-2f6f3f0b9a11 is unknown', 'N is unknown'],
    ['at 2024-01-02 10:11:12.5', 'at N-N-N N'],
    ['nothing', 'nothing'],
  ])('%s: %s', (message, shape) => {
    expect(messageShape(message)).toBe(shape)
  })
  test('has a limit', () => {
    expect(messageShape('x'.repeat(10_000)).length).toBe(200)
  })
})

test('letters with the same reason are one group, with counts, times and a few samples', () => {
  const groups = new DeadLetterGroups()
  for (let offset = 0; offset < 10; offset++) groups.add(letter(offset, `row ${offset}`), offset < 4)
  groups.add(letter(10, 'other'), false)
  groups.add(letter(11, null), false)
  const [first, ...rest] = groups.list()
  expect(first).toMatchObject({ message: 'row N', count: 10, replayed: 4, first: 0, last: 9 })
  expect(first!.samples.map(({ offset }) => offset)).toEqual([0, 1, 2])
  expect(first!.group).toBe(groupIdOf(reasonOf(letter(99, 'row 99'))))
  expect(rest.map(({ message, stage }) => [message, stage])).toEqual([
    ['other', 'TASK_PUT'],
    [null, null],
  ])
})

test('more than a hundred reasons become one group of others', () => {
  const groups = new DeadLetterGroups()
  for (let offset = 0; offset < 500; offset++)
    groups.add(letter(offset, `reason ${'abcdefghij'.repeat(offset % 250).slice(0, offset)}`), false)
  expect(groups.list().length).toBe(101)
  expect(groups.list().reduce((sum, { count }) => sum + count, 0)).toBe(500)
})

describe('bytes', () => {
  test('are text where they are UTF-8, and base64 otherwise', () => {
    expect(shownBytes(null)).toBeNull()
    expect(shownBytes(Buffer.from('ü'))).toEqual({ text: 'ü' })
    expect(shownBytes(Buffer.from([0xff, 0]))).toEqual({ base64: '/wA=' })
  })
  test('are cut, also within a character', () => {
    const shown = shownBytes(Buffer.from(`${'x'.repeat(1_999)}€${'x'.repeat(5_000)}`))
    expect(shown).toEqual({ text: 'x'.repeat(1_999) })
  })
})
