/**
 * Goal: the tasks of every connector keep the same promises towards the runtime. Method: a scan finds every connectors/<name>/connector.ts;
 * its fixture in test/connectors/<name>/fixture.ts fills and reads the real system; one suite runs on all of them. A connector without a
 * fixture, or without a README in the common order, fails.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  BadRecord,
  type Connector,
  MissingSetting,
  parseSettings,
  type Settings,
  type SinkTask,
  type SourceSide,
} from '../../connect/sdk/index.ts'
import { scanFolders } from '../../core/system/scan.ts'
import { version } from '../../core/system/version.ts'
import { type ConnectorFixture, type SinkFixture, type SourceFixture, StoredPositions, taskContext } from './fixture.ts'

const root = new URL('../../', import.meta.url)
const connectors = await scanFolders<Connector>(fileURLToPath(new URL('connectors', root)), 'connector')
const README_SECTIONS = ['How it works', 'Records', 'Settings', 'When things go wrong']
const COUNT = 500

const sidesOf = (connector: Connector) => [connector.source, connector.sink, connector.flow].filter((side) => side !== undefined)

test('connectors are found', () =>
  expect(connectors.map((connector) => connector.name)).toEqual(expect.arrayContaining(['file', 'postgres'])))

test('a class name or an alias means one side of one kind', () => {
  const names = connectors.flatMap((connector) => sidesOf(connector).flatMap((side) => [side.class, ...(side.aliases ?? [])]))
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
})

describe.each(connectors.map((connector) => [connector.name, connector] as const))('%s', (name, connector) => {
  let fixture: ConnectorFixture

  beforeAll(async () => {
    fixture = await (
      (await import(new URL(`test/connectors/${name}/fixture.ts`, root).href)) as { default(): Promise<ConnectorFixture> }
    ).default()
  })
  afterAll(async () => fixture?.stop?.())

  test('has a doc and a version', () => {
    expect(connector.doc).toMatch(/\.$/)
    expect(connector.version ?? version).toMatch(/^\d+\.\d+\.\d+$/)
    for (const side of sidesOf(connector)) {
      for (const [setting, { doc }] of Object.entries(side.settings as Settings)) expect(doc, setting).not.toBe('')
    }
  })

  test('its README has the common order and names every setting and class', () => {
    const readme = readFileSync(new URL(`connectors/${name}/README.md`, root), 'utf8')
    const sections = [...readme.matchAll(/^## (.+)$/gm)].map(([, title]) => title)
    expect(sections).toEqual(README_SECTIONS)
    for (const side of sidesOf(connector)) {
      expect(readme).toContain(side.class)
      for (const setting of Object.keys(side.settings)) expect(readme).toContain(`\`${setting}\``)
    }
  })

  test('the error for a missing required setting names it', () => {
    for (const side of sidesOf(connector)) {
      const settings = side.settings as Settings
      const required = Object.keys(settings).filter((key) => settings[key]!.required)
      if (required.length > 0) expect(() => parseSettings(settings, {})).toThrow(new MissingSetting(required[0]!))
    }
  })

  if (connector.source) sourceSuite(connector.source, async () => (await fixture.source!()) as SourceFixture)
  if (connector.sink) sinkSuite(connector.sink, async () => (await fixture.sink!()) as SinkFixture)
})

// biome-ignore lint/suspicious/noExplicitAny: the suite takes every connector's own settings
function sourceSuite(side: SourceSide<any>, make: () => Promise<SourceFixture>): void {
  /** Reads a number of records or of batches, and stores the positions after each batch. */
  async function read(fixture: SourceFixture, positions: StoredPositions, wanted: number, batches = Number.POSITIVE_INFINITY) {
    const stop = new AbortController()
    const numbers: number[] = []
    for await (const batch of side.read({ ...taskContext(side.settings, fixture.config, stop.signal), positions })) {
      numbers.push(...batch.records.map((record) => fixture.numberOf(record.value)))
      for (const { partition, offset } of batch.positions) {
        for (const part of [...Object.values(partition), ...Object.values(offset)])
          expect(part === null || typeof part !== 'object').toBe(true)
      }
      positions.store(batch.positions)
      if (numbers.length >= wanted || --batches <= 0) stop.abort()
    }
    return numbers
  }
  const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i)

  describe('source', () => {
    test('reads all records, once and in order', async () => {
      const fixture = await make()
      await fixture.fill(COUNT)
      expect(await read(fixture, new StoredPositions(), COUNT)).toEqual(upTo(COUNT))
    })

    test('reads what is written later', async () => {
      const fixture = await make()
      await fixture.fill(10)
      const reading = read(fixture, new StoredPositions(), 20)
      await fixture.more(10)
      expect(await reading).toEqual(upTo(20))
    })

    test('continues from any stored position, without a gap and without a duplicate', async () => {
      const fixture = await make()
      await fixture.fill(COUNT)
      const positions = new StoredPositions()
      const numbers: number[] = []
      while (numbers.length < COUNT) numbers.push(...(await read(fixture, positions, 1, 1)))
      expect(numbers).toEqual(upTo(COUNT))
    })

    test('ends when its task stops, though it waits for data', async () => {
      const fixture = await make()
      await fixture.fill(1)
      const stop = new AbortController()
      const context = { ...taskContext(side.settings, fixture.config, stop.signal), positions: new StoredPositions() }
      const generator = side.read(context)
      await generator.next()
      const waiting = generator.next()
      stop.abort()
      expect((await waiting).done).toBe(true)
    })
  })
}

function sinkSuite(side: NonNullable<Connector['sink']>, make: () => Promise<SinkFixture>): void {
  const start = async (fixture: SinkFixture): Promise<SinkTask> => {
    const task = await side.start(taskContext(side.settings, fixture.config, new AbortController().signal))
    await task.open?.([{ topic: 'contract', partition: 0 }])
    return task
  }
  const records = (fixture: SinkFixture, from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => fixture.record(from + i, from + i))

  describe('sink', () => {
    test('what was flushed is in the system, in order', async () => {
      const fixture = await make()
      const task = await start(fixture)
      await task.write(records(fixture, 0, COUNT))
      await task.write([])
      await task.write(records(fixture, COUNT, COUNT + 1))
      await task.flush()
      await task.flush()
      expect(await fixture.stored()).toEqual(Array.from({ length: COUNT + 1 }, (_, i) => i))
      await task.close?.([{ topic: 'contract', partition: 0 }])
      await task.stop?.()
      await task.stop?.()
    })

    test('after a crash, the next task loses nothing that was flushed, and writes nothing twice', async () => {
      const fixture = await make()
      const first = await start(fixture)
      await first.write(records(fixture, 0, 100))
      await first.flush()
      await first.write(records(fixture, 100, 150))
      // The first task crashes here: no flush, no stop, and the offsets of its flush were never committed.
      const second = await start(fixture)
      await second.write(records(fixture, 0, 200))
      await second.flush()
      expect(await fixture.stored()).toEqual(Array.from({ length: 200 }, (_, i) => i))
      await second.stop?.()
      await first.stop?.()
    })

    test('bad records are reported by their index, and the others are written', async () => {
      const fixture = await make()
      const task = await start(fixture)
      const batch = records(fixture, 0, 20)
      batch[7] = fixture.bad(7)
      batch[13] = fixture.bad(13)
      const error = await task.write(batch).then(
        () => null,
        (thrown: unknown) => thrown,
      )
      expect(error).toBeInstanceOf(BadRecord)
      expect([error as BadRecord, ...(error as BadRecord).also].map((bad) => bad.index)).toEqual([7, 13])
      await task.flush()
      expect(await fixture.stored()).toEqual(Array.from({ length: 20 }, (_, i) => i).filter((i) => i !== 7 && i !== 13))
      await task.stop?.()
    })
  })
}
