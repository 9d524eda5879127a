/**
 * Goal: the ClientHello of a TLS client is whole before a handshake begins, however it is cut, and is bounded. Method: that of node:tls, in
 * chunks and records of every size, and what is none.
 */
import { createServer } from 'node:net'
import { connect } from 'node:tls'
import { beforeAll, describe, expect, test } from 'vitest'
import { ClientHello } from '../../../core/network/client-hello.ts'
import { limits } from '../../../core/network/limits.ts'

/** One record. */
let hello: Buffer

beforeAll(async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = connect({ port: (server.address() as { port: number }).port, host: '127.0.0.1' })
  client.on('error', () => {})
  hello = await new Promise<Buffer>((resolve) => server.once('connection', (socket) => socket.once('data', resolve)))
  client.destroy()
  server.close()
})

const record = (payload: Buffer, type = 0x16): Buffer =>
  Buffer.concat([Buffer.from([type, 3, 1, payload.length >> 8, payload.length & 255]), payload])

/** Of `size` bytes each. */
const pieces = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size))

describe('a whole one', () => {
  test.each([1, 2, 3, 4, 5, 7, 64, 10_000])('in chunks of %i bytes: complete with the last one, and all bytes are kept', (size) => {
    const collected = new ClientHello()
    const chunks = pieces(hello, size)
    for (const [index, chunk] of chunks.entries()) {
      expect([collected.isComplete, collected.refused]).toEqual([false, null])
      collected.push(chunk)
      if (index < chunks.length - 1) expect(collected.isComplete).toBe(false)
    }
    expect(collected.isComplete).toBe(true)
    expect(collected.bytes).toEqual(hello)
  })

  test.each([1, 2, 3, 4, 5, 100])('in records of %i bytes, a byte at a time', (size) => {
    const collected = new ClientHello()
    const bytes = Buffer.concat(pieces(hello.subarray(5), size).map((payload) => record(payload)))
    for (const byte of bytes.subarray(0, -1)) {
      collected.push(Buffer.from([byte]))
      expect([collected.isComplete, collected.refused]).toEqual([false, null])
    }
    collected.push(bytes.subarray(-1))
    expect(collected.isComplete).toBe(true)
    expect(collected.bytes).toEqual(bytes)
  })

  test('with what follows it in the same chunk', () => {
    const collected = new ClientHello()
    const bytes = Buffer.concat([hello, Buffer.alloc(60_000)])
    collected.push(bytes)
    expect([collected.isComplete, collected.refused]).toEqual([true, null])
    expect(collected.bytes).toEqual(bytes)
  })
})

describe('refused', () => {
  const message = (length: number) => Buffer.from([1, length >> 16, (length >> 8) & 255, length & 255])
  test.each([
    ['a request of Kafka', Buffer.from([0, 0, 0, 20, 0, 18]), /does not speak TLS/],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n'), /does not speak TLS/],
    ['an alert', record(Buffer.from([2, 40]), 0x15), /does not speak TLS/],
    ['another message', record(Buffer.from([2, 0, 0, 1, 0])), /no ClientHello/],
    ['an empty record', record(Buffer.alloc(0)), /no ClientHello/],
    ['another record within it', Buffer.concat([record(message(10)), record(Buffer.alloc(3), 0x17)]), /no ClientHello/],
    ['an empty record within it', Buffer.concat([record(message(10)), record(Buffer.alloc(0))]), /no ClientHello/],
    ['a length of 16 MiB', record(message(2 ** 24 - 1)), /more than/],
    ['one byte in each record, without end', Buffer.concat([record(message(17_000)), Buffer.alloc(18_000, record(Buffer.alloc(1)))]), /more than/], // biome-ignore format: one line
  ] as [string, Buffer, RegExp][])('%s, in one chunk and byte by byte', (_, bytes, reason) => {
    const whole = new ClientHello()
    whole.push(bytes)
    expect(whole.refused).toMatch(reason)
    const cut = new ClientHello()
    for (const byte of bytes) if (cut.refused === null) cut.push(Buffer.from([byte]))
    expect(cut.refused).toMatch(reason)
  })

  test('beyond the bound, whatever comes', () => {
    const collected = new ClientHello()
    collected.push(record(Buffer.concat([message(17_000), Buffer.alloc(12_000)])))
    expect(collected.refused).toBeNull()
    for (let bytes = 0; collected.refused === null; bytes += 6) {
      expect(bytes).toBeLessThan(limits.clientHelloBytes)
      collected.push(record(Buffer.alloc(1)))
    }
    expect(collected.isComplete).toBe(false)
  })
})
