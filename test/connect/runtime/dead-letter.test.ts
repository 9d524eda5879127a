/**
 * Goal: a letter has all that it takes to process its record again, and a replay gives the sink or the producer what the first try had.
 * Method: records become letters, letters become records, and both are compared.
 */
import { describe, expect, test } from 'vitest'
import {
  type DeadLetter,
  originOf,
  positionsOf,
  replayedRecord,
  replayedSourceRecord,
  sinkLetter,
  sourceLetter,
} from '../../../connect/runtime/dead-letter.ts'
import { ProcessingError } from '../../../connect/runtime/retry-with-tolerance-operator.ts'
import { letterConverter } from '../../../connect/runtime/source-dead-letters.ts'
import { DataError, type SourceRecord, schemas, sourceRecord } from '../../../connect/sdk/index.ts'
import type { ProducerRecord } from '../../../core/client/types.ts'
import { toBuffer } from '../../../core/wire/record-batch.ts'

const json = await letterConverter()
const error = new ProcessingError('TRANSFORMATION', 'org.example.T', new DataError('no', { cause: new Error('why') }))
const context = { connector: 'c', task: 2, redact: (text: string) => text.replaceAll('why', '***') }

/** As it is read from the dead-letter queue. */
const stored = ({ key, value, headers, timestamp }: ProducerRecord, offset = 9): DeadLetter => ({
  topic: 'dead',
  partition: 0,
  record: { offset, timestamp: timestamp ?? -1, timestampType: 'CreateTime', key, value: toBuffer(value), headers: [...(headers ?? [])] },
})
const names = ({ headers = [] }: ProducerRecord) => headers.map(({ key }) => key)

describe('the letter of a sink', () => {
  const record = {
    offset: 5,
    timestamp: 17,
    timestampType: 'CreateTime' as const,
    key: Buffer.from('k'),
    value: Buffer.from([0xff]),
    headers: [{ key: 'h', value: Buffer.from('1') }],
  }

  test('has the headers of Kafka Connect in their order, without secrets, and gives the record back', () => {
    const letter = sinkLetter('dead', true, { topic: 't', partition: 3, record }, error, context)
    const expected = ['topic', 'partition', 'offset', 'connector.name', 'task.id', 'stage', 'class.name'].concat(
      ...['class.name', 'message', 'stacktrace'].map((name) => `exception.${name}`),
    )
    expect(names(letter)).toEqual(['h', ...expected.map((name) => `__connect.errors.${name}`)])
    const trace = letter.headers!.at(-1)!.value!.toString()
    expect(trace).toMatch(/^org\.apache\.kafka\.connect\.errors\.DataException: no\n\tat [\s\S]*\nCaused by: Error: \*\*\*\n/)
    expect(replayedRecord(stored(letter))).toEqual({
      topic: 't',
      partition: 3,
      record,
      replayOf: { topic: 'dead', partition: 0, offset: 9 },
    })
  })

  test('is no larger than a record may be, though its error quotes megabytes', () => {
    const long = new ProcessingError('TASK_PUT', 'S', new DataError('x'.repeat(2_000_000)))
    const { headers } = sinkLetter('dead', true, { topic: 't', partition: 3, record }, long, context)
    expect(headers!.reduce((sum, { value }) => sum + value!.length, 0)).toBeLessThan(50_000)
    expect(headers!.at(-1)!.value!.toString()).toMatch(/^org\.apache\.kafka\.connect\.errors\.DataException: x{1000}/)
  })

  test('of a replay that fails again names the letter before, which a further replay does not hand on', () => {
    const again = sinkLetter(
      'dead',
      true,
      replayedRecord(stored(sinkLetter('dead', true, { topic: 't', partition: 3, record }, error, context))),
      error,
      context,
    )
    expect(names(again).slice(-3)).toEqual(['__connect.replay.topic', '__connect.replay.partition', '__connect.replay.offset'])
    expect(names(again).filter((name) => name === '__connect.errors.topic')).toHaveLength(1)
    expect(replayedRecord(stored(again, 12))).toMatchObject({ record: { headers: record.headers, offset: 5 }, replayOf: { offset: 12 } })
  })

  test('without context headers is the record, and has its own place as its origin', () => {
    const letter = sinkLetter('dead', false, { topic: 't', partition: 3, record }, error, context)
    expect(letter).toEqual({ topic: 'dead', key: record.key, value: record.value, headers: record.headers, timestamp: 17 })
    expect(originOf(stored(letter))).toEqual({ topic: 'dead', partition: 0, offset: 9 })
  })
})

describe('the letter of a source', () => {
  const positions = [{ partition: { file: 'a' }, offset: { line: 4 } }]
  const letterOf = (record: SourceRecord, withContext = true) => sourceLetter('dead', withContext, json, record, positions, error, context)

  test.each([
    ['texts without a schema', { key: 'k', value: 'v' }],
    ['numbers, lists and maps without a schema', { value: { a: [1, 2.5, null, true] } }],
    [
      'a struct with its schema',
      {
        keySchema: schemas.int64(),
        key: 7,
        valueSchema: {
          type: 'struct' as const,
          optional: false,
          fields: [
            { name: 'b', schema: schemas.bytes() },
            { name: 's', schema: schemas.string() },
          ],
        },
        value: { b: Buffer.from([0, 255]), s: 'ü' },
      },
    ],
    ['a tombstone', { key: 'k', value: null }],
    [
      'headers, a partition and a timestamp',
      { value: 'v', partition: 3, timestamp: 17, headers: [{ key: 'h', value: 5, schema: schemas.int32() }] },
    ],
  ])('gives back %s', (_what, parts) => {
    const record = sourceRecord({ topic: 't', ...(parts as Partial<SourceRecord>) })
    for (const withContext of [true, false]) {
      const letter = stored(letterOf(record, withContext))
      expect(replayedSourceRecord(letter, json)).toEqual(record)
      expect(positionsOf(letter.record)).toEqual(positions)
      expect(originOf(letter).topic).toBe('t')
    }
  })

  test('of a value that contradicts its schema is the value alone', () => {
    const letter = stored(letterOf(sourceRecord({ topic: 't', valueSchema: schemas.int32(), value: 'no number' })))
    expect(replayedSourceRecord(letter, json)).toMatchObject({ value: 'no number', valueSchema: null })
  })

  test('a letter that no source has written is refused', () => {
    expect(() => replayedSourceRecord(stored({ topic: 'dead', key: null, value: null }), json)).toThrow(/no source has written it/)
    const headers = [{ key: '__connect.source.topic', value: Buffer.from('t') }]
    const broken = stored({ topic: 'dead', key: null, value: Buffer.from('{'), headers })
    expect(() => replayedSourceRecord(broken, json)).toThrow(
      expect.objectContaining({ status: 400, message: expect.stringContaining('dead-0@9') }),
    )
  })
})
