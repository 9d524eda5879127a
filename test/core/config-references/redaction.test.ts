/**
 * Goal: nothing that a reference stands for is left in texts, errors and log lines, in the forms in which code writes it. Method: texts
 * with the values in each form, and a logger that keeps its lines.
 */
import { inspect } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { redactAll, redactingLogger, redaction } from '../../../core/config-references/redaction.ts'
import { keepingLogger, type LogLine } from '../../broker-in-process.ts'

const redact = redaction(
  new Map([
    ['p"ss wörd/1\n', '${file:/s:password}'],
    ['orders, refunds', '${env:TOPICS}'],
    ['7', '${env:TASKS}'],
    ['longer-secret', '${env:LONG}'],
    ['longer', '${env:SHORT}'],
  ]),
)

test.each([
  ['as it is', 'bad: p"ss wörd/1\n!', 'bad: ${file:/s:password}!'],
  ['without white space', '<p"ss wörd/1>', '<${file:/s:password}>'],
  ['as JSON', JSON.stringify({ a: 'p"ss wörd/1\n' }), '{"a":"${file:/s:password}"}'],
  ['in a URL', `x://u:${encodeURIComponent('p"ss wörd/1\n')}@h`, 'x://u:${file:/s:password}@h'],
  ['as a list', '[orders, refunds]', '[${env:TOPICS}]'],
  ['an item of a list', 'no topic refunds', 'no topic ${env:TOPICS}'],
  ['a short value as a word', 'tasks.max=7, 17 or a7', 'tasks.max=${env:TASKS}, 17 or a7'],
  ['the longest', 'longer-secret longer', '${env:LONG} ${env:SHORT}'],
])('%s', (_, text, expected) => {
  expect(redact(text)).toBe(expected)
})

test('a value is in no text around it', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '$', '{', '.', '*'), maxLength: 12 })
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), minLength: 4, maxLength: 8 }),
      letters,
      letters,
      (secret, before, after) => {
        const redacted = redaction(new Map([[secret, '?']]))(`${before}${secret}${after}`)
        expect(redacted.includes(secret)).toBe(false)
      },
    ),
  )
})

test('errors keep their class, with redacted messages, stacks and causes', () => {
  const error = new RangeError('longer-secret', { cause: Object.assign(new Error('in longer-secret'), { code: 'longer-secret' }) })
  const redacted = redactAll(error, redact)
  expect(redacted).toBeInstanceOf(RangeError)
  expect(redacted.message).toBe('${env:LONG}')
  expect(inspect(redacted, { showHidden: true })).not.toContain('longer-secret')
  expect(inspect(redactAll(new AggregateError([error]), redact), { showHidden: true })).not.toContain('longer-secret')
  expect(error.message).toBe('longer-secret')
})

test('a logger writes nothing of it', () => {
  const lines: LogLine[] = []
  const logger = redactingLogger(keepingLogger(lines), redact)
  for (const level of ['error', 'warn', 'info', 'debug'] as const)
    logger
      .child({ a: 'longer-secret' })
      [level]({ err: new Error('longer-secret'), deep: [{ a: 'longer-secret' }], n: 1 }, 'a longer-secret')
  expect(lines.map(({ message }) => message)).toEqual(Array(4).fill('a ${env:LONG}'))
  expect(inspect(lines, { depth: 9, showHidden: true })).not.toContain('longer-secret')
})
