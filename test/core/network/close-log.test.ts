/** Goal: a flood of connections that are closed is a few log lines, and none is forgotten. Method: a clock that the test advances. */
import { expect, test } from 'vitest'
import { CloseLog } from '../../../core/network/close-log.ts'
import { limits } from '../../../core/network/limits.ts'
import { keepingLogger, type LogLine } from '../../broker-in-process.ts'
import { handClock } from '../../hand-clock.ts'

test('so many lines in a while, then one with the number of the others', () => {
  const lines: LogLine[] = []
  const time = handClock()
  const log = new CloseLog(keepingLogger(lines), time.clock)
  const close = (reason: string) => log.closed({ client: '/10.0.0.1', listener: 'L', reason })
  close('one')
  expect(lines).toEqual([{ level: 'warn', message: 'connection closed: one', details: { client: '/10.0.0.1', listener: 'L' } }])
  for (let more = 0; more < limits.closeLines + 40; more++) close(`more ${more}`)
  expect(lines).toHaveLength(limits.closeLines)
  time.advance(limits.closeLinesMs)
  expect(lines).toHaveLength(limits.closeLines + 1)
  expect(lines.at(-1)).toMatchObject({
    message: `41 more connections closed; the last one: more ${limits.closeLines + 39}`,
    details: { connections: 41 },
  })
  close('later')
  expect(lines.at(-1)!.message).toBe('connection closed: later')
  time.advance(limits.closeLinesMs)
  expect([lines.length, time.timers]).toEqual([limits.closeLines + 2, 0])
})
