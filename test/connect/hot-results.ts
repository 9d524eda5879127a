/**
 * The result of work that generates code once it was done often: it is done until that code must be there, and has to give the same value
 * or the same error as at first.
 */
import { expect } from 'vitest'

/** More than the code waits for. */
const TIMES = 600

function resultOf(work: () => unknown): unknown {
  try {
    return { value: work() }
  } catch (error) {
    return { error: { name: (error as Error).name, message: (error as Error).message } }
  }
}

export function expectSameWhenHot(work: () => unknown): void {
  const first = resultOf(work)
  for (let time = 0; time < TIMES; time++) resultOf(work)
  expect(resultOf(work)).toEqual(first)
}

/** The result of the last time. */
export async function whenHot<T>(work: () => Promise<T>): Promise<T> {
  for (let time = 0; time < TIMES; time++) await work()
  return await work()
}
