/**
 * Goal: log rotation loses no line. logrotate renames the file, creates an empty one under its name and then signals the writer, which
 * writes to the renamed file until then. Method: the real tail on real files, checked after each of these steps.
 */
import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FileTail } from '../../../connectors/file/tail.ts'

test('a renamed file is followed until something is written to the file that replaced it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-rotation-'))
  const file = join(folder, 'log')
  const tail = new FileTail(file, new AbortController().signal)
  const into = Buffer.alloc(100)
  try {
    await writeFile(file, 'one\n')
    await tail.open()
    expect(await tail.read(into, 0)).toBe(4)
    await rename(file, `${file}.1`)
    expect(await tail.checkForChange(4)).toBe('none')
    await writeFile(file, '')
    expect(await tail.checkForChange(4)).toBe('none')
    await appendFile(`${file}.1`, 'two\n')
    expect(await tail.read(into, 4)).toBe(4)
    await appendFile(file, 'three\n')
    expect(await tail.checkForChange(8)).toBe('replaced')
  } finally {
    await tail.close()
    await rm(folder, { recursive: true })
  }
})
