/**
 * Goal: an error that another thread has thrown looks the same here: name, message, stack, status, code, causes. Method: errors that a
 * structured clone has passed.
 */
import { expect, test } from 'vitest'
import { detailsOf, errorOf, plainDetails, plainError } from '../../../../connect/runtime/isolation/thread-errors.ts'
import { traceOf } from '../../../../connect/runtime/worker-task.ts'
import { DataError, Retriable } from '../../../../connect/sdk/index.ts'
import { ConnectError } from '../../../../connect/types.ts'

const passed = (thrown: unknown) => errorOf(structuredClone(plainError(thrown)))

test('names, messages, stacks and causes stay', () => {
  const error = new DataError('bad', { cause: new Retriable('later', { cause: 'a text' }) })
  const copy = passed(error)
  expect(copy).toBeInstanceOf(Error)
  expect(traceOf(copy)).toBe(traceOf(error))
  expect([copy.name, copy.message]).toEqual(['DataException', 'bad'])
})

test('the status of a request and the code of a system call stay', () => {
  expect(passed(new ConnectError(400, 'no'))).toBeInstanceOf(ConnectError)
  expect(passed(new ConnectError(400, 'no'))).toMatchObject({ status: 400, message: 'no' })
  expect(passed(Object.assign(new Error('full'), { code: 'ENOSPC' }))).toMatchObject({ code: 'ENOSPC' })
})

test('what is no error becomes one, and an endless chain of causes ends', () => {
  expect(passed('text').message).toBe('text')
  const circle: Error & { cause?: unknown } = new Error('round')
  circle.cause = circle
  let depth = 0
  for (let at: unknown = passed(circle); at instanceof Error; at = at.cause) depth++
  expect(depth).toBeLessThan(20)
})

test('whatever is thrown becomes an error, also what cannot be read', () => {
  const unreadable = new Error('x')
  Object.defineProperty(unreadable, 'message', {
    get() {
      throw new Error('no')
    },
  })
  const trapped = new Proxy(
    {},
    {
      getPrototypeOf() {
        throw new Error('no')
      },
    },
  )
  for (const thrown of [
    null,
    undefined,
    Object.create(null),
    Symbol('s'),
    unreadable,
    trapped,
    Object.assign(new Error(), { name: Symbol('s') }),
  ])
    expect(passed(thrown)).toBeInstanceOf(Error)
  expect(passed(null).message).toBe('null')
})

test('a text in a log line is cut, and so is an object with too much in it', () => {
  const copy = plainDetails({ text: 'x'.repeat(1e6), list: Array(1e5).fill('y'), n: 1n, none: null })
  expect(String(copy.text).length).toBeLessThan(70_000)
  expect(String(copy.list).length).toBeLessThan(70_000)
  expect(copy).toMatchObject({ n: 1n, none: null })
})

test('details of a log line are plain, with errors that become errors again', () => {
  const details = { err: new DataError('bad'), count: 3, list: [1], function: () => 1, odd: { call() {} } }
  const copy = detailsOf(structuredClone(plainDetails(details)))
  expect(copy).toMatchObject({ count: 3, list: [1], function: expect.any(String), odd: expect.any(String) })
  expect(copy.err).toMatchObject({ name: 'DataException', message: 'bad' })
})
