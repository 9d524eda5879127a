/**
 * What settings make of single columns: masks, hashes and cuts of their values, and the parameters of their schemas. Debezium applies the
 * first rule that names a column; here masks and hashes come before cuts, and parameters never take their place, so that nothing meant to
 * be hidden is shown.
 */
import { createHash, getHashes } from 'node:crypto'
import { type Matches, matchesAny } from './filters.ts'

/** A rule of the config, with the names that it is for. */
export type ColumnRule =
  | { kind: 'mask'; matches: Matches; text: string }
  | { kind: 'hash'; matches: Matches; algorithm: string; salt: string; isPlain: boolean }
  | { kind: 'truncate'; matches: Matches; length: number }

const hashes = new Set(getHashes().map((name) => name.toLowerCase()))

/** Node's name of an algorithm by Java's; undefined where there is none. */
export function hashAlgorithm(java: string): string | undefined {
  const lower = java.toLowerCase()
  // Java's SHA is SHA-1, and its SHA-512/256 is sha512-256 here.
  const candidates = [lower === 'sha' ? 'sha1' : lower, lower.replace('-', ''), lower.replace('/', '-').replace('sha-', 'sha')]
  return candidates.find((name) => hashes.has(name))
}

export const maskRule = (length: number, list: string): ColumnRule => ({
  kind: 'mask',
  matches: matchesAny(list),
  text: '*'.repeat(length),
})

export const truncateRule = (length: number, list: string): ColumnRule => ({ kind: 'truncate', matches: matchesAny(list), length })

export const hashRule = (algorithm: string, salt: string, isPlain: boolean, list: string): ColumnRule => ({
  kind: 'hash',
  matches: matchesAny(list),
  algorithm: hashAlgorithm(algorithm)!,
  salt,
  isPlain,
})

/** The parameters that a rule adds to the schema of its column. */
export function parametersOf(rule: ColumnRule, length: number): Record<string, string> {
  if (rule.kind !== 'truncate') return { masked: 'true' }
  return cuts(rule.length, length) ? { truncateLength: String(rule.length) } : {}
}

/** A column that is never longer stays as it is. */
const cuts = (limit: number, length: number): boolean => length < 0 || length > limit

/** The value of a column that a rule is for. Masks and hashes are of strings only. */
export function changedBy(rule: ColumnRule, length: number, isText: boolean): ((value: unknown) => unknown) | null {
  if (rule.kind === 'truncate') {
    const limit = rule.length
    return cuts(limit, length) ? (value) => cut(value, limit) : null
  }
  if (!isText) return null
  if (rule.kind === 'mask') return () => rule.text
  const { algorithm, salt, isPlain } = rule
  return (value) => {
    if (typeof value !== 'string') return null
    const hash = createHash(algorithm).update(salt)
    hash.update(isPlain ? value : serialized(value))
    const digest = hash.digest('hex')
    return length > 0 ? digest.slice(0, length) : digest
  }
}

function cut(value: unknown, limit: number): unknown {
  if (typeof value === 'string') return value.length > limit ? value.slice(0, limit) : value
  return Buffer.isBuffer(value) && value.length > limit ? Buffer.from(value.subarray(0, limit)) : value
}

const SHORT_STRING = Buffer.from([0xac, 0xed, 0x00, 0x05, 0x74])
const LONG_STRING = Buffer.from([0xac, 0xed, 0x00, 0x05, 0x7c])
const MAX_SHORT_LENGTH = 0xffff

/** A string as Java's ObjectOutputStream writes it. */
function serialized(text: string): Buffer {
  const bytes = modifiedUtf8(text)
  const length = Buffer.alloc(bytes.length > MAX_SHORT_LENGTH ? 8 : 2)
  length.writeUIntBE(bytes.length, Math.max(0, length.length - 6), Math.min(6, length.length))
  return Buffer.concat([bytes.length > MAX_SHORT_LENGTH ? LONG_STRING : SHORT_STRING, length, bytes])
}

/** Each UTF-16 code unit by itself, and zero in two bytes. */
function modifiedUtf8(text: string): Buffer {
  const bytes: number[] = []
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code >= 0x01 && code <= 0x7f) bytes.push(code)
    else if (code <= 0x7ff) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 0x3f))
    else bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f))
  }
  return Buffer.from(bytes)
}
