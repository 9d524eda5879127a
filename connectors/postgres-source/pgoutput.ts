/**
 * The messages of pgoutput, Postgres's plug-in for logical decoding, read from the bytes of a CopyData message. Pure; versions 1 to 4 of
 * its protocol without streaming of open transactions, with values as text. A message that is cut off or unknown is an error.
 */
import type { Lsn, TextRow } from './types.ts'

/** µs from 1970 to 2000, where Postgres's times begin. */
const EPOCH_MICROS = 946_684_800_000_000

export interface RelationColumn {
  isKey: boolean
  name: string
  typeOid: number
  typeModifier: number
}

export interface Relation {
  oid: number
  schema: string
  name: string
  replicaIdentity: 'default' | 'full' | 'nothing' | 'index'
  columns: readonly RelationColumn[]
}

export type Message =
  | { kind: 'begin'; finalLsn: Lsn; commitMicros: number; xid: number }
  | { kind: 'commit'; commitLsn: Lsn; endLsn: Lsn; commitMicros: number }
  | { kind: 'relation'; relation: Relation }
  | { kind: 'insert'; oid: number; after: TextRow }
  /** `before` is all of the old row with replica identity FULL, its key where that changed, else null. */
  | { kind: 'update'; oid: number; before: TextRow | null; isKeyOnly: boolean; after: TextRow }
  | { kind: 'delete'; oid: number; before: TextRow; isKeyOnly: boolean }
  | { kind: 'truncate'; oids: readonly number[] }
  | { kind: 'message'; isTransactional: boolean; lsn: Lsn; prefix: string; content: Buffer }
  /** Types and origins, of which nothing is needed. */
  | { kind: 'other' }

const IDENTITIES: Readonly<Record<string, Relation['replicaIdentity']>> = { d: 'default', f: 'full', n: 'nothing', i: 'index' }

const B = 66
const C = 67
const D = 68
const I = 73
const K = 75
const M = 77
const N = 78
const O = 79
const R = 82
const T = 84
const U = 85
const Y = 89

const NULL = 110
const UNCHANGED = 117
const TEXT = 116

export const readLsn = (bytes: Buffer, at: number): Lsn => bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)

/** As Postgres prints it: 16/B374D848. */
export const formatLsn = (lsn: Lsn): string =>
  `${Math.floor(lsn / 0x1_0000_0000)
    .toString(16)
    .toUpperCase()}/${(lsn % 0x1_0000_0000).toString(16).toUpperCase()}`

export function parseLsn(text: string): Lsn {
  const [high, low] = text.split('/').map((part) => Number.parseInt(part, 16))
  if (high === undefined || low === undefined || Number.isNaN(high + low)) throw new Error(`${text} is not an LSN`)
  return high * 0x1_0000_0000 + low
}

const readMicros = (bytes: Buffer, at: number): number => Number(bytes.readBigInt64BE(at)) + EPOCH_MICROS

/** Reads the message in `bytes` from `start` to `end`. */
export function readMessage(bytes: Buffer, start: number, end: number): Message {
  const type = bytes[start]
  let at = start + 1
  switch (type) {
    case I: {
      const oid = bytes.readUInt32BE(at)
      return { kind: 'insert', oid, after: readTuple(bytes, at + 5) }
    }
    case U: {
      const oid = bytes.readUInt32BE(at)
      const marker = bytes[at + 4]
      if (marker === N) return { kind: 'update', oid, before: null, isKeyOnly: false, after: readTuple(bytes, at + 5) }
      const before = readTuple(bytes, at + 5)
      return { kind: 'update', oid, before, isKeyOnly: marker === K, after: readTuple(bytes, tupleEnd(bytes, at + 5) + 1) }
    }
    case D: {
      const oid = bytes.readUInt32BE(at)
      return { kind: 'delete', oid, before: readTuple(bytes, at + 5), isKeyOnly: bytes[at + 4] === K }
    }
    case B:
      return { kind: 'begin', finalLsn: readLsn(bytes, at), commitMicros: readMicros(bytes, at + 8), xid: bytes.readUInt32BE(at + 16) }
    case C:
      return {
        kind: 'commit',
        commitLsn: readLsn(bytes, at + 1),
        endLsn: readLsn(bytes, at + 9),
        commitMicros: readMicros(bytes, at + 17),
      }
    case R:
      return { kind: 'relation', relation: readRelation(bytes, at) }
    case T: {
      const count = bytes.readUInt32BE(at)
      at += 5
      return { kind: 'truncate', oids: Array.from({ length: count }, (_, index) => bytes.readUInt32BE(at + 4 * index)) }
    }
    case M: {
      const prefixEnd = bytes.indexOf(0, at + 9)
      const length = bytes.readUInt32BE(prefixEnd + 1)
      return {
        kind: 'message',
        isTransactional: (bytes[at]! & 1) === 1,
        lsn: readLsn(bytes, at + 1),
        prefix: bytes.toString('utf8', at + 9, prefixEnd),
        // The bytes around it are those of a whole read from the socket.
        content: Buffer.from(bytes.subarray(prefixEnd + 5, prefixEnd + 5 + length)),
      }
    }
    case O:
    case Y:
      return { kind: 'other' }
    default:
      throw new Error(`pgoutput sent a message of type ${String.fromCharCode(type ?? 0)} and ${end - start} bytes, which is unknown`)
  }
}

function readRelation(bytes: Buffer, start: number): Relation {
  let at = start + 4
  const text = () => {
    const end = bytes.indexOf(0, at)
    const value = bytes.toString('utf8', at, end)
    at = end + 1
    return value
  }
  // An empty namespace stands for pg_catalog.
  const schema = text() || 'pg_catalog'
  const name = text()
  const replicaIdentity = IDENTITIES[String.fromCharCode(bytes[at]!)] ?? 'default'
  const count = bytes.readUInt16BE(at + 1)
  at += 3
  const columns = Array.from({ length: count }, () => {
    const isKey = (bytes[at]! & 1) === 1
    at++
    const column = text()
    at += 8
    return { isKey, name: column, typeOid: bytes.readUInt32BE(at - 8), typeModifier: bytes.readInt32BE(at - 4) }
  })
  return { oid: bytes.readUInt32BE(start), schema, name, replicaIdentity, columns }
}

function readTuple(bytes: Buffer, start: number): (string | null | undefined)[] {
  const count = bytes.readUInt16BE(start)
  const row = new Array<string | null | undefined>(count)
  let at = start + 2
  for (let index = 0; index < count; index++) {
    const kind = bytes[at++]
    if (kind === TEXT) {
      const length = bytes.readUInt32BE(at)
      at += 4
      if (at + length > bytes.length) throw new Error('pgoutput sent a row that is cut off')
      row[index] = bytes.toString('utf8', at, at + length)
      at += length
    } else if (kind === NULL) row[index] = null
    else if (kind === UNCHANGED) row[index] = undefined
    else throw new Error(`pgoutput sent a value of kind ${kind}, which is not text`)
  }
  return row
}

function tupleEnd(bytes: Buffer, start: number): number {
  const count = bytes.readUInt16BE(start)
  let at = start + 2
  for (let index = 0; index < count; index++) at += bytes[at] === TEXT ? 5 + bytes.readUInt32BE(at + 1) : 1
  return at
}
