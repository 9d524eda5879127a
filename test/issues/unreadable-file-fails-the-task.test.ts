/**
 * Goal: a file that the worker may not open is moved away and the next one is read, where halt.on.error=false says so; it once failed the
 * task. Method: a real file without rights in a folder of the test's own. The process gives up the rights of root for it, which may open
 * all.
 */
import { chmod, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
// Loaded while the process has its rights.
import '../../connectors/directory/folder-reading.ts'
import '../../connectors/file-readers/line-reader.ts'
import { FolderForTests, values } from '../connectors/directory/folder-reading.ts'
import { until } from '../until.ts'

const NOBODY = 65_534
const folder = new FolderForTests()
const isRoot = process.geteuid!() === 0

beforeEach(async () => {
  await folder.write('a', 'a1\n')
  await folder.write('b', 'b1\n')
  await mkdir(join(folder.path, 'errors'))
  for (const path of ['.', 'errors']) await chmod(join(folder.path, path), 0o777)
  await chmod(join(folder.path, 'a'), 0)
  if (isRoot) process.seteuid!(NOBODY)
})
afterEach(() => {
  if (isRoot) process.seteuid!(0)
})

test('with halt.on.error=false it is moved to error.path, and the next one is read', async () => {
  const config = { 'halt.on.error': 'false', 'error.path': join(folder.path, 'errors') }
  expect(values(await folder.read(1, config))).toEqual(['b1'])
  expect(folder.logged.map(({ message }) => message)).toContainEqual(expect.stringMatching(/a cannot be read: EACCES.*It is moved to/))
  await until(async () => (await readdir(join(folder.path, 'errors'))).includes('a'), 'the file is moved')
  expect(await folder.positions.get({ directory: folder.path, fileName: 'a' })).toMatchObject({ offset: 0, finished: true, failed: true })
})

test('else it fails the task, which names it', async () => {
  await expect(folder.read(1)).rejects.toThrow(/a cannot be read: EACCES: permission denied/)
})
