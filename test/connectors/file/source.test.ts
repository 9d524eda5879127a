/**
 * Goal: the file source does with real files what its README says: formats, positions, rotation, truncation, bad lines.
 * Method: a real file in a folder of the test's own; records are awaited one batch at a time, and what is stored goes through JSON.
 */
import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type LogLine, StoredPositions, taskContext } from '../../../connect/contract/index.ts'
import type { Position, SourceRecord } from '../../../connect/sdk/index.ts'
import { fileSource } from '../../../connectors/file/source.ts'

let folder: string
let file: string
let stop: AbortController
let logged: LogLine[]
let positions: StoredPositions
let last: Position | undefined
const generators: ReturnType<typeof fileSource.read>[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tributary-source-'))
  file = join(folder, 'input')
  stop = new AbortController()
  positions = new StoredPositions()
})
afterEach(async () => {
  stop.abort()
  for (const generator of generators.splice(0)) await generator.return()
  await rm(folder, { recursive: true })
})

/** Asks for records, so many at a time, and stores their positions as the runtime would. */
function open(config: Record<string, string> = {}) {
  const context = taskContext(fileSource.settings, { file, topic: 'topic', ...config }, stop.signal)
  logged = context.logged
  const generator = fileSource.read({ ...context, positions })
  generators.push(generator)
  return async (count: number): Promise<SourceRecord[]> => {
    const records: SourceRecord[] = []
    while (records.length < count) {
      const { value, done } = await generator.next()
      if (done) throw new Error(`the source ended after ${records.length} records`)
      records.push(...value.records)
      positions.store(value.positions)
      last = value.positions[0]
    }
    return records
  }
}
const values = (records: readonly SourceRecord[]) => records.map((record) => record.value)

describe('formats', () => {
  test('lines are strings with a schema and no key', async () => {
    await writeFile(file, 'one\r\n\ntwo\rthree\n')
    const [first, ...others] = await open()(4)
    expect(first).toMatchObject({
      topic: 'topic',
      partition: null,
      key: null,
      value: 'one',
      valueSchema: { type: 'string', optional: false },
    })
    expect(values(others)).toEqual(['', 'two', 'three'])
  })

  test('JSON lines are values without a schema, keyed by a field', async () => {
    await writeFile(file, '\uFEFF{"id":"a","n":1}\n\n[1,2]\r\n  \n{"id":7}\n')
    const records = await open({ format: 'json', 'key.field': 'id' })(3)
    expect(values(records)).toEqual([{ id: 'a', n: 1 }, [1, 2], { id: 7 }])
    expect(records.map((record) => record.key)).toEqual(['a', null, 7])
  })

  test('CSV rows are structs named by the header', async () => {
    await writeFile(file, '\uFEFFid,"the name"\r\n1,"a, ""b""\nc"\r\n2,\r\n')
    const records = await open({ format: 'csv', 'key.field': 'id' })(2)
    expect(values(records)).toEqual([
      { id: '1', 'the name': 'a, "b"\nc' },
      { id: '2', 'the name': '' },
    ])
    expect(records[0]!.key).toBe('1')
    expect(records[0]!.valueSchema!.fields!.map((field) => field.name)).toEqual(['id', 'the name'])
  })

  test('CSV may have another delimiter, and its header is known after a restart', async () => {
    await writeFile(file, 'a\tb\n1\t2\n')
    expect(values(await open({ format: 'csv', delimiter: '\\t' })(1))).toEqual([{ a: '1', b: '2' }])
    stop.abort()
    stop = new AbortController()
    await appendFile(file, '3\t4\n')
    expect(values(await open({ format: 'csv', delimiter: '\\t' })(1))).toEqual([{ a: '3', b: '4' }])
  })

  test('CSV says what is wrong with a header', async () => {
    await writeFile(file, 'a,a\n')
    await expect(open({ format: 'csv' })(1)).rejects.toThrow(`${file} cannot be read as CSV: its first line names the column "a" twice`)
    await writeFile(file, 'a,b\n')
    await expect(open({ format: 'csv', 'key.field': 'c' })(1)).rejects.toThrow(
      'it has no column "c" (it has a, b): set key.field to one of them',
    )
  })
})

describe('a bad line', () => {
  test('stops the task after the lines before it, with its byte', async () => {
    await writeFile(file, '{"a":1}\n{"a":2}\n{"a":\n{"a":4}\n')
    const next = open({ format: 'json' })
    expect(values(await next(2))).toEqual([{ a: 1 }, { a: 2 }])
    await expect(next(1)).rejects.toThrow(
      new RegExp(`^${file}: the line at byte 16 is not JSON: .*\\. Correct the line, or set bad\\.lines=skip\\.$`),
    )
  })

  test('is skipped and logged of where that is wanted', async () => {
    await writeFile(file, '{"a":1}\nno\nnot\n{"a":4}\n')
    expect(values(await open({ format: 'json', 'bad.lines': 'skip' })(2))).toEqual([{ a: 1 }, { a: 4 }])
    expect(logged.map(({ message }) => message)).toEqual([
      expect.stringContaining('the line at byte 8 is not JSON'),
      expect.stringContaining('the line at byte 11 is not JSON'),
    ])
  })

  test('is a CSV row of another width too', async () => {
    await writeFile(file, 'a,b\n1,2\n3\n4,5\n')
    expect(values(await open({ format: 'csv', 'bad.lines': 'skip' })(2))).toEqual([
      { a: '1', b: '2' },
      { a: '4', b: '5' },
    ])
    expect(logged[0]!.message).toContain('the line at byte 8')
  })

  test('is a CSV row with a quote in the middle of a field, and no other row is lost with it', async () => {
    await writeFile(file, '\uFEFF"a\n1",b\n1,2\n3,5" nail\n"x""\ny",6\n7,"8"9\n10,11\n')
    expect(values(await open({ format: 'csv', 'bad.lines': 'skip' })(3))).toEqual([
      { 'a\n1': '1', b: '2' },
      { 'a\n1': 'x"\ny', b: '6' },
      { 'a\n1': '10', b: '11' },
    ])
    expect(logged.map(({ message }) => message)).toEqual([
      expect.stringContaining('the line at byte 15 is not a CSV row'),
      expect.stringContaining('the line at byte 35 is not a CSV row'),
    ])
  })

  test('that is too long names its byte and the setting', async () => {
    await writeFile(file, `ok\n${'x'.repeat(200)}\n`)
    const next = open({ 'line.max.bytes': '100' })
    await next(1)
    await expect(next(1)).rejects.toThrow(`${file}: The line that begins at byte 3 is longer than 100 bytes. Raise line.max.bytes`)
  })
})

describe('a file that changes', () => {
  test('may come later', async () => {
    const next = open()
    const waiting = next(1)
    await expect.poll(() => logged.length).toBe(1)
    expect(logged[0]!.message).toBe(`Couldn't find file ${file}; waiting for it to be created`)
    await writeFile(file, 'here\n')
    expect(values(await waiting)).toEqual(['here'])
  })

  test('has its last line read when its newline is written', async () => {
    await writeFile(file, 'one\nhal')
    const next = open()
    expect(values(await next(1))).toEqual(['one'])
    const waiting = next(1)
    await appendFile(file, Buffer.from('f \u00fc').subarray(0, 3))
    await appendFile(file, Buffer.concat([Buffer.from('\u00fc').subarray(1), Buffer.from('\n')]))
    expect(values(await waiting)).toEqual(['half ü'])
  })

  test('is read to its end when it was rotated, and then the new file', async () => {
    await writeFile(file, 'old 1\nold 2')
    const next = open()
    expect(values(await next(1))).toEqual(['old 1'])
    const waiting = next(3)
    await rename(file, `${file}.1`)
    await appendFile(`${file}.1`, '…\nold 3')
    await writeFile(file, 'new 1\n')
    expect(values(await waiting)).toEqual(['old 2…', 'old 3', 'new 1'])
    expect(last!.offset.position).toBe(6)
  })

  test('is read from its beginning when it was truncated, and the log says so', async () => {
    await writeFile(file, 'a line\nanother\n')
    const next = open()
    await next(2)
    const waiting = next(1)
    await truncate(file, 0)
    await appendFile(file, 'new\n')
    expect(values(await waiting)).toEqual(['new'])
    expect(logged.map(({ message }) => message)).toContain(`${file} was truncated and is read from its beginning`)
  })

  test('is read from its beginning when it was rewritten in place, though it is longer now', async () => {
    await writeFile(file, 'a line\n')
    const next = open()
    await next(1)
    const waiting = next(2)
    await writeFile(file, 'quite another\nsecond line\n')
    expect(values(await waiting)).toEqual(['quite another', 'second line'])
  })

  test('gets a new header with its new rows', async () => {
    await writeFile(file, 'a,b\n1,2\n')
    const next = open({ format: 'csv' })
    expect(values(await next(1))).toEqual([{ a: '1', b: '2' }])
    const waiting = next(1)
    await rename(file, `${file}.1`)
    await writeFile(file, 'c\n3\n')
    expect(values(await waiting)).toEqual([{ c: '3' }])
  })
})

describe('positions', () => {
  test("are Kafka's own, in bytes", async () => {
    await writeFile(file, 'ü\nzwei\n')
    await open({ 'batch.size': '1' })(1)
    expect(last).toEqual({ partition: { filename: file }, offset: { position: 3, head: expect.stringMatching(/^3:[0-9a-f]+$/) } })
  })

  test("are taken over from Kafka's connector", async () => {
    await writeFile(file, 'one\ntwo\n')
    positions.store([{ partition: { filename: file }, offset: { position: 4 } }])
    expect(values(await open()(1))).toEqual(['two'])
  })

  test('of another file of the same name are not used', async () => {
    await writeFile(file, 'one\ntwo\n')
    await open()(2)
    stop.abort()
    stop = new AbortController()
    await writeFile(file, 'three\nfour\nfive\n')
    expect(values(await open()(3))).toEqual(['three', 'four', 'five'])
    expect(logged[0]!.message).toContain('is not the file that was read up to byte 8')
  })

  test('that a user writes are checked with the sentences of Kafka', () => {
    const check = (offset: Record<string, string | number> | null, partition: Record<string, string> = { filename: 'x' }) =>
      fileSource.checkPositions!({} as never, [{ partition, offset }])
    expect(() => check({ position: 3 })).not.toThrow()
    expect(() => check(null, { anything: 'goes' })).not.toThrow()
    expect(() => check({})).toThrow("Offset objects should either be null or contain the key 'position'")
    expect(() => check({ position: 'x' })).toThrow("The value for the 'position' key in the offset is expected to be a Long value")
    expect(() => check({ position: -1 })).toThrow("The value for the 'position' key in the offset should be a non-negative value")
    expect(() => check({ position: 1 }, { file: 'x' })).toThrow("Partition objects should contain the key 'filename'")
  })
})

test('a folder is refused', async () => {
  await expect(open({ file: folder })(1)).rejects.toThrow(`${folder} is a folder. Set file to a file.`)
})
