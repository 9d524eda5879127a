/**
 * Goal: the files of a folder are read once, in order, whatever their compression, and what happens to them afterwards is what the
 * settings say. Method: real files in a folder of the test's own; positions go through JSON, and tasks are started again in the middle
 * of files.
 */
import { existsSync } from 'node:fs'
import { appendFile, mkdir, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { compressFrameSync } from 'lz4-napi'
import { Compressor } from 'snappy'
import { expect, test } from 'vitest'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { check, settings } from '../../../connectors/directory/settings.ts'
import { directorySource } from '../../../connectors/directory/source.ts'
import { until } from '../../until.ts'
import { FolderForTests, values } from './folder-reading.ts'

const folder = new FolderForTests()
const lines = (from: number, count: number) => Array.from({ length: count }, (_, index) => `line ${from + index} ${'x'.repeat(index % 50)}`)

async function snappyFrames(text: string): Promise<Buffer> {
  const compressor = new Compressor()
  return Buffer.concat([compressor.update(text), await compressor.finish()])
}

test('files are read in the order of their names, or of their changes', async () => {
  await folder.write('b.txt', 'b1\nb2')
  await folder.write('a.txt', 'a1\n')
  await folder.write('c.log', 'c1\n')
  await utimes(join(folder.path, 'b.txt'), 1, 1)
  const config = { 'input.file.pattern': '.*[.]txt' }
  expect(values(await folder.read(3, config))).toEqual(['a1', 'b1', 'b2'])
  expect(folder.last).toEqual({
    partition: { directory: folder.path, fileName: 'b.txt' },
    offset: { offset: 5, size: 5, modified: 1000, head: expect.stringMatching(/^5:/), finished: true },
  })
  folder.positions = new (folder.positions.constructor as new () => typeof folder.positions)()
  expect(values(await folder.read(3, { ...config, order: 'modified' }))).toEqual(['b1', 'b2', 'a1'])
})

test.each([
  ['plain', 'a.txt', async (text: string) => Buffer.from(text)],
  ['gzip, of two members', 'a.txt.gz', async (text: string) => Buffer.concat([gzipSync(text.slice(0, 999)), gzipSync(text.slice(999))])],
  [
    'zstd, of two frames',
    'a.zst',
    async (text: string) => Buffer.concat([zstdCompressSync(text.slice(0, 999)), zstdCompressSync(text.slice(999))]),
  ],
  ['lz4', 'a.lz4', async (text: string) => compressFrameSync(text, { contentChecksum: true, blockChecksums: true })],
  ['snappy', 'a.sz', snappyFrames],
])('%s: each record once, also when the task starts again after each batch', async (_what, name, compress) => {
  const all = lines(0, 20_000)
  await folder.write(name, await compress(`${all.join('\n')}\n`))
  const seen: unknown[] = []
  while (seen.length < all.length) seen.push(...values(await folder.read(1, { 'batch.size': '4999' })))
  expect(seen).toEqual(all)
})

test('a compressed file that is cut off is an error of the file, after the records before', async () => {
  await folder.write('a.gz', gzipSync(lines(0, 5000).join('\n')).subarray(0, 2000))
  await expect(folder.read(5000)).rejects.toThrow(/a\.gz cannot be read: unexpected end of file/)
})

test('CSV: the header is known after a restart, also of a compressed file', async () => {
  const rows = Array.from({ length: 300 }, (_, index) => `${index},"name ${index}"`)
  await folder.write('a.csv.gz', gzipSync(`id,name\n${rows.join('\n')}`))
  await folder.write('b.csv', 'id,other\n7,x\n')
  const config = { format: 'csv', 'key.field': 'id', 'batch.size': '100' }
  const first = await folder.read(1, config)
  expect(first[0]).toMatchObject({ key: '0', value: { id: '0', name: 'name 0' } })
  const rest = await folder.read(202, config)
  expect(values(rest).slice(-2)).toEqual([
    { id: '299', name: 'name 299' },
    { id: '7', other: 'x' },
  ])
})

test('a file that grows after it was read is read on; one that was replaced is read from its beginning', async () => {
  await folder.write('a', 'one\n')
  expect(values(await folder.read(1))).toEqual(['one'])
  await appendFile(join(folder.path, 'a'), 'two\n')
  expect(values(await folder.read(1))).toEqual(['two'])
  await folder.write('a', 'other one\nother two\n')
  expect(values(await folder.read(2))).toEqual(['other one', 'other two'])
  expect(folder.logged.map(({ message }) => message)).toContainEqual(expect.stringContaining('is not the file of this name'))
  // As large as before, and with the same beginning: only its time says that it is another one.
  await folder.write('a', 'other one\nother 222\n')
  await utimes(join(folder.path, 'a'), 5, 5)
  expect(values(await folder.read(2))).toEqual(['other one', 'other 222'])
})

test('files are divided among tasks', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `file-${index}`)
  for (const name of names) await folder.write(name, name)
  const config = parseSettings(settings, { 'input.path': folder.path, topic: 't' })
  const tasks = await directorySource.tasks!(config, 2)
  expect(tasks).toEqual([{ 'task.count': '2' }, { 'task.count': '2' }])
  const own: string[] = []
  for (const task of [0, 1]) {
    const stop = values(await folder.read(5, tasks[task], task)) as string[]
    own.push(...stop)
    while (own.length < (task + 1) * 5) own.push(...(values(await folder.read(1, tasks[task], task)) as string[]))
  }
  expect(new Set(own).size).toBe(own.length)
})

test('a file is moved or deleted after its position was stored', async () => {
  const finished = join(folder.path, 'finished')
  await folder.write('a', 'one\n')
  await folder.read(1, { 'cleanup.policy': 'MOVE', 'finished.path': finished })
  await until(() => existsSync(join(finished, 'a')) && !existsSync(join(folder.path, 'a')), 'the file is in the folder of finished ones')
  await folder.write('b', 'two\n')
  await folder.read(1, { 'cleanup.policy': 'DELETE' })
  await until(() => !existsSync(join(folder.path, 'b')), 'the file is gone')
})

test('a file that cannot be read fails the task, or is moved away after its good records', async () => {
  await folder.write('a', '{"n":1}\n{"n":2}\nno\n{"n":4}\n')
  await folder.write('b', '{"n":5}\n')
  await expect(folder.read(9, { format: 'json' })).rejects.toThrow(/a cannot be read: the line at byte 16 is not JSON/)
  const errors = join(folder.path, 'errors')
  const config = { format: 'json', 'halt.on.error': 'false', 'error.path': errors }
  folder.positions = new (folder.positions.constructor as new () => typeof folder.positions)()
  expect(values(await folder.read(3, config))).toEqual([{ n: 1 }, { n: 2 }, { n: 5 }])
  await until(async () => (await readdir(errors)).includes('a'), 'the bad file is moved')
  expect(await folder.positions.get({ directory: folder.path, fileName: 'a' })).toMatchObject({ offset: 16, finished: true, failed: true })
  // Mended and put back, it is read on.
  await folder.write('a', '{"n":1}\n{"n":2}\n{"n":3}\n{"n":4}\n')
  expect(values(await folder.read(2, config))).toEqual([{ n: 3 }, { n: 4 }])
  await folder.write('c', '{"n":6}\nno\n{"n":7}\n')
  expect(values(await folder.read(2, { format: 'json', 'bad.lines': 'skip' }))).toEqual([{ n: 6 }, { n: 7 }])
})

test('links to files are read, links to folders and to nothing are not', async () => {
  await mkdir(join(folder.path, 'within'))
  await folder.write('within/x', 'x\n')
  await symlink('within/x', join(folder.path, 'link'))
  await symlink('.', join(folder.path, 'loop'))
  await symlink('nowhere', join(folder.path, 'dangling'))
  expect(values(await folder.read(1))).toEqual(['x'])
  expect(values(await folder.read(1, { 'input.path.walk.recursively': 'true' }))).toEqual(['x'])
})

test('a file whose name is not UTF-8 is named in the log, once', async () => {
  await writeFile(Buffer.concat([Buffer.from(`${folder.path}/a`), Buffer.from([0xff])]), 'lost\n')
  await folder.write('b', 'b\n')
  folder.onBatch = () => folder.write('c', 'c\n')
  expect(values(await folder.read(2))).toEqual(['b', 'c'])
  expect(folder.logged.filter(({ message }) => message.includes('is not UTF-8')).map(({ level }) => level)).toEqual(['warn'])
})

test('finished files keep the folders of their names', async () => {
  const finished = `${folder.path}-finished`
  await mkdir(join(folder.path, 'one'))
  await mkdir(join(folder.path, 'two'))
  await folder.write('one/x', '1\n')
  await folder.write('two/x', '2\n')
  try {
    const config = { 'cleanup.policy': 'MOVE', 'finished.path': finished, 'input.path.walk.recursively': 'true' }
    expect(values(await folder.read(2, config))).toEqual(['1', '2'])
    await until(() => existsSync(join(finished, 'one/x')) && existsSync(join(finished, 'two/x')), 'both files are there')
  } finally {
    await rm(finished, { recursive: true, force: true })
  }
})

test('young files wait; folders within are read where that is wanted', async () => {
  await mkdir(join(folder.path, 'within'))
  await writeFile(join(folder.path, 'within', 'a'), 'deep')
  await folder.write('b', 'old')
  await utimes(join(folder.path, 'b'), 1, 1)
  expect(values(await folder.read(1, { 'file.minimum.age.ms': '60000' }))).toEqual(['old'])
  expect(values(await folder.read(1, { 'input.path.walk.recursively': 'true', 'input.file.pattern': 'within/.*' }))).toEqual(['deep'])
})

test('a folder that is not there is an error that says so', async () => {
  await expect(folder.read(1, { 'input.path': join(folder.path, 'missing') })).rejects.toThrow('Create it, or set input.path')
})

test('settings that cannot work together are refused', () => {
  const problems = (config: Record<string, string>) =>
    check(parseSettings(settings, { 'input.path': '/in', topic: 't', ...config })).map(({ setting }) => setting)
  expect(problems({ 'cleanup.policy': 'MOVE' })).toEqual(['finished.path'])
  expect(problems({ 'cleanup.policy': 'MOVE', 'finished.path': '/in/' })).toEqual(['finished.path'])
  expect(problems({ 'cleanup.policy': 'MOVE', 'finished.path': '/in/done' })).toEqual([])
  expect(problems({ 'finished.path': '/in/done', 'input.path.walk.recursively': 'true' })).toEqual(['finished.path'])
  expect(problems({ 'halt.on.error': 'false' })).toEqual(['error.path'])
  expect(problems({ format: 'parquet', compression: 'gzip' })).toEqual(['compression'])
})

test('an empty file has a position and no records', async () => {
  await folder.write('a', '')
  await folder.write('b', 'one')
  await folder.read(1)
  expect(await folder.positions.get({ directory: folder.path, fileName: 'a' })).toMatchObject({ offset: 0, finished: true })
  await rm(join(folder.path, 'a'))
})
