/**
 * Goal: messages of pgoutput are read as its protocol says. Method: messages that are written by hand, of each kind.
 */
import { expect, test } from 'vitest'
import { formatLsn, parseLsn, readMessage } from '../../../connectors/postgres-source/pgoutput.ts'

const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))))
const int32 = (value: number) => [...Buffer.from([value >>> 24, value >>> 16, value >>> 8, value])]
const int16 = (value: number) => [value >> 8, value & 255]
const text = (value: string) => bytes('t', int32(Buffer.byteLength(value)), value)
const tuple = (...values: (string | null | undefined)[]) =>
  Buffer.concat([
    Buffer.from(int16(values.length)),
    ...values.map((value) => (value === null ? bytes('n') : value === undefined ? bytes('u') : text(value))),
  ])
const read = (message: Buffer) => readMessage(message, 0, message.length)

test('rows have texts, NULLs and values that did not change', () => {
  expect(read(Buffer.concat([bytes('I', int32(7), 'N'), tuple('1', null, 'é')]))).toEqual({
    kind: 'insert',
    oid: 7,
    after: ['1', null, 'é'],
  })
  expect(read(Buffer.concat([bytes('U', int32(7), 'N'), tuple('1', undefined)]))).toEqual({
    kind: 'update',
    oid: 7,
    before: null,
    isKeyOnly: false,
    after: ['1', undefined],
  })
  const changed = Buffer.concat([bytes('U', int32(7), 'K'), tuple('1', null), bytes('N'), tuple('2', 'x')])
  expect(read(changed)).toEqual({ kind: 'update', oid: 7, before: ['1', null], isKeyOnly: true, after: ['2', 'x'] })
  expect(read(Buffer.concat([bytes('D', int32(7), 'O'), tuple('1', 'x')]))).toEqual({
    kind: 'delete',
    oid: 7,
    before: ['1', 'x'],
    isKeyOnly: false,
  })
})

test('begin, commit, relation, truncate and messages', () => {
  expect(read(bytes('B', int32(1), int32(2), int32(0), int32(1000), int32(0x9000_0000)))).toEqual({
    kind: 'begin',
    finalLsn: 0x1_0000_0002,
    commitMicros: 946_684_800_001_000,
    xid: 0x9000_0000,
  })
  expect(read(bytes('C', [0], int32(0), int32(2), int32(0), int32(3), int32(0), int32(0)))).toMatchObject({ commitLsn: 2, endLsn: 3 })
  const relation = bytes('R', int32(9), 'public\0', 'täble\0', 'f', int16(1), [1], 'id\0', int32(23), int32(0xffff_ffff))
  expect(read(relation)).toEqual({
    kind: 'relation',
    relation: {
      oid: 9,
      schema: 'public',
      name: 'täble',
      replicaIdentity: 'full',
      columns: [{ isKey: true, name: 'id', typeOid: 23, typeModifier: -1 }],
    },
  })
  expect(read(bytes('T', int32(2), [0], int32(7), int32(8)))).toEqual({ kind: 'truncate', oids: [7, 8] })
  const message = bytes('M', [1], int32(0), int32(5), 'prefix\0', int32(2), 'hi')
  expect(read(message)).toEqual({ kind: 'message', isTransactional: true, lsn: 5, prefix: 'prefix', content: Buffer.from('hi') })
})

test('what is cut off, binary or unknown is an error', () => {
  expect(() => read(bytes('I', int32(7), 'N', int16(1), 't', int32(9), 'x'))).toThrow('cut off')
  expect(() => read(bytes('I', int32(7), 'N', int16(1), 'b', int32(1), 'x'))).toThrow('not text')
  expect(() => read(bytes('Z'))).toThrow('unknown')
})

test('LSNs are printed as Postgres prints them', () => {
  for (const lsn of ['0/0', '0/1', '16/B374D848', 'FFFFF/FFFFFFFF']) expect(formatLsn(parseLsn(lsn))).toBe(lsn)
  expect(() => parseLsn('x')).toThrow('not an LSN')
})
