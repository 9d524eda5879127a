/**
 * Goal: cleanup.policy removes no line that was not read. A file that grew between its end and the storing of its position was deleted with
 * its new lines. Method: the position of a file is stored after the file has grown, or was replaced.
 */
import { existsSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FolderForTests, values } from '../connectors/directory/folder-reading.ts'
import { until } from '../until.ts'

const folder = new FolderForTests()

test.each([
  ['grown', () => appendFile(join(folder.path, 'a'), '2\n')],
  ['replaced', () => folder.write('a', '2 and more\n')],
])('a file that has %s is read before it is deleted', async (_what, change) => {
  folder.stores = false
  await folder.write('a', '1\n')
  let changed = false
  folder.onBatch = async () => {
    if (!changed) await change()
    changed = true
    folder.positions.store(folder.unstored.splice(0))
  }
  const read = values(await folder.read(2, { 'cleanup.policy': 'DELETE' })) as string[]
  expect(read.map((line) => line[0])).toEqual(['1', '2'])
  await until(() => !existsSync(join(folder.path, 'a')), 'the file is gone')
})
