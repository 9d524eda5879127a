/** What is special about this sink: after a crash in the middle of a line, the next task goes on after the last whole one. */
import { deepEqual } from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { sinkRecord, taskContext } from 'tributary/connect/contract'
import { sink } from '../sink.js'

test('half a line does not stay', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'my-plugin-'))
  const file = join(folder, 't-0.jsonl')
  const start = () => sink.start(taskContext(sink.settings, { folder }, new AbortController().signal))
  const record = (offset) => sinkRecord({ topic: 't', offset, value: { offset } })
  try {
    const crashed = await start()
    await crashed.write([record(0), record(1)])
    await appendFile(file, '{"offset":2,"val')
    const next = await start()
    await next.write([record(1), record(2)])
    await next.flush()
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
    deepEqual(
      lines.map((line) => JSON.parse(line).value.offset),
      [0, 1, 2],
    )
    await next.stop()
    await crashed.stop()
  } finally {
    await rm(folder, { recursive: true })
  }
})
