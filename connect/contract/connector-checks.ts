/**
 * What the tasks of every connector keep towards the runtime: sources read everything once, in order, from any stored position; sinks lose
 * nothing that was flushed, and report bad records by their index.
 */
import { BadRecord, parseSettings, type SinkSide, type SinkTask, type SourceSide } from '../sdk/index.ts'
import { type Checks, holds } from './checks.ts'
import { type SinkFixture, type SourceFixture, StoredPositions, taskContext } from './fixture.ts'

const COUNT = 500

export interface SourceSubject {
  // biome-ignore lint/suspicious/noExplicitAny: the suite takes every connector's own settings
  readonly side: SourceSide<any>
  readonly make: () => Promise<SourceFixture>
}

export interface SinkSubject {
  // biome-ignore lint/suspicious/noExplicitAny: the suite takes every connector's own settings
  readonly side: SinkSide<any>
  readonly make: () => Promise<SinkFixture>
}

/** Reads a number of records or of batches. Each batch is acknowledged, and its positions are stored. */
async function read(
  side: SourceSubject['side'],
  fixture: SourceFixture,
  positions: StoredPositions,
  wanted: number,
  batches = Number.POSITIVE_INFINITY,
) {
  const stop = new AbortController()
  const numbers: number[] = []
  const { onPositionsStored } = positions
  for await (const batch of side.read({ ...taskContext(side.settings, fixture.config, stop.signal), positions, onPositionsStored })) {
    numbers.push(...batch.records.map((record) => fixture.numberOf(record.value)))
    holds(!fixture.keepsNothing || batch.positions.length === 0, 'it has a position in a system that keeps nothing: yield none')
    for (const { partition, offset } of batch.positions) {
      for (const part of [...Object.values(partition), ...Object.values(offset)])
        holds(part === null || typeof part !== 'object', 'a position has a value that is an object: use texts, numbers and booleans')
    }
    batch.acknowledged?.()
    positions.store(batch.positions)
    if (numbers.length >= wanted || --batches <= 0) stop.abort()
  }
  return numbers
}
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

const METRIC_NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/

/** What a connector says of a system in which nothing is wrong. */
async function checkOfSystem({ side, make }: SourceSubject | SinkSubject): Promise<void> {
  if (!side.checkSystem) return
  const fixture = await make()
  const found = await side.checkSystem(parseSettings(side.settings, fixture.config), new AbortController().signal)
  holds(Array.isArray(found), 'checkSystem returns no array of problems')
  for (const { setting, why } of found) {
    holds(Object.hasOwn(side.settings, setting), `checkSystem has a problem of "${setting}", which is none of its settings`)
    holds(false, `checkSystem says that something is wrong with the system of its fixture: ${setting}: ${why}`)
  }
}

async function observationOfSystem({ side, make }: SourceSubject | SinkSubject): Promise<void> {
  if (!side.observe) return
  const fixture = await make()
  const { metrics, warnings } = await side.observe(parseSettings(side.settings, fixture.config), new AbortController().signal)
  for (const [name, value] of Object.entries(metrics)) {
    holds(METRIC_NAME.test(name), `the metric "${name}" must have a name in kebab-case`)
    holds(Number.isFinite(value), `the metric ${name} is ${value}, and must be a number: leave out what is not known`)
  }
  holds(
    Array.isArray(warnings) && warnings.every((warning) => typeof warning === 'string'),
    'observe must return warnings that are sentences',
  )
}

/** @throws ContractBroken that says where the numbers differ first. */
function areNumbers(numbers: readonly number[], expected: readonly number[], what: string): void {
  const at = expected.findIndex((number, index) => numbers[index] !== number)
  const found = (index: number) => (index < numbers.length ? `number ${numbers[index]}` : 'nothing')
  holds(at < 0, `${what}: at place ${at} is ${found(at)}, and number ${expected[at]} must be there`)
  holds(numbers.length === expected.length, `${what}: there are ${numbers.length}, and ${expected.length} must be there`)
}

const systemChecks: Checks<SourceSubject | SinkSubject> = {
  'finds nothing wrong in a system in which nothing is': checkOfSystem,
  'observes its system': observationOfSystem,
}

export const sourceChecks: Checks<SourceSubject> = {
  ...systemChecks,
  'reads all records, once and in order': async ({ side, make }) => {
    const fixture = await make()
    if (!fixture.keepsNothing) await fixture.fill(COUNT)
    const reading = read(side, fixture, new StoredPositions(), COUNT)
    if (fixture.keepsNothing) await fixture.fill(COUNT)
    areNumbers(await reading, upTo(COUNT), 'the records that were read')
  },
  'reads what is written later': async ({ side, make }) => {
    const fixture = await make()
    if (!fixture.keepsNothing) await fixture.fill(10)
    const reading = read(side, fixture, new StoredPositions(), 20)
    if (fixture.keepsNothing) await fixture.fill(10)
    await fixture.more(10)
    areNumbers(await reading, upTo(20), 'the records that were read')
  },
  'continues from any stored position, without a gap and without a duplicate': async ({ side, make }) => {
    const fixture = await make()
    // There is nothing to continue from.
    if (fixture.keepsNothing) return
    await fixture.fill(COUNT)
    const positions = new StoredPositions()
    const numbers: number[] = []
    while (numbers.length < COUNT) {
      const more = await read(side, fixture, positions, 1, 1)
      holds(
        more.length > 0,
        `a task that was started at a stored position has ended after ${numbers.length} records, and not all were read`,
      )
      numbers.push(...more)
    }
    areNumbers(numbers, upTo(COUNT), 'the records that were read by one task after the other')
  },
  'ends when its task stops, though it waits for data': async ({ side, make }) => {
    const fixture = await make()
    if (!fixture.keepsNothing) await fixture.fill(1)
    const stop = new AbortController()
    const positions = new StoredPositions()
    const { onPositionsStored } = positions
    const context = { ...taskContext(side.settings, fixture.config, stop.signal), positions, onPositionsStored }
    const generator = side.read(context)
    const first = generator.next()
    if (fixture.keepsNothing) await fixture.fill(1)
    await first
    const waiting = generator.next()
    stop.abort()
    holds((await waiting).done === true, 'it yields a batch after its signal has aborted: end when signal.aborted')
  },
}

const start = async (side: SinkSubject['side'], fixture: SinkFixture): Promise<SinkTask> => {
  const task = await side.start(taskContext(side.settings, fixture.config, new AbortController().signal))
  await task.open?.([{ topic: 'contract', partition: 0 }])
  return task
}
const records = (fixture: SinkFixture, from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => fixture.record(from + i, from + i))

export const sinkChecks: Checks<SinkSubject> = {
  ...systemChecks,
  'what was flushed is in the system, in order': async ({ side, make }) => {
    const fixture = await make()
    const task = await start(side, fixture)
    await task.write(records(fixture, 0, COUNT))
    await task.write([])
    await task.write(records(fixture, COUNT, COUNT + 1))
    await task.flush()
    await task.flush()
    areNumbers(await fixture.stored(), upTo(COUNT + 1), 'what is stored after a flush')
    await task.close?.([{ topic: 'contract', partition: 0 }])
    await task.stop?.()
    await task.stop?.()
  },
  'after a crash, the next task loses nothing that was flushed, and writes nothing twice': async ({ side, make }) => {
    const fixture = await make()
    const first = await start(side, fixture)
    await first.write(records(fixture, 0, 100))
    await first.flush()
    await first.write(records(fixture, 100, 150))
    // The first task crashes here: no flush, no stop, and the offsets of its flush were never committed.
    const second = await start(side, fixture)
    await second.write(records(fixture, 0, 200))
    await second.flush()
    areNumbers(await fixture.stored(), upTo(200), 'what is stored after records were delivered again')
    await second.stop?.()
    await first.stop?.()
  },
  'bad records are reported by their index, and the others are written': async ({ side, make }) => {
    const fixture = await make()
    const task = await start(side, fixture)
    const batch = records(fixture, 0, 20)
    batch[7] = fixture.bad(7)
    batch[13] = fixture.bad(13)
    const error = await task.write(batch).then(
      () => null,
      (thrown: unknown) => thrown,
    )
    holds(error instanceof BadRecord, `throw BadRecord for records that cannot be written, not ${error ?? 'nothing'}`)
    const bad = [error, ...error.also].map(({ index }) => index)
    holds(bad.join() === '7,13', `records 7 and 13 are bad, and it names ${bad.join(' and ')}: name the others in \`also\` of the first`)
    await task.flush()
    areNumbers(
      await fixture.stored(),
      upTo(20).filter((i) => i !== 7 && i !== 13),
      'what is stored besides the bad records',
    )
    await task.stop?.()
  },
}
