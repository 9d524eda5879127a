/** What is special about this source: a line that is still being written is not read before its newline is there. */
import { deepEqual } from 'node:assert/strict'
import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { StoredPositions, taskContext } from 'tributary/connect/contract'
import { source } from '../source.js'

test('half a line is no record', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'my-plugin-'))
  const file = join(folder, 'a.txt')
  const stop = new AbortController()
  // What the worker gives a task: its parsed settings, the stored positions, a signal.
  const context = taskContext(source.settings, { folder, topic: 't', 'poll.interval.ms': '5' }, stop.signal)
  const reading = source.read({ ...context, positions: new StoredPositions() })
  const next = async () => (await reading.next()).value.records.map(({ key, value }) => [key, value])
  try {
    await appendFile(file, 'one\ntw')
    deepEqual(await next(), [['a.txt', 'one']])
    await appendFile(file, 'o\n')
    deepEqual(await next(), [['a.txt', 'two']])
  } finally {
    stop.abort()
    await reading.return()
    await rm(folder, { recursive: true })
  }
})
