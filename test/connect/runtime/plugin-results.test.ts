/**
 * Goal: what a plugin returns that is wrong fails with a sentence that names the plugin and says what to return; what is right passes.
 * Method: plugins with the mistakes that authors make, a promise above all.
 */
import { describe, expect, test } from 'vitest'
import {
  checkedConverter,
  checkedPredicate,
  checkedSink,
  checkedSource,
  checkedTransform,
  requireTaskConfigs,
} from '../../../connect/runtime/plugin-results.ts'
import { type ConnectRecord, defineSink, defineSource, sourceRecord } from '../../../connect/sdk/index.ts'

// biome-ignore lint/suspicious/noExplicitAny: what plugins return is of any type
type Any = any

const record: ConnectRecord = sourceRecord({ topic: 't', value: 'v' })

describe('transforms and predicates', () => {
  const transform = (result: unknown) => () => checkedTransform('org.example.Shout', (() => result) as Any)(record)

  test('a record, and null for a record that is dropped', () => {
    expect(transform(record)()).toBe(record)
    expect(transform(null)()).toBe(null)
  })

  test('anything else', () => {
    expect(transform(Promise.resolve(record))).toThrow('org.example.Shout has returned a promise that is no record: a transform returns')
    // A forgotten return would drop every record.
    expect(transform(undefined)).toThrow('org.example.Shout has returned undefined')
    expect(transform(5)).toThrow('a number that is no record')
    expect(transform({ value: 'v' })).toThrow('an object that is no record')
    expect(() => checkedTransform('org.example.Shout', {} as Any)).toThrow('must return a function')
  })

  test('a predicate returns a boolean', () => {
    const predicate = (result: unknown) => () => checkedPredicate('org.example.Even', () => result as boolean)(record)
    expect(predicate(false)()).toBe(false)
    expect(predicate(Promise.resolve(false))).toThrow('org.example.Even has returned a promise: a predicate returns true or false')
  })
})

describe('converters', () => {
  const converter = (bytes: unknown, value: unknown) =>
    checkedConverter('org.example.Text', { fromConnect: () => bytes as Any, toConnect: () => value as Any })

  test('bytes and values, with what a class keeps in itself', () => {
    class Counting {
      #count = 0
      fromConnect = () => Buffer.from(String(++this.#count))
      toConnect() {
        return { schema: null, value: this.#count }
      }
    }
    const checked = checkedConverter('org.example.Counting', new Counting())
    expect(checked.fromConnect('t', null, 'v')).toEqual(Buffer.from('1'))
    expect(checked.toConnect('t', null)).toEqual({ schema: null, value: 1 })
    expect(converter(null, { value: null }).fromConnect('t', null, null)).toBe(null)
  })

  test('anything else', () => {
    const wrong = converter('a text', Promise.resolve({ schema: null, value: 1 }))
    expect(() => wrong.fromConnect('t', null, 'v')).toThrow(
      'fromConnect of org.example.Text has returned a string, and must return a Buffer or null',
    )
    expect(() => wrong.toConnect('t', null)).toThrow(
      'toConnect of org.example.Text has returned a promise, and must return { schema, value }',
    )
    expect(() => checkedConverter('org.example.Text', {} as Any)).toThrow('has no function fromConnect')
  })
})

describe('connectors', () => {
  async function firstOf(read: unknown): Promise<unknown> {
    const side = checkedSource(defineSource({ class: 'org.example.In', settings: {}, read: read as Any }))
    for await (const batch of side.read({} as Any)) return batch
    return undefined
  }
  const yielding = (batch: unknown) =>
    async function* () {
      yield batch
    }

  test('a batch passes, and the end of its reader ends the source', async () => {
    let ended = false
    const batch = { records: [record], positions: [{ partition: { file: 'a' }, offset: { line: 1 } }] }
    const read = async function* () {
      try {
        yield batch
        yield batch
      } finally {
        ended = true
      }
    }
    expect(await firstOf(read)).toBe(batch)
    expect(ended).toBe(true)
  })

  test('what is no batch', async () => {
    await expect(firstOf(yielding(null))).rejects.toThrow(
      'read of org.example.In has yielded null without records or positions: yield { records',
    )
    await expect(firstOf(yielding([record]))).rejects.toThrow('has yielded an array without records')
    await expect(firstOf(yielding({ records: [null], positions: [] }))).rejects.toThrow('has yielded null that is no record')
    await expect(firstOf(yielding({ records: [{ value: 1 }], positions: [] }))).rejects.toThrow('make records with sourceRecord')
    await expect(firstOf(yielding({ records: [], positions: [5] }))).rejects.toThrow('a position is { partition, offset }')
    const position = { partition: { file: 'a' }, offset: { line: 1n } }
    await expect(firstOf(yielding({ records: [], positions: [position] }))).rejects.toThrow('two objects of texts, numbers and booleans')
    await expect(firstOf(() => 5)).rejects.toThrow('read of org.example.In has returned a number: write it as async *read()')
  })

  const sinkTask = (task: unknown) =>
    checkedSink(defineSink({ class: 'org.example.Out', settings: {}, start: () => task as Any })).start({} as Any)

  test('a sink task keeps its other hooks and what it has in itself', async () => {
    class Buffering {
      #steps: string[] = []
      write = async () => void this.#steps.push('write')
      async flush() {
        this.#steps.push('flush')
        return [{ topic: 't', partition: 0, offset: this.#steps.length }]
      }
      close() {
        this.#steps.push('close')
      }
    }
    const task = await sinkTask(new Buffering())
    await task.open?.([])
    await task.write([])
    await task.close?.([])
    expect(await task.flush([])).toEqual([{ topic: 't', partition: 0, offset: 3 }])
    await task.stop?.()
  })

  test('what flush returns by mistake does not commit everything', async () => {
    const flushed = async (result: unknown) => (await sinkTask({ write() {}, flush: async () => result })).flush([])
    const wrong = 'flush of org.example.Out has returned'
    await expect(flushed(new Map([['t-0', 5]]))).rejects.toThrow(`${wrong} an object: return nothing where all is durable, or the offsets`)
    await expect(flushed(5)).rejects.toThrow(`${wrong} a number`)
    // As Promise.all of several writers gives them.
    await expect(flushed([undefined, undefined])).rejects.toThrow(`${wrong} an array with undefined in it that is no offset`)
    for (const offset of [-1, 1.5, Number.NaN, '5', 5n, undefined])
      await expect(flushed([{ topic: 't', partition: 0, offset }])).rejects.toThrow(`${wrong} an array with an object in it`)
    await expect(flushed([{ topic: 't', offset: 5 }])).rejects.toThrow('an array of { topic, partition, offset }')
    expect(await flushed(undefined)).toBe(undefined)
    expect(await flushed([])).toEqual([])
  })

  test('a sink task has write and flush; tasks are configs', async () => {
    await expect(sinkTask(undefined)).rejects.toThrow('what start of org.example.Out has returned has no function write')
    await expect(sinkTask({ write() {} })).rejects.toThrow('has no function flush')
    requireTaskConfigs('org.example.In', [{}, { a: 'b' }])
    expect(() => requireTaskConfigs('org.example.In', 7)).toThrow('tasks of org.example.In has returned a number')
    expect(() => requireTaskConfigs('org.example.In', [null])).toThrow(
      'has returned an array with null in it, and must return an array of objects',
    )
  })
})
