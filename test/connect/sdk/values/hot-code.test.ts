/**
 * Goal: a function becomes the code that is generated for it after many calls, and stays what it is where none can be. Method: functions
 * that say which they are, and names that would break out of code.
 */
import { expect, test } from 'vitest'
import { arePlainNames, hotCode, literal } from '../../../../connect/sdk/values/hot-code.ts'

const calls = <T>(work: (given: number) => T, times: number): T => {
  for (let time = 1; time < times; time++) work(time)
  return work(times)
}

test('many calls later the generated code answers, with its parts', () => {
  const work = hotCode(
    (given: number) => `plain ${given}`,
    [(given: number) => `generated ${given}`],
    (part) => `return ${part(0)}(given)`,
  )
  expect(work(1)).toBe('plain 1')
  expect(calls(work, 1_000)).toBe('generated 1000')
})

test('a few calls generate nothing', () => {
  const work = hotCode(
    (given: number) => given,
    [],
    () => {
      throw new Error('the code was asked for')
    },
  )
  expect(calls(work, 100)).toBe(100)
})

test('a process that may not compile texts keeps the plain function', () => {
  const { Function: real } = globalThis
  globalThis.Function = class {
    constructor() {
      throw new EvalError('Code generation from strings disallowed for this context')
    }
  } as unknown as FunctionConstructor
  try {
    const work = hotCode(
      (given: number) => `plain ${given}`,
      [],
      () => 'return 0',
    )
    expect(calls(work, 1_000)).toBe('plain 1000')
  } finally {
    globalThis.Function = real
  }
})

test('a name is only ever a text in the code', () => {
  for (const name of ['"', '\\', '\u2028', '`${process.exit()}`', "'); throw 1; ('", '\ud800', '*/']) {
    const work = hotCode(
      (given: number) => ({ [name]: given }) as object,
      [],
      () => `return { ${literal(name)}: given }`,
    )
    expect(calls(work, 1_000)).toEqual({ [name]: 1_000 })
  }
})

test('names that objects inherit are not plain, nor are very many', () => {
  expect(arePlainNames(['a', 'b c', ''])).toBe(true)
  expect(arePlainNames(['a', 'constructor'])).toBe(false)
  expect(arePlainNames(['__proto__'])).toBe(false)
  expect(arePlainNames(Array.from({ length: 1_000 }, (_, index) => `f${index}`))).toBe(false)
})
