/**
 * Goal: a check that throws, or does not end, has failed, and the others are run. Method: checks that do so.
 */
import { expect, test } from 'vitest'
import { failuresOf, holds, runCheck } from '../../../connect/contract/checks.ts'

test('each check is run on a subject of its own, and failures are named', async () => {
  let made = 0
  const started: string[] = []
  const failed = await failuresOf<number>(
    {
      holds: (subject) => holds(subject === 1, 'it is the first'),
      breaks: (subject) => holds(subject === 1, `it is number ${subject}`),
      'throws no Error': () => {
        throw 'a text'
      },
      rejects: async () => {
        throw new RangeError('late')
      },
    },
    () => ++made,
    (check) => started.push(check),
  )
  expect(failed.map(({ check, error }) => [check, error.message])).toEqual([
    ['breaks', 'it is number 2'],
    ['throws no Error', 'a text was thrown, which is no Error'],
    ['rejects', 'late'],
  ])
  expect(started).toEqual(['holds', 'breaks', 'throws no Error', 'rejects'])
})

test('a check that does not end fails', async () => {
  const never = () => new Promise<void>(() => {})
  await expect(runCheck(never, () => null, 20)).rejects.toThrow('it has not ended within 0.02 s')
})
