/**
 * Goal: the sink's file has each record once and no incomplete line, whatever happened to it or its worker. Method: real files; a crash is
 * a task that is abandoned without flush or stop, with the bytes that it would leave.
 */
import { appendFile, mkdir, mkdtemp, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type LogLine, sinkRecord, taskContext } from '../../../connect/contract/index.ts'
import { Retriable, type Schema, type SinkOffset, type SinkTask, schemas } from '../../../connect/sdk/index.ts'
import { javaText } from '../../../connect/sdk/values/java-text.ts'
import { fileSink } from '../../../connectors/file/sink.ts'

let folder: string
let file: string
let logged: LogLine[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tributary-sink-'))
  file = join(folder, 'output')
})
afterEach(() => rm(folder, { recursive: true }))

async function start(config: Record<string, string> = {}): Promise<SinkTask> {
  const context = taskContext(fileSink.settings, { file, ...config }, new AbortController().signal)
  logged = context.logged
  return fileSink.start(context)
}
const record = (offset: number, value: unknown = `line ${offset}`, valueSchema: Schema | null = null, partition = 0) =>
  sinkRecord({ topic: 't', partition, offset, value, valueSchema })
const lines = async () => (await readFile(file, 'utf8')).split('\n').slice(0, -1)

test('a dead letter that is replayed is written though its offset is long past, once, and the records after it count as before', async () => {
  const letter = (offset: number, origin: number) => ({
    ...record(origin, `letter ${origin}`),
    replayOf: { topic: 'dead', partition: 0, offset },
  })
  let sink = await start()
  await sink.write([0, 2, 4, 5].map((offset) => record(offset)))
  await sink.flush([{ topic: 't', partition: 0, offset: 6 }])
  await sink.write([letter(0, 1), letter(1, 3)])
  await sink.flush()
  await sink.stop!()
  sink = await start()
  // The worker has crashed before it marked the letters, and before the offset was committed.
  await sink.write([letter(0, 1), letter(1, 3)])
  await sink.write([record(5), record(6)])
  await sink.flush()
  await sink.stop!()
  expect(await lines()).toEqual(['line 0', 'line 2', 'line 4', 'line 5', 'letter 1', 'letter 3', 'line 6'])
})

test('dead letters that are replayed in another order than that of their queue are all written', async () => {
  const letter = (offset: number) => ({
    ...record(offset, `letter ${offset}`),
    timestamp: 1_000 + offset,
    replayOf: { topic: 'dead', partition: 0, offset },
  })
  const sink = await start()
  for (const offset of [5, 3, 4]) {
    await sink.write([letter(offset)])
    await sink.flush()
  }
  await sink.stop!()
  expect(await lines()).toEqual(['letter 5', 'letter 3', 'letter 4'])
})

describe('after a crash', () => {
  test('any batches, flushes and crashes leave each record once, in order', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 1, max: 5 }).map((count) => ({ kind: 'write' as const, count })) },
      { weight: 2, arbitrary: fc.constant({ kind: 'flush' as const, count: 0 }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'commit' as const, count: 0 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 12 }).map((count) => ({ kind: 'crash' as const, count })) },
    )
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        file = join(folder, `run-${++run}`)
        let sink = await start()
        let [next, flushed, committed] = [0, 0, 0]
        for (const { kind, count } of steps) {
          if (kind === 'write') {
            await sink.write(Array.from({ length: count }, () => record(next++)))
          } else if (kind === 'flush') {
            await sink.flush()
            flushed = Math.max(flushed, next)
          } else if (kind === 'commit') committed = Math.min(flushed, next)
          else {
            await appendFile(file, 'torn line'.slice(0, count))
            await sink.stop!()
            next = committed
            sink = await start()
          }
        }
        await sink.flush()
        await sink.stop!()
        const most = Math.max(next, flushed)
        expect(await lines()).toEqual(Array.from({ length: most }, (_, i) => `line ${i}`))
      }),
      { numRuns: 60 },
    )
  })

  test('what another connector wrote and committed meanwhile is kept, and skipped when it is delivered again', async () => {
    const context = taskContext(fileSink.settings, { file }, new AbortController().signal)
    const offsets: SinkOffset[] = []
    const begin = () => fileSink.start({ ...context, committed: async () => offsets })
    const ours = await begin()
    await ours.write([record(0)])
    await ours.flush([{ topic: 't', partition: 0, offset: 3 }]) // Offsets 1 and 2 are no records
    offsets.push({ topic: 't', partition: 0, offset: 3 })
    await ours.write([record(3)])
    await ours.stop!()

    const again = await begin()
    expect(await lines()).toEqual(['line 0'])
    await again.write([record(3)])
    await again.stop!()

    await appendFile(file, 'line 3\nline 4\nto')
    offsets[0] = { topic: 't', partition: 0, offset: 5 }
    const back = await begin()
    expect(await lines()).toEqual(['line 0', 'line 3', 'line 3', 'line 4'])
    await back.write([record(5)])
    await back.stop!()
    const last = await begin()
    expect(await lines()).toEqual(['line 0', 'line 3', 'line 3', 'line 4'])
    await last.stop!()
  })

  test('another connector is known of also where nothing was flushed before it', async () => {
    await (await start()).stop!()
    await appendFile(file, 'line 0\n')
    const context = taskContext(fileSink.settings, { file }, new AbortController().signal)
    const sink = await fileSink.start({ ...context, committed: async () => [{ topic: 't', partition: 0, offset: 1 }] })
    expect(await lines()).toEqual(['line 0'])
    await sink.stop!()
  })

  test('a torn last line of a file without a position is cut off', async () => {
    await writeFile(file, 'kept\ntorn')
    const sink = await start()
    expect(await readFile(file, 'utf8')).toBe('kept\n')
    expect(logged[0]!.message).toBe(`${file} is truncated from 9 to 5 bytes: its last line has no newline`)
    await sink.stop!()
  })

  test('a torn line longer than one look back is found', async () => {
    await writeFile(file, `kept\n${'x'.repeat(200_000)}`)
    await (await start()).stop!()
    expect(await readFile(file, 'utf8')).toBe('kept\n')
  })
})

describe('records that come again', () => {
  test('are logged apart by partition', async () => {
    const sink = await start()
    await sink.write([record(0, 'a', null, 0), record(5, 'b', null, 1), record(1, 'c', null, 0)])
    await sink.flush()
    await sink.write([record(1, 'c', null, 0), record(5, 'b', null, 1), record(6, 'd', null, 1), record(2, 'e', null, 0)])
    expect(await lines()).toEqual(['a', 'b', 'c', 'd', 'e'])
    await sink.stop!()
  })

  test('are new ones where the topic was recreated', async () => {
    const first = await start()
    await first.write([record(0), record(1)])
    await first.flush()
    await first.stop!()
    const second = await start()
    await second.write([{ ...record(0, 'new'), timestamp: 1_800_000_000_000 }])
    expect(await lines()).toEqual(['line 0', 'line 1', 'new'])
    expect(logged.map(({ message }) => message)).toEqual([expect.stringContaining('the topic was recreated')])
    await second.stop!()
  })

  test('are written again into a file that was removed', async () => {
    const first = await start()
    await first.write([record(0), record(1)])
    await first.flush()
    await first.stop!()
    await rm(file)
    const second = await start()
    await second.write([record(0), record(1)])
    await second.flush()
    expect(await lines()).toEqual(['line 0', 'line 1'])
    await second.stop!()
  })
})

test('after a rename of the file, lines go to a new file from the next flush', async () => {
  const sink = await start()
  await sink.write([record(0)])
  await rename(file, `${file}.1`)
  await sink.write([record(1)])
  await sink.flush()
  await sink.write([record(2)])
  await sink.flush()
  expect(await readFile(`${file}.1`, 'utf8')).toBe('line 0\nline 1\n')
  expect(await lines()).toEqual(['line 2'])
  await sink.stop!()
})

test('a folder that goes away under the file and comes back costs no line', async () => {
  const sink = await start()
  await sink.write([record(0)])
  await sink.flush([{ topic: 't', partition: 0, offset: 1 }])
  const away = `${folder}-away`
  await rename(folder, away)
  await sink.write([record(1)])
  for (let tries = 0; tries < 3; tries++)
    await expect(sink.flush([{ topic: 't', partition: 0, offset: 2 }])).rejects.toBeInstanceOf(Retriable)
  await rename(away, folder)
  await sink.write([record(2)])
  await sink.flush([{ topic: 't', partition: 0, offset: 3 }])
  await sink.stop!()
  expect(await lines()).toEqual(['line 0', 'line 1', 'line 2'])
})

test('a flush that finds no room is tried again until it does', async () => {
  const sink = await start()
  await sink.write([record(0)])
  // A folder of this name prevents the position from being stored, as a full disk would.
  await rm(`${file}.position`)
  await mkdir(`${file}.position`)
  await expect(sink.flush()).rejects.toThrow(Retriable)
  await rmdir(`${file}.position`)
  await sink.flush()
  await sink.stop!()
  const second = await start()
  await second.write([record(0), record(1)])
  expect(await lines()).toEqual(['line 0', 'line 1'])
  await second.stop!()
})

test('there is one task, and a position that cannot be read is named', async () => {
  expect(fileSink.tasks!({ file, format: 'lines' }, 3)).toEqual([{}])
  await writeFile(`${file}.position`, 'no json')
  await expect(start()).rejects.toThrow(`${file}.position is not the position of a file sink`)
  await expect(start({ file: join(folder, 'no/where') })).rejects.toThrow("Couldn't find or create file")
})

test('JSON lines keep what JSON can carry', async () => {
  const sink = await start({ format: 'json' })
  const schema = schemas.struct({
    big: schemas.int64(),
    bytes: schemas.bytes(),
    price: schemas.decimal(2),
    at: schemas.timestamp(),
    list: schemas.array(schemas.int64()),
    map: schemas.map(schemas.string(), schemas.int32()),
    none: schemas.string({ optional: true }),
  })
  const value = {
    big: 2n ** 62n,
    bytes: Buffer.from('hi'),
    price: '12.50',
    at: new Date(0),
    list: [1, 2n ** 60n],
    map: new Map([['a', 1]]),
  }
  await sink.write([record(0, { a: 'ü\n', n: 2n ** 60n }), record(1, value, schema), record(2, null), record(3, 'x', schemas.string())])
  expect(await lines()).toEqual([
    '{"a":"ü\\n","n":1152921504606846976}',
    '{"big":4611686018427387904,"bytes":"aGk=","price":12.50,"at":"1970-01-01T00:00:00.000Z","list":[1,1152921504606846976],"map":{"a":1},"none":null}',
    'null',
    '"x"',
  ])
  await sink.stop!()
})

test.each([
  [null, null, 'null'],
  [1, schemas.int32(), '1'],
  [1, schemas.float64(), '1.0'],
  [1.5, null, '1.5'],
  [1e7, schemas.float64(), '1.0E7'],
  [1.25e-5, null, '1.25E-5'],
  [true, null, 'true'],
  [[1, 'a'], null, '[1, a]'],
  [{ a: 1, b: { c: null } }, null, '{a=1, b={c=null}}'],
  [{ a: 1, b: null }, schemas.struct({ a: schemas.int32(), b: schemas.string({ optional: true }) }), 'Struct{a=1}'],
])('the text of %j is as Java has it', (value, schema, text) => expect(javaText(value, schema)).toBe(text))
