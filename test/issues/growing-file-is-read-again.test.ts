/**
 * Goal: a file that grows is read on where the task has read to. The directory source began again at the stored position, which the worker
 * stores once a minute, and repeated all records since. Method: a task whose positions nobody stores; the file grows twice.
 */
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FolderForTests, values } from '../connectors/directory/folder-reading.ts'

const folder = new FolderForTests()

test('each line is read once', async () => {
  folder.stores = false
  await folder.write('a', '1\n')
  const more = ['2\n', '3\n']
  folder.onBatch = async (records) => {
    const next = records.length > 0 && more.shift()
    if (next) await appendFile(join(folder.path, 'a'), next)
  }
  expect(values(await folder.read(3))).toEqual(['1', '2', '3'])
})
