/**
 * Goal: a file sink task that was replaced by a task on another worker and wakes up again (a stopped process, a long pause) loses no
 * record: its flush fails, so its offsets are not committed. Method: two tasks on one real file, in the order of such a worker's steps;
 * then a third task starts on what a crash of the second leaves on the disk.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sinkRecord, taskContext } from '../../connect/contract/index.ts'
import type { SinkTask } from '../../connect/sdk/index.ts'
import { fileSink } from '../../connectors/file/sink.ts'

let folder: string
let file: string
const tasks: SinkTask[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tributary-writers-'))
  file = join(folder, 'out')
})
afterEach(async () => {
  for (const task of tasks.splice(0)) await task.stop!()
  await rm(folder, { recursive: true })
})

async function start(): Promise<SinkTask> {
  const task = await fileSink.start(taskContext(fileSink.settings, { file }, new AbortController().signal))
  tasks.push(task)
  return task
}
const records = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => sinkRecord({ topic: 't', offset: from + n, value: `line ${from + n}` }))
const lines = async () => new Set((await readFile(file, 'utf8')).split('\n').slice(0, -1))

test('a replaced task cannot flush, and what its successor flushed stays', async () => {
  const first = await start()
  await first.write(records(0, 2))
  await first.flush()
  await first.write(records(2, 4))
  const second = await start()
  await second.write(records(2, 8))
  await second.flush()
  await expect(first.flush()).rejects.toThrow(`another task has opened ${file} since`)
  await second.write(records(8, 10))
  // The worker of the second task is killed here; offset 8 is committed.
  const third = await start()
  await third.write(records(8, 10))
  await third.flush()
  expect((await readdir(folder)).sort()).toEqual(['out', 'out.position', 'out.writer'])
  expect(await lines()).toEqual(new Set(records(0, 10).map((record) => record.value)))
})
