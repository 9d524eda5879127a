/**
 * One setting of a broker or a topic: its type, its default, what it is for and what it takes. Parsing and the sentences of refusal are
 * derived, in Kafka's words, so that tools that match on them keep working.
 */
import { KafkaError } from '../errors.ts'

export type SettingKind = 'boolean' | 'string' | 'int' | 'short' | 'long' | 'double' | 'list'

/** Kafka's ConfigType of DescribeConfigs. */
export const configTypes: Readonly<Record<SettingKind, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
}

export interface Setting<T = unknown> {
  readonly kind: SettingKind
  /** As Kafka prints it; null where there is none. */
  readonly fallback: string | null
  readonly doc: string
  /** A running broker takes a new value (IncrementalAlterConfigs); topic settings always do. */
  readonly dynamic: boolean
  /** The broker settings that give a topic setting its default, the strongest first, with the factor of their unit. */
  readonly synonyms: readonly { name: string; factor: number }[]
  readonly min?: number
  readonly max?: number
  readonly oneOf?: readonly string[]
  /** Carries the parsed type; never set. */
  readonly value?: T
}

export interface SettingOptions {
  min?: number
  max?: number
  oneOf?: readonly string[]
  dynamic?: boolean
  synonyms?: readonly (string | { name: string; factor: number })[]
}

function setting<T>(kind: SettingKind, fallback: string | null, doc: string, options: SettingOptions = {}): Setting<T> {
  const { synonyms = [], dynamic = false, ...bounds } = options
  return {
    kind,
    fallback,
    doc,
    dynamic,
    synonyms: synonyms.map((name) => (typeof name === 'string' ? { name, factor: 1 } : name)),
    ...bounds,
  }
}

/** Java's Long.MAX_VALUE: Kafka's way to say "never" and "no bound". */
export const FOREVER = '9223372036854775807'
export const INT_MAX = 2_147_483_647

export const bool = (fallback: boolean, doc: string, options?: SettingOptions) =>
  setting<boolean>('boolean', String(fallback), doc, options)
export const text = <F extends string | null>(fallback: F, doc: string, options?: SettingOptions) =>
  setting<F extends null ? string | null : string>('string', fallback, doc, options)
export const int = <F extends number | null>(fallback: F, doc: string, options?: SettingOptions) =>
  setting<F extends null ? number | null : number>('int', fallback === null ? null : String(fallback), doc, options)
export const short = (fallback: number, doc: string, options?: SettingOptions) => setting<number>('short', String(fallback), doc, options)
export const long = <F extends number | string | null>(fallback: F, doc: string, options?: SettingOptions) =>
  setting<F extends null ? number | null : number>('long', fallback === null ? null : String(fallback), doc, options)
export const double = (fallback: number, doc: string, options?: SettingOptions) => setting<number>('double', String(fallback), doc, options)
export const list = (fallback: string, doc: string, options?: SettingOptions) => setting<string[]>('list', fallback, doc, options)

export type SettingMap = Readonly<Record<string, Setting>>
export type ValuesOf<M extends SettingMap> = { readonly [N in keyof M]: M[N] extends Setting<infer T> ? T : never }

const LIMITS = { int: 2 ** 31, short: 2 ** 15, long: 2 ** 63 } as const

const invalid = (name: string, value: string, why: string) =>
  new KafkaError('INVALID_CONFIG', `Invalid value ${value} for configuration ${name}: ${why}`)

function parseWhole(name: string, raw: string, kind: 'int' | 'short' | 'long'): number {
  const value = Number(raw)
  // a long at its very end is not a safe number; what compares with it still works
  if (!/^[+-]?\d+$/.test(raw) || value < -LIMITS[kind] || value > LIMITS[kind] || (kind !== 'long' && value === LIMITS[kind]))
    throw invalid(name, raw, `Not a number of type ${kind.toUpperCase()}`)
  return value
}

function parseOne(name: string, setting: Setting, raw: string): unknown {
  switch (setting.kind) {
    case 'boolean': {
      const lower = raw.toLowerCase()
      if (lower !== 'true' && lower !== 'false') throw invalid(name, raw, 'Expected value to be either true or false')
      return lower === 'true'
    }
    case 'double': {
      const value = Number(raw)
      if (raw === '' || Number.isNaN(value)) throw invalid(name, raw, 'Not a number of type DOUBLE')
      return value
    }
    case 'list':
      return splitList(raw)
    case 'string':
      return raw
    default:
      return parseWhole(name, raw, setting.kind)
  }
}

export const splitList = (raw: string): string[] =>
  raw
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

/** The value of `raw`, or a KafkaError that names the setting and what it takes. */
export function parseSetting(name: string, setting: Setting, raw: string | null): unknown {
  if (raw === null) return null
  const trimmed = raw.trim()
  const value = parseOne(name, setting, trimmed)
  if (typeof value === 'number') {
    if (setting.min !== undefined && value < setting.min) throw invalid(name, trimmed, `Value must be at least ${setting.min}`)
    if (setting.max !== undefined && value > setting.max) throw invalid(name, trimmed, `Value must be no more than ${setting.max}`)
  }
  if (setting.oneOf) {
    for (const part of Array.isArray(value) ? value : [value]) {
      if (!setting.oneOf.includes(String(part))) throw invalid(name, trimmed, `String must be one of: ${setting.oneOf.join(', ')}`)
    }
  }
  return value
}
