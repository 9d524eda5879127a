/**
 * Goal: the bytes of the replication protocol are cut into the same messages however the socket parts them, and what is not the protocol
 * is an error. Method: messages that are written by hand, pushed in all kinds of pieces.
 */
import { expect, test } from 'vitest'
import { FrameCutter, readKeepalive, readServerError, statusFrame } from '../../../connectors/postgres-source/replication-frames.ts'

function frame(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type, 0, 'latin1')
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

test('messages are the same for all sizes of pieces', () => {
  const bodies = [Buffer.from('a'), Buffer.alloc(0), Buffer.alloc(300, 'x'), Buffer.from('end')]
  const bytes = Buffer.concat(bodies.map((body) => frame('d', body)))
  for (let size = 1; size <= bytes.length; size += size < 20 ? 1 : 37) {
    const cutter = new FrameCutter()
    const read: string[] = []
    for (let at = 0; at < bytes.length; at += size) {
      cutter.push(bytes.subarray(at, at + size))
      for (let message = cutter.next(); message; message = cutter.next())
        read.push(message.bytes.toString('latin1', message.start, message.end))
    }
    expect(read).toEqual(bodies.map((body) => body.toString('latin1')))
    expect(cutter.bufferedBytes).toBe(0)
  }
})

test('a length that no message has is an error', () => {
  const cutter = new FrameCutter()
  cutter.push(Buffer.from('HTTP/1.1 400 Bad Request'))
  expect(() => cutter.next()).toThrow("this is not Postgres's protocol")
})

test('keepalives, errors and status updates are read and written as Postgres has them', () => {
  const keepalive = Buffer.alloc(18)
  keepalive[0] = 0x6b
  keepalive.writeUInt32BE(0x16, 1)
  keepalive.writeUInt32BE(0xb374d848, 5)
  keepalive[17] = 1
  expect(readKeepalive(keepalive, 0)).toEqual({ walEnd: 0x16_b374_d848, replyRequested: true })
  const error = Buffer.from('SERROR\0VERROR\0C55006\0Mslot is active\0\0')
  expect(readServerError(error, 0, error.length)).toEqual({ severity: 'ERROR', code: '55006', message: 'slot is active' })
  const status = statusFrame(0x16_0000_0002, 0x16_0000_0001, Date.UTC(2000, 0, 1, 0, 0, 1))
  expect(status.toString('hex')).toBe(`6400000026720000001600000002${'0000001600000001'.repeat(2)}00000000000f424000`)
})
