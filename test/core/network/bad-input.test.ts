/**
 * Story of core/network. Goal: nothing that a client sends stops the broker, loses a record or exhausts memory: it gets Kafka's response,
 * or its connection is closed with one log line. Method: a real broker and raw sockets; after each attack a healthy client produces and
 * reads.
 */
import { once } from 'node:events'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import produce from '../../../core/apis/00-produce.ts'
import fetch from '../../../core/apis/01-fetch.ts'
import metadata from '../../../core/apis/03-metadata.ts'
import apiVersions from '../../../core/apis/18-api-versions.ts'
import createTopics from '../../../core/apis/19-create-topics.ts'
import { at, rewriteCrc } from '../../../core/wire/batch-header.ts'
import { encodeBatch } from '../../../core/wire/record-batch.ts'
import { type BrokerInProcess, brokerInProcess } from '../../broker-in-process.ts'
import { encodeRequest, type RawClient } from '../../raw-client.ts'
import { until } from '../../until.ts'

let server: BrokerInProcess
let stored = 0

beforeAll(async () => {
  server = await brokerInProcess({
    'socket.request.max.bytes': '1000000',
    'connections.max.idle.ms': '1500',
    'message.max.bytes': '500000',
  })
  const client = await server.client()
  const topics = [{ name: 'safe', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }]
  await client.send(createTopics, 7, { topics, validateOnly: false })
  client.close()
})
afterAll(() => server.stop())
beforeEach(() => void server.lines.splice(0))

const batch = (value = 'v') => encodeBatch([{ key: null, value: Buffer.from(value), timestamp: Date.now() }])
const produced = (records: Buffer | null, over: object = {}) => ({
  acks: -1,
  timeoutMs: 1000,
  topicData: [{ name: 'safe', topicId: '', partitionData: [{ index: 0, records: records as Buffer }] }],
  ...over,
})

/** The broker still serves, and has every acknowledged record. */
async function stillHealthy(): Promise<void> {
  const client = await server.client()
  const response = await client.send(produce, 9, produced(batch()))
  const partition = response.responses[0]!.partitionResponses[0]!
  const due = stored
  stored = partition.baseOffset + 1
  expect(partition).toMatchObject({ errorCode: 0, baseOffset: due })
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }]
  const read = await client.send(fetch, 11, { maxWaitMs: 100, minBytes: 1, isolationLevel: 0, topics: [{ topic: 'safe', partitions }] })
  expect(read.responses[0]!.partitions[0]).toMatchObject({ errorCode: 0, highWatermark: stored })
  client.close()
}

const warnings = () => server.lines.filter(({ level }) => level === 'warn' || level === 'error')

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const frame = (payload: Buffer) => Buffer.concat([int32(payload.length), payload])
/** Key, version, correlation id, client id, then `body`. */
function request(key: number, version: number, body: Buffer): Buffer {
  const head = Buffer.alloc(10)
  head.writeInt16BE(key, 0)
  head.writeInt16BE(version, 2)
  head.writeInt32BE(1, 4)
  head.writeInt16BE(-1, 8)
  return frame(Buffer.concat([head, body]))
}

describe('closes the connection with one line', () => {
  const tlsHello = Buffer.from('160301010001000000fc0303', 'hex')
  const attacks: [string, Buffer][] = [
    ['a negative length', int32(-1)],
    ['the least length', int32(-(2 ** 31))],
    ['length 0', int32(0)],
    ['length 7', Buffer.concat([int32(7), Buffer.alloc(7)])],
    ['a length over socket.request.max.bytes', int32(1_000_001)],
    ['the most length', int32(2 ** 31 - 1)],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a TLS handshake', tlsHello],
    ['an unknown API key', request(999, 0, Buffer.alloc(4))],
    ['a negative API key', request(-1, 0, Buffer.alloc(4))],
    ['a version that is too high', request(3, 99, Buffer.alloc(4))],
    ['a version that is too low (KIP-896)', request(0, 2, Buffer.alloc(4))],
    ['a client id of -2 bytes', frame(Buffer.from('0003000100000001fffe', 'hex'))],
    ['a client id longer than the frame', frame(Buffer.from('00030001000000017fff', 'hex'))],
    ['an array of 2^31-1 elements', request(3, 1, int32(2 ** 31 - 1))],
    ['an array of -2 elements', request(3, 1, int32(-2))],
    ['a compact length of 6 bytes', request(3, 9, Buffer.from('00ffffffffffff01', 'hex'))],
    ['null where it is not allowed', request(19, 2, Buffer.from('00000001ffff', 'hex'))],
    ['a string cut off', request(3, 1, Buffer.from('00000001000a6162', 'hex'))],
    ['tags out of order', request(3, 9, Buffer.from('00010101010201000100', 'hex'))],
    ['20 million header tags (CVE-2026-111115)', request(18, 3, Buffer.from('80dac409', 'hex'))],
    ['an empty body', request(0, 7, Buffer.alloc(0))],
  ]
  test.each(attacks)('%s', async (_, bytes) => {
    const client = await server.client()
    client.write(bytes)
    await client.whenClosed()
    expect(warnings().map(({ message }) => message)).toEqual([expect.stringMatching(/^connection closed: ./)])
    await stillHealthy()
  })

  test('earlier requests of the connection get their responses first', async () => {
    const client = await server.client()
    client.write(Buffer.concat([encodeRequest(produce, 9, 5, produced(batch())), encodeRequest(metadata, 1, 6, { topics: [] }), int32(-5)]))
    stored++
    expect((await client.frame()).readInt32BE(0)).toBe(5)
    expect((await client.frame()).readInt32BE(0)).toBe(6)
    await client.whenClosed()
    await stillHealthy()
  })
})

describe('ApiVersions', () => {
  test.each([5, 99, 32767])('version %i gets version 0 and UNSUPPORTED_VERSION with its own range, the body unread', async (version) => {
    const client = await server.client()
    client.write(request(18, version, Buffer.from('ffffffffff', 'hex')))
    const answer = await client.frame()
    expect(answer.toString('hex')).toBe('00000001' + '0023' + '00000001' + '001200000004')
    expect((await client.send(apiVersions, 4, { clientSoftwareName: 'x', clientSoftwareVersion: '1' })).errorCode).toBe(0)
    expect(warnings()).toEqual([])
  })

  test.each(['', '-a', 'a-', 'a b', 'ä'])('the client name "%s" is INVALID_REQUEST', async (clientSoftwareName) => {
    const client = await server.client()
    expect((await client.send(apiVersions, 3, { clientSoftwareName, clientSoftwareVersion: '1' })).errorCode).toBe(42)
  })

  test('trailing bytes are ignored', async () => {
    const client = await server.client()
    client.write(request(18, 0, Buffer.from('0102030405', 'hex')))
    expect((await client.frame()).readInt16BE(4)).toBe(0)
  })
})

describe('record batches', () => {
  const changed = (change: (bytes: Buffer) => void, crc = true) => {
    const bytes = batch('0123456789')
    change(bytes)
    if (crc) rewriteCrc(bytes, 0, bytes.length)
    return bytes
  }
  const CORRUPT = 2
  const INVALID = 87
  const cases: [string, Buffer | null, number][] = [
    ['no batch', null, INVALID],
    ['an empty field', Buffer.alloc(0), CORRUPT],
    ['a torn batch', batch().subarray(0, 40), CORRUPT],
    ['a bad CRC', changed((bytes) => bytes.writeUInt8(1, bytes.length - 1), false), CORRUPT],
    ['magic 0', changed((bytes) => bytes.writeInt8(0, at.magic)), INVALID],
    ['magic 1', changed((bytes) => bytes.writeInt8(1, at.magic)), INVALID],
    ['magic 3', changed((bytes) => bytes.writeInt8(3, at.magic)), INVALID],
    ['a length that says more', changed((bytes) => bytes.writeInt32BE(5000, at.batchLength)), CORRUPT],
    ['a length that says less', changed((bytes) => bytes.writeInt32BE(20, at.batchLength)), CORRUPT],
    ['a negative length', changed((bytes) => bytes.writeInt32BE(-1, at.batchLength)), CORRUPT],
    ['a count that lies', changed((bytes) => bytes.writeInt32BE(7, at.count)), INVALID],
    ['a negative count', changed((bytes) => bytes.writeInt32BE(-1, at.count)), INVALID],
    ['a lastOffsetDelta that lies', changed((bytes) => bytes.writeInt32BE(9, at.lastOffsetDelta)), INVALID],
    ['codec bits 7', changed((bytes) => bytes.writeInt16BE(7, at.attributes)), INVALID],
    ['a control batch', changed((bytes) => bytes.writeInt16BE(0x20, at.attributes)), INVALID],
    ['the transactional bit without a transactional id', changed((bytes) => bytes.writeInt16BE(0x10, at.attributes)), 53],
    ['two batches', Buffer.concat([batch(), batch()]), INVALID],
    ['one over max.message.bytes', batch('x'.repeat(600_000)), 10],
  ]
  test.each(cases)('%s', async (_, records, code) => {
    const client = await server.client()
    const { errorCode } = (await client.send(produce, 9, produced(records))).responses[0]!.partitionResponses[0]!
    expect(errorCode).toBe(code)
    await stillHealthy()
  })

  test.each([2, -2, 99])('acks=%i', async (acks) => {
    const client = await server.client()
    expect((await client.send(produce, 9, produced(batch(), { acks }))).responses[0]!.partitionResponses[0]!.errorCode).toBe(21)
  })

  test('an error of acks=0 closes the connection, and success has no response', async () => {
    const client = await server.client()
    client.write(encodeRequest(produce, 9, 1, produced(batch(), { acks: 0 })))
    stored++
    client.write(encodeRequest(metadata, 1, 2, { topics: [] }))
    expect((await client.frame()).readInt32BE(0)).toBe(2)
    client.write(encodeRequest(produce, 9, 3, produced(Buffer.alloc(80, 9), { acks: 0 })))
    await client.whenClosed()
    await stillHealthy()
  })
})

describe('fetches', () => {
  const fetched = async (over: object, partition: object = {}) => {
    const client = await server.client()
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000, ...partition }]
    return client.send(fetch, 11, {
      maxWaitMs: 50,
      minBytes: 1,
      maxBytes: 1000,
      isolationLevel: 0,
      topics: [{ topic: 'safe', partitions }],
      ...over,
    })
  }
  test.each([0, -1, -(2 ** 31)])('max bytes of %i still return one batch', async (bytes) => {
    const { responses } = await fetched({ maxBytes: bytes }, { partitionMaxBytes: bytes })
    expect(responses[0]!.partitions[0]!.records?.length).toBeGreaterThan(0)
  })
  test.each([-1, 1_000_000, Number.MAX_SAFE_INTEGER])('offset %i is out of range', async (fetchOffset) => {
    expect((await fetched({}, { fetchOffset })).responses[0]!.partitions[0]).toMatchObject({ errorCode: 1, records: Buffer.alloc(0) })
  })
  test('an unknown fetch session', async () => {
    expect((await fetched({ sessionId: 77, sessionEpoch: 5 })).errorCode).toBe(70)
  })
  test('a client with a replica id gets no records (CVE-2018-1288)', async () => {
    expect((await fetched({ replicaId: 1 })).responses[0]!.partitions[0]).toMatchObject({ errorCode: 6, records: Buffer.alloc(0) })
  })
  test('negative max wait and negative min bytes do not wait', async () => {
    expect((await fetched({ maxWaitMs: -1, minBytes: -1 })).responses[0]!.partitions[0]!.errorCode).toBe(0)
  })
})

describe('connections', () => {
  test('a connection with an incomplete request is closed after connections.max.idle.ms; one with a waiting fetch is not', async () => {
    const slow = await server.client()
    slow.write(Buffer.concat([int32(500), Buffer.alloc(20)]))
    // Single bytes do not count as activity.
    const drip = setInterval(() => slow.write(Buffer.alloc(1)), 200)
    const polling = await server.client()
    const partitions = [{ partition: 0, fetchOffset: stored, partitionMaxBytes: 1000 }]
    const poll = polling.send(fetch, 11, { maxWaitMs: 2500, minBytes: 1, isolationLevel: 0, topics: [{ topic: 'safe', partitions }] })
    await slow.whenClosed()
    clearInterval(drip)
    expect((await poll).errorCode).toBe(0)
  })

  test('half-close after a request', async () => {
    const client = await server.client()
    client.socket.end(encodeRequest(metadata, 1, 1, { topics: [] }))
    await client.whenClosed()
    await stillHealthy()
  })

  test('a thousand pipelined responses that are read late arrive in order', async () => {
    const client = await server.client()
    client.socket.pause()
    const count = 1000
    for (let id = 0; id < count; id++) client.write(encodeRequest(metadata, 1, id, { topics: null }))
    await until(() => client.socket.bytesWritten > 20_000, 'the requests to be sent')
    client.socket.resume()
    for (let id = 0; id < count; id++) expect((await client.frame()).readInt32BE(0)).toBe(id)
  })

  test('a client that never reads cannot make the broker buffer more than its limits', async () => {
    const client = await server.client()
    client.socket.pause()
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }]
    const ask = encodeRequest(fetch, 11, 1, { maxWaitMs: 0, minBytes: 0, isolationLevel: 0, topics: [{ topic: 'safe', partitions }] })
    const before = process.memoryUsage().rss
    const flood = Buffer.concat(Array.from({ length: 2000 }, () => ask))
    for (let i = 0; i < 20; i++) client.write(flood)
    await stillHealthy()
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000)
    client.close()
    await once(client.socket, 'close')
  })

  test('the more unsent bytes, the smaller the fetch responses; one client has a few unsent responses at most', async () => {
    const create = { name: 'large', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
    const filler = await server.client()
    await filler.send(createTopics, 7, { topics: [create], validateOnly: false })
    const records = batch('x'.repeat(450_000))
    const topicData = [{ name: 'large', topicId: '', partitionData: [{ index: 0, records }] }]
    for (let i = 0; i < 20; i++) await filler.send(produce, 9, { acks: 1, timeoutMs: 1000, topicData })
    const unsent = async () => Number(/^tributary_broker_unsent_bytes (\d+)/m.exec(await server.broker.system.metrics.text())![1])
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 50_000_000 }]
    const topics = [{ topic: 'large', partitions }]
    const ask = encodeRequest(fetch, 11, 1, { maxWaitMs: 0, minBytes: 1, isolationLevel: 0, topics })
    const silent: RawClient[] = []
    const another = async (pipelined: number) => {
      const client = await server.client()
      client.socket.pause()
      for (let i = 0; i < pipelined; i++) client.write(ask)
      silent.push(client)
    }
    await another(40)
    await until(async () => (await unsent()) > 0, 'the first response to wait')
    await stillHealthy()
    expect(await unsent()).toBeLessThan(3 * 8 * 1024 * 1024)
    for (let i = 0; i < 24; i++) await another(1)
    await stillHealthy()
    expect(await unsent()).toBeLessThan(145 * 1024 * 1024)
    for (const client of silent) client.close()
    await until(async () => (await unsent()) === 0, 'the responses of closed connections to be dropped')
    await stillHealthy()
  })

  test('requests with very many elements are read a few at a time, however few bytes they have', async () => {
    const client = await server.client()
    const partitions = [{ partition: 0, fetchOffset: stored, partitionMaxBytes: 1000 }]
    const topics = [{ topic: 'safe', partitions }]
    client.write(encodeRequest(fetch, 11, 1, { maxWaitMs: 3000, minBytes: 1, isolationLevel: 0, topics }))
    await until(() => server.broker.fetchPurgatory.size === 1, 'the fetch to wait')
    const inFlight = async () => Number(/^tributary_broker_requests_under_way (\d+)/m.exec(await server.broker.system.metrics.text())![1])
    const names = Array.from({ length: 490_000 }, () => ({ name: '' }))
    const ask = encodeRequest(metadata, 9, 2, { topics: names, allowAutoTopicCreation: false })
    for (let i = 0; i < 20; i++) client.write(ask)
    let most = 0
    const fetchCompletes = async () => {
      most = Math.max(most, await inFlight())
      return server.broker.fetchPurgatory.size === 0
    }
    await until(fetchCompletes, 'the fetch to complete')
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThan(5)
    client.close()
    await stillHealthy()
  })

  test('many connections that are reset at once', async () => {
    const clients = await Promise.all(Array.from({ length: 300 }, () => server.client()))
    for (const client of clients) client.socket.resetAndDestroy()
    await stillHealthy()
  })
})

test('max.connections.per.ip: further connections are closed, established ones stay', async () => {
  const small = await brokerInProcess({ 'max.connections.per.ip': '2' })
  try {
    const [first, second] = [await small.client(), await small.client()]
    const third = await small.client()
    await third.whenClosed()
    expect((await first.send(apiVersions, 0, {} as never)).errorCode).toBe(0)
    second.close()
    await until(
      async () => (await (await small.client()).send(apiVersions, 0, {} as never)).errorCode === 0,
      'another connection to be accepted',
    )
  } finally {
    await small.stop()
  }
})
