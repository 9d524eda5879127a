/**
 * Issue: on a terminal the log wrote control characters as they are. The audit log has the names that a denied client asks for, and the
 * name of a group may have any character: a client could clear the operator's screen, or write lines that look like others. Goal: a line
 * of the log is one line, without a control character. Method: a decision in the audit log with such a name; details and errors with it.
 */
import { expect, test } from 'vitest'
import { AuditLog } from '../../core/security/acl/audit-log.ts'
import { DEFAULT_DENY } from '../../core/security/acl/decision.ts'
import { realClock } from '../../core/system/clock.ts'
import { readableLine } from '../../core/system/readable-log.ts'
import { keepingLogger, type LogLine } from '../broker-in-process.ts'

const HOSTILE = '\u001b[2J\u009b31m\r\n10:00:00.000 INFO  forged\u007f\u202e\u2028\u0000'
const CONTROL = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u

const shown = (details: object, msg: string) =>
  readableLine(`${JSON.stringify({ level: 'info', time: '2026-01-01T10:00:00.000Z', ...details, msg })}\n`)

test('a name in the audit log', () => {
  const lines: LogLine[] = []
  const audit = new AuditLog(keepingLogger(lines), realClock)
  const action = { operation: 'Read', resourceType: 'Group', resourceName: HOSTILE, api: 'JoinGroup', resourceReferenceCount: 1, logIfAllowed: true, logIfDenied: true } as const // biome-ignore format: one line
  audit.decided('User:eve', '/127.0.0.1', action, DEFAULT_DENY)
  audit.close()
  const line = shown({}, lines[0]!.message)
  expect(line.slice(0, -1)).not.toMatch(CONTROL)
  expect(line.at(-1)).toBe('\n')
  expect(line).toContain('Group:LITERAL:\\u001b[2J\\u009b31m\\u000d\\u000a10:00:00.000 INFO  forged\\u007f\\u202e\\u2028\\u0000')
})

test('details, and the error of a line', () => {
  const line = shown({ client: '\u001b]0;x\u0007', group: HOSTILE, err: { stack: `Error: ${HOSTILE}\n    at here` } }, 'told')
  const [first, ...trace] = line.slice(0, -1).split('\n')
  expect(first).not.toMatch(CONTROL)
  expect(trace.join('')).not.toMatch(CONTROL)
  expect(trace.at(-1)).toBe('        at here')
})
