/**
 * What the code of a plugin of plugin.path returns, checked where it is returned: a mistake of its author fails with a sentence that says
 * what is wrong, and never writes something else. The connectors, converters and transforms of the worker itself are not checked.
 */
import {
  type ConnectRecord,
  type Converter,
  DataError,
  type SinkOffset,
  type SinkSide,
  type SinkTask,
  type SourceBatch,
  type SourceSide,
  type Transform,
} from '../sdk/index.ts'

// biome-ignore lint/suspicious/noExplicitAny: the runtime parses the config that the side declared
type Any = any

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** What a position consists of. */
const isPrimitive = (value: unknown): boolean => value === null || ['string', 'number', 'boolean'].includes(typeof value)
const isPositionPart = (value: unknown): boolean => isObject(value) && Object.values(value).every(isPrimitive)

/** For messages. */
function shown(value: unknown): string {
  if (value instanceof Promise) return 'a promise'
  if (Array.isArray(value)) return 'an array'
  return value === null || value === undefined ? String(value) : `${isObject(value) ? 'an' : 'a'} ${typeof value}`
}

const RECORD = 'a record, { ...record, value }, or null to drop it, and no promise'

function requireFunction(name: string, made: unknown): void {
  if (typeof made !== 'function') throw new TypeError(`create of ${name} has returned ${shown(made)}, and must return a function`)
}

export function checkedTransform(name: string, apply: Transform): Transform {
  requireFunction(name, apply)
  return (record) => {
    const result: unknown = apply(record)
    if (result === null) return null
    if (!isObject(result) || typeof result.topic !== 'string' || !Array.isArray(result.headers))
      throw new DataError(`${name} has returned ${shown(result)} that is no record: a transform returns ${RECORD}`)
    return result as unknown as typeof record
  }
}

type Predicate = (record: ConnectRecord) => boolean

export function checkedPredicate(name: string, test: Predicate): Predicate {
  requireFunction(name, test)
  return (record) => {
    const result: unknown = test(record)
    if (typeof result !== 'boolean') throw new DataError(`${name} has returned ${shown(result)}: a predicate returns true or false`)
    return result
  }
}

/** It keeps the other members of the converter, and its `this`. */
export function checkedConverter(name: string, converter: Converter): Converter {
  for (const own of ['fromConnect', 'toConnect'] as const)
    if (typeof converter?.[own] !== 'function')
      throw new TypeError(`the converter that create of ${name} has returned has no function ${own}`)
  const fromConnect: Converter['fromConnect'] = (...args) => {
    const bytes: unknown = converter.fromConnect(...args)
    if (bytes !== null && !(bytes instanceof Uint8Array))
      throw new DataError(`fromConnect of ${name} has returned ${shown(bytes)}, and must return a Buffer or null`)
    return bytes as Buffer | null
  }
  const toConnect: Converter['toConnect'] = (...args) => {
    const result: unknown = converter.toConnect(...args)
    if (!isObject(result) || result instanceof Promise || !('value' in result))
      throw new DataError(`toConnect of ${name} has returned ${shown(result)}, and must return { schema, value }`)
    return result as unknown as ReturnType<Converter['toConnect']>
  }
  return { addsHeaders: converter.addsHeaders ?? false, fromConnect, toConnect }
}

function requireBatch(name: string, batch: unknown): void {
  const yielded = `read of ${name} has yielded`
  if (!isObject(batch) || !Array.isArray(batch.records) || !Array.isArray(batch.positions))
    throw new TypeError(`${yielded} ${shown(batch)} without records or positions: yield { records, positions }, two arrays`)
  for (const hook of ['acknowledged', 'stored', 'rejected', 'refused'] as const)
    if (batch[hook] !== undefined && typeof batch[hook] !== 'function')
      throw new TypeError(`${yielded} a batch whose ${hook} is ${shown(batch[hook])}, and must be a function`)
  for (const record of batch.records as unknown[])
    if (!isObject(record) || typeof record.topic !== 'string' || !Array.isArray(record.headers))
      throw new TypeError(`${yielded} ${shown(record)} that is no record: make records with sourceRecord({ topic, value })`)
  for (const position of batch.positions as unknown[])
    if (!isObject(position) || !isPositionPart(position.partition) || !isPositionPart(position.offset))
      throw new TypeError(
        `${yielded} ${shown(position)} that is no position: a position is { partition, offset }, two objects of texts, numbers and booleans`,
      )
}

export function checkedSource(side: SourceSide<Any>): SourceSide<Any> {
  async function* read(context: Parameters<SourceSide<Any>['read']>[0]): AsyncGenerator<SourceBatch, void, void> {
    const reading = side.read(context)
    if (typeof reading?.[Symbol.asyncIterator] !== 'function')
      throw new TypeError(`read of ${side.class} has returned ${shown(reading)}: write it as async *read(), which yields batches`)
    for await (const batch of reading) {
      requireBatch(side.class, batch)
      yield batch
    }
  }
  return { ...side, read }
}

const isWholeFrom = (least: number, value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= least
const isNamedOffset = (value: unknown): boolean =>
  isObject(value) && typeof value.topic === 'string' && isWholeFrom(0, value.partition) && isWholeFrom(0, value.offset)

/** What is no array would commit all that was delivered, also where the sink means otherwise. */
function checkedFlush(name: string, flushed: unknown): readonly SinkOffset[] | undefined {
  if (flushed === undefined || flushed === null) return undefined
  const wrong = Array.isArray(flushed) ? flushed.findIndex((offset) => !isNamedOffset(offset)) : -1
  if (!Array.isArray(flushed) || wrong >= 0) {
    const returned = wrong >= 0 ? `an array with ${shown((flushed as unknown[])[wrong])} in it that is no offset` : shown(flushed)
    throw new TypeError(
      `flush of ${name} has returned ${returned}: return nothing where all is durable, or the offsets that may be committed, an array of { topic, partition, offset }`,
    )
  }
  return flushed
}

/** It keeps the `this` of the task. */
function checkedSinkTask(name: string, task: SinkTask): SinkTask {
  return {
    write: (records) => task.write(records),
    flush: async (offsets) => checkedFlush(name, await task.flush(offsets)),
    open: (partitions) => task.open?.(partitions),
    close: (partitions) => task.close?.(partitions),
    stop: () => task.stop?.(),
  }
}

export function checkedSink(side: SinkSide<Any>): SinkSide<Any> {
  const start = async (context: Parameters<SinkSide<Any>['start']>[0]): Promise<SinkTask> => {
    const task = await side.start(context)
    for (const own of ['write', 'flush'] as const)
      if (typeof task?.[own] !== 'function')
        throw new TypeError(`what start of ${side.class} has returned has no function ${own}: return { write, flush }`)
    return checkedSinkTask(side.class, task)
  }
  return { ...side, start }
}

/** @throws TypeError where `tasks` has not returned an array of configs. */
export function requireTaskConfigs(name: string, generated: unknown): void {
  const wrong = Array.isArray(generated) ? generated.findIndex((config) => !isObject(config)) : -1
  if (!Array.isArray(generated) || wrong >= 0) {
    const returned = wrong >= 0 ? `an array with ${shown((generated as unknown[])[wrong])} in it` : shown(generated)
    throw new TypeError(`tasks of ${name} has returned ${returned}, and must return an array of objects: one config for each task`)
  }
}
