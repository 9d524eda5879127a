/**
 * Goal: every API's codec reads back what it wrote, in every version, rejects truncated bytes, and writes the bytes of another
 * implementation. Method: values generated from the schemas (fast-check); the codecs of kafkajs as reference.
 */

import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadApis } from '../../core/apis/index.ts'
import type { AnyApi } from '../../core/wire/api.ts'
import { Reader, WireError } from '../../core/wire/reader.ts'
import type { AnyType, Fields } from '../../core/wire/types.ts'
import { Writer } from '../../core/wire/writer.ts'

const apis = await loadApis()
const require = createRequire(import.meta.url)

const int = (bits: number) => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })
const buffer = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))

const primitives: Record<string, fc.Arbitrary<unknown>> = {
  bool: fc.boolean(),
  int8: int(8),
  int16: int(16),
  uint16: fc.nat(0xffff),
  int32: int(32),
  uint32: fc.nat(0x7fffffff),
  int64: fc.maxSafeInteger(),
  float64: fc.double({ noNaN: true }),
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
  string: fc.string({ unit: 'grapheme', maxLength: 12 }),
  bytes: buffer,
  records: buffer,
}

/** Values of one version: fields of other versions have their defaults, as a reader returns them. */
function arbitrary(type: AnyType, version: number, flexible: boolean): fc.Arbitrary<unknown> {
  const { shape } = type
  switch (shape.kind) {
    case 'primitive':
      return primitives[shape.name] ?? fc.constant(type.fallback)
    case 'struct':
      return structOf(shape.fields, version, flexible)
    case 'list':
      return fc.array(arbitrary(shape.element, version, flexible), { maxLength: 3 })
    case 'nullable':
      return version >= shape.since
        ? fc.option(arbitrary(shape.of, version, flexible), { nil: null, freq: 3 })
        : arbitrary(shape.of, version, flexible)
    case 'versioned': {
      const present = version >= shape.since && version <= shape.until && (shape.tag === undefined || flexible)
      return present ? arbitrary(shape.of, version, flexible) : fc.constant(type.fallback)
    }
  }
}

const structOf = (fields: Fields, version: number, flexible: boolean): fc.Arbitrary<unknown> =>
  fc.record(Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, arbitrary(type, version, flexible)])))

const versionsOf = ({ versions: [least, most] }: AnyApi) => Array.from({ length: most - least + 1 }, (_, index) => least + index)

interface Side {
  name: string
  fields: Fields
  write(writer: Writer, version: number, value: never): void
  read(reader: Reader, version: number): unknown
}

const sides = (api: AnyApi): Side[] => [
  { name: 'request', fields: api.request, write: api.writeRequest, read: api.readRequest },
  { name: 'response', fields: api.response, write: api.writeResponse, read: api.readResponse },
]

function encode(side: Side, version: number, value: unknown): Buffer {
  const writer = new Writer(16)
  side.write(writer, version, value as never)
  return writer.bytes()
}

describe.each(apis.map((api) => ({ name: api.name, api })))('$name', ({ api }) => {
  test.each(versionsOf(api))('version %i: value → bytes → value, and truncated bytes are rejected', (version) => {
    for (const side of sides(api)) {
      fc.assert(
        fc.property(
          structOf(side.fields, version, api.isFlexible(version)),
          fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
          (value, where) => {
            const bytes = encode(side, version, value)
            const reader = new Reader(bytes)
            expect(side.read(reader, version)).toEqual(value)
            expect(reader.remaining).toBe(0)
            const cut = Math.floor(bytes.length * where)
            // Any truncation removes a part of a field.
            if (bytes.length > 0) expect(() => side.read(new Reader(bytes.subarray(0, cut)), version)).toThrow(WireError)
          },
        ),
        { numRuns: 25 },
      )
    }
  })

  test('random bytes give a value or a WireError, never another error', () => {
    for (const version of versionsOf(api)) {
      for (const side of sides(api)) {
        fc.assert(
          fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
            try {
              side.read(new Reader(Buffer.from(bytes)), version)
            } catch (error) {
              expect(error).toBeInstanceOf(WireError)
            }
          }),
          { numRuns: 30 },
        )
      }
    }
  })
})

describe('beside kafkajs', () => {
  const kafkajs = (name: string, version: number, args: unknown): Buffer => {
    const { encode: write } = require(`kafkajs/src/protocol/requests/${name}/v${version}/request.js`)(args)
    return write()
  }
  const ours = async (key: number, version: number, request: unknown) => {
    const api = apis.find((candidate) => candidate.key === key)!
    const body = encode(sides(api)[0]!, version, request)
    return body
  }
  const bytesOf = async (encoder: Buffer | Promise<{ buffer: Buffer }>) => (await (encoder as Promise<{ buffer: Buffer }>)).buffer

  test.each([0, 1, 2, 3, 4, 5, 6])('Metadata v%i', async (version) => {
    const theirs = await bytesOf(kafkajs('metadata', version, { topics: ['a', 'b.c'], allowAutoTopicCreation: true }))
    expect(await ours(3, version, { topics: [{ name: 'a' }, { name: 'b.c' }], allowAutoTopicCreation: true })).toEqual(theirs)
  })

  test.each([1, 2, 3])('ListOffsets v%i', async (version) => {
    const topics = [{ topic: 't', partitions: [{ partition: 3, timestamp: -1 }] }]
    const theirs = await bytesOf(kafkajs('listOffsets', version, { replicaId: -1, isolationLevel: 1, topics }))
    const request = { replicaId: -1, isolationLevel: 1, topics: [{ name: 't', partitions: [{ partitionIndex: 3, timestamp: -1 }] }] }
    expect(await ours(2, version, request)).toEqual(theirs)
  })

  test.each([4, 5, 7, 9, 11])('Fetch v%i', async (version) => {
    const partition = { partition: 1, fetchOffset: 17, maxBytes: 1048576, currentLeaderEpoch: 2, logStartOffset: 0 }
    const theirs = await bytesOf(
      kafkajs('fetch', version, {
        replicaId: -1,
        maxWaitTime: 500,
        minBytes: 1,
        maxBytes: 10485760,
        isolationLevel: 1,
        sessionId: 0,
        sessionEpoch: -1,
        forgottenTopics: [],
        rackId: 'r1',
        topics: [{ topic: 't', partitions: [partition] }],
      }),
    )
    const { maxBytes: partitionMaxBytes, ...asked } = partition
    const request = {
      replicaId: -1,
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: 10485760,
      isolationLevel: 1,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [{ topic: 't', partitions: [{ ...asked, partitionMaxBytes }] }],
      forgottenTopicsData: [],
      rackId: 'r1',
    }
    expect(await ours(1, version, request)).toEqual(theirs)
  })

  test.each([2, 3])('CreateTopics v%i', async (version) => {
    const theirs = await bytesOf(
      kafkajs('createTopics', version, {
        topics: [{ topic: 't', numPartitions: 3, replicationFactor: 1, configEntries: [{ name: 'retention.ms', value: '5' }] }],
        validateOnly: true,
        timeout: 3000,
      }),
    )
    const configs = [{ name: 'retention.ms', value: '5' }]
    const topics = [{ name: 't', numPartitions: 3, replicationFactor: 1, assignments: [], configs }]
    expect(await ours(19, version, { topics, timeoutMs: 3000, validateOnly: true })).toEqual(theirs)
  })
})

test('the advertised versions are those of Apache Kafka 4.3, less the APIs that are not implemented', () => {
  // The output of kafka-broker-api-versions for Apache Kafka 4.3.1.
  const kafka: Record<number, [number, number]> = {
    0: [0, 13],
    1: [4, 18],
    2: [1, 11],
    3: [0, 13],
    8: [2, 10],
    9: [1, 10],
    10: [0, 6],
    11: [0, 9],
    12: [0, 4],
    13: [0, 5],
    14: [0, 5],
    15: [0, 6],
    16: [0, 5],
    17: [0, 1],
    18: [0, 4],
    19: [2, 7],
    20: [1, 6],
    21: [0, 2],
    22: [0, 5],
    23: [2, 4],
    24: [0, 5],
    25: [0, 4],
    26: [0, 5],
    27: [1, 2],
    28: [0, 5],
    29: [1, 3],
    30: [1, 3],
    31: [1, 3],
    32: [1, 4],
    33: [0, 2],
    35: [1, 5],
    36: [0, 2],
    37: [0, 3],
    38: [1, 3],
    39: [1, 2],
    40: [1, 2],
    41: [1, 3],
    42: [0, 2],
    43: [0, 2],
    44: [0, 1],
    45: [0, 1],
    46: [0, 0],
    47: [0, 0],
    48: [0, 1],
    49: [0, 1],
    50: [0, 0],
    51: [0, 0],
    55: [0, 2],
    57: [0, 2],
    60: [0, 2],
    61: [0, 0],
    64: [0, 0],
    65: [0, 0],
    66: [0, 2],
    74: [0, 1],
    75: [0, 0],
  }
  for (const { key, versions, advertised = versions } of apis) expect([key, ...advertised]).toEqual([key, ...(kafka[key] ?? [])])
  expect(apis.every((api) => api.handle)).toBe(true)
  expect(apis.every((api) => api.errorResponse || 'errorCode' in api.response)).toBe(true)
})
