/** Goal: an error is explained once, with what to do. Method: errors as Node and the rooms throw them. */
import { expect, test } from 'vitest'
import { explain, UserError } from '../../bin/user-error.ts'

const failure = (code: string, more: object) => Object.assign(new Error(`listen ${code}`), { code, syscall: 'listen', ...more })

test('a system error gets a sentence with its address and what to do', () => {
  expect(explain(failure('EADDRINUSE', { address: '127.0.0.1', port: 9092 }))).toMatch(/^127\.0\.0\.1:9092 is in use.*"listeners"/)
})

test('an unknown error keeps its message, and the message of its cause follows', () => {
  expect(explain(failure('EWHATEVER', {}))).toBe('listen EWHATEVER')
  expect(explain(new UserError('a.json is not valid JSON.', { cause: new Error('Unexpected end') }))).toBe(
    'a.json is not valid JSON.\nUnexpected end',
  )
  expect(explain(new UserError('x: Unexpected end', { cause: new Error('Unexpected end') }))).toBe('x: Unexpected end')
})

test('a message that names the address says it all: the cause does not repeat it', () => {
  const cause = failure('EADDRNOTAVAIL', { address: '10.9.9.9', port: 0 })
  expect(explain(new Error('PLAINTEXT://10.9.9.9:0 is no address of this machine.', { cause }))).toBe(
    'PLAINTEXT://10.9.9.9:0 is no address of this machine.',
  )
  expect(explain(new Error('The broker cannot start.', { cause }))).toContain('10.9.9.9:0 is not an address of this machine')
})
