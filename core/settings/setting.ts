/**
 * The declaration of one setting of a broker or a topic: type, default, documentation, allowed values. Parsing and the error messages are
 * derived from it, in Kafka's words, so that tools that match on them keep working.
 */
import { KafkaError } from '../errors.ts'

export type SettingKind = 'boolean' | 'string' | 'int' | 'short' | 'long' | 'double' | 'list' | 'password'

/** Kafka's ConfigType of DescribeConfigs. */
export const configTypes: Readonly<Record<SettingKind, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  password: 9,
}

export interface Setting<T = unknown> {
  readonly kind: SettingKind
  /** As Kafka prints it; null where there is none. */
  readonly fallback: string | null
  readonly doc: string
  /** IncrementalAlterConfigs may change it on a running broker; a topic's settings can always be changed. */
  readonly dynamic: boolean
  /** The broker settings that a topic setting takes its default from, the strongest first, with the factor of their unit. */
  readonly synonyms: readonly { name: string; factor: number }[]
  readonly min?: number
  readonly max?: number
  /** For a list: each of its items. */
  readonly oneOf?: readonly string[]
  /** A list may be empty, its items may not. */
  readonly noEmptyItems?: boolean
  /** Kafka's message for a value that its validator rejects, else null. */
  readonly validate?: (value: never, name: string) => string | null
  /** Stored and described as Kafka does; nothing in this broker depends on it. */
  readonly ineffective?: boolean
  /** Kafka's broker does not know it, only its authorizer: described and altered as any config that is not known. */
  readonly unlisted?: boolean
  /** Carries the parsed type; never set. */
  readonly value?: T
}

export interface SettingOptions {
  min?: number
  max?: number
  oneOf?: readonly string[]
  noEmptyItems?: boolean
  validate?: (value: never, name: string) => string | null
  ineffective?: boolean
  unlisted?: boolean
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
/** The default as text where Java prints it in another way. */
export const double = (fallback: number | string, doc: string, options?: SettingOptions) =>
  setting<number>('double', String(fallback), doc, options)
export const list = (fallback: string, doc: string, options?: SettingOptions) => setting<string[]>('list', fallback, doc, options)

/** Never shown (Invariant 12). */
export const password = (doc: string) => setting<string | null>('password', null, doc)

export type SettingMap = Readonly<Record<string, Setting>>
export type ValuesOf<M extends SettingMap> = { readonly [N in keyof M]: M[N] extends Setting<infer T> ? T : never }

const LIMITS = { int: 2n ** 31n, short: 2n ** 15n, long: 2n ** 63n } as const

const invalid = (name: string, value: string, why: string) =>
  new KafkaError('INVALID_CONFIG', `Invalid value ${value} for configuration ${name}: ${why}`)

/** A long beyond the safe integers is rounded: it is only compared. */
function parseWhole(name: string, raw: string, kind: 'int' | 'short' | 'long'): number {
  const whole = /^[+-]?\d+$/.test(raw) ? BigInt(raw.replace(/^\+/, '')) : null
  if (whole === null || whole < -LIMITS[kind] || whole >= LIMITS[kind])
    throw invalid(name, raw, `Not a number of type ${kind.toUpperCase()}`)
  return Number(whole)
}

function parseValue(name: string, setting: Setting, raw: string): unknown {
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
    case 'password':
      return raw
    default:
      return parseWhole(name, raw, setting.kind)
  }
}

/** The items of a list as Kafka splits it, empty ones included. */
const itemsOf = (raw: string): string[] => (raw === '' ? [] : raw.split(',').map((item) => item.trim()))

export const splitList = (raw: string): string[] => itemsOf(raw).filter((item) => item !== '')

/** The value of `raw`. Throws a KafkaError with Kafka's message. */
export function parseSetting(name: string, setting: Setting, raw: string | null): unknown {
  if (raw === null) return null
  const trimmed = raw.trim()
  const value = parseValue(name, setting, trimmed)
  if (typeof value === 'number') {
    if (setting.min !== undefined && value < setting.min) throw invalid(name, trimmed, `Value must be at least ${setting.min}`)
    if (setting.max !== undefined && value > setting.max) throw invalid(name, trimmed, `Value must be no more than ${setting.max}`)
  }
  if (setting.noEmptyItems && itemsOf(trimmed).includes(''))
    throw new KafkaError('INVALID_CONFIG', `Configuration '${name}' values must not be empty.`)
  for (const item of setting.oneOf ? [value].flat() : [])
    if (!setting.oneOf!.includes(String(item))) throw invalid(name, String(item), `String must be one of: ${setting.oneOf!.join(', ')}`)
  const why = setting.validate?.(value as never, name)
  if (why) throw invalid(name, Array.isArray(value) ? `[${itemsOf(trimmed).join(', ')}]` : trimmed, why)
  return value
}
