/**
 * Goal: log rotation loses no line. logrotate renames the file, puts an empty one in its place and then tells the writer, who goes on in the
 * old file until then. Method: the real tail on real files, asked after each of these steps what became of its file.
 */
import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FileTail } from '../../../connectors/file/tail.ts'

test('a file is followed for as long as nobody writes to the one that was put in its place', async () => {
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
