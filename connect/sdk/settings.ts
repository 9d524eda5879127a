/**
 * Settings, declared once as values: parsing, defaults, validation messages, TypeScript types, responses of `config/validate` and docs are
 * derived. The messages are those of Kafka's ConfigDef, since tools read them.
 */
export type SettingType = 'BOOLEAN' | 'STRING' | 'INT' | 'SHORT' | 'LONG' | 'DOUBLE' | 'LIST' | 'CLASS' | 'PASSWORD'
export type Importance = 'HIGH' | 'MEDIUM' | 'LOW'
export type Width = 'NONE' | 'SHORT' | 'MEDIUM' | 'LONG'

export interface Setting<T> {
  readonly type: SettingType
  readonly doc: string
  readonly importance: Importance
  readonly required: boolean
  /** The default as text; null where there is none. */
  readonly default: string | null
  /** The group in which tools show it; null for none, as for most connectors' own settings in Kafka. */
  readonly group: string | null
  readonly order: number
  readonly width: Width
  readonly displayName?: string | undefined
  readonly recommended?: readonly string[] | undefined
  /** Other names of the same setting: Kafka's or another connector's. The first that is set counts. */
  readonly aliases: readonly string[]
  parse(name: string, raw: string | null): T
}

/** Kafka's text in place of a password. */
export const HIDDEN = '[hidden]'

/** An invalid value of a setting, with Kafka's message. */
export class InvalidSetting extends Error {
  override name = 'InvalidSetting'
  readonly setting: string

  constructor(setting: string, raw: string | null, why: string) {
    super(`Invalid value ${raw} for configuration ${setting}: ${why}`)
    this.setting = setting
  }
}

interface Common<T> {
  doc: string
  importance?: Importance
  group?: string
  order?: number
  width?: Width
  displayName?: string
  recommended?: readonly string[]
  aliases?: readonly string[]
  /** Without it the setting is required. */
  default?: T | null
  /** Returns the error of an invalid value. */
  check?(value: T): string | undefined
}

type Parsed<T, O> = O extends { default: null } ? T | null : T

function declare<T, O extends Common<T>>(
  type: SettingType,
  options: O,
  read: (raw: string) => T | string,
  show: (value: T) => string = String,
) {
  const setting: Setting<Parsed<T, O>> = {
    type,
    doc: options.doc,
    importance: options.importance ?? 'MEDIUM',
    required: options.default === undefined,
    default: options.default === undefined || options.default === null ? null : show(options.default),
    group: options.group ?? null,
    order: options.order ?? -1,
    width: options.width ?? 'NONE',
    displayName: options.displayName,
    recommended: options.recommended,
    aliases: options.aliases ?? [],
    parse(name, raw) {
      if (raw === null) {
        if (options.default === undefined) throw new MissingSetting(name)
        return options.default as Parsed<T, O>
      }
      const value = read(raw)
      if (value instanceof Unparsable) throw new InvalidSetting(name, raw, value.why)
      const problem = options.check?.(value as T)
      if (problem) throw new InvalidSetting(name, type === 'PASSWORD' ? HIDDEN : raw, problem)
      return value as Parsed<T, O>
    },
  }
  return setting
}

/** A required setting without a value, with Kafka's message. */
export class MissingSetting extends Error {
  override name = 'MissingSetting'
  readonly setting: string

  constructor(setting: string) {
    super(`Missing required configuration "${setting}" which has no default value.`)
    this.setting = setting
  }
}

class Unparsable {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}
// `read` returns it for a value that does not parse. The cast keeps the types of the settings simple.
const wrong = (why: string) => new Unparsable(why) as never

const integer = (type: string, min: number, max: number) => (raw: string) => {
  const text = raw.trim()
  const value = Number(text)
  if (!/^[+-]?\d+$/.test(text) || value < min || value > max) return wrong(`Not a number of type ${type}`)
  return value
}

export const setting = {
  string: <const O extends Common<string>>(options: O) => declare<string, O>('STRING', options, (raw) => raw),
  password: <const O extends Common<string>>(options: O) => declare<string, O>('PASSWORD', options, (raw) => raw),
  class: <const O extends Common<string>>(options: O) => declare<string, O>('CLASS', options, (raw) => raw.trim()),
  boolean: <const O extends Common<boolean>>(options: O) =>
    declare<boolean, O>('BOOLEAN', options, (raw) => {
      const text = raw.trim().toLowerCase()
      return text === 'true' ? true : text === 'false' ? false : wrong('Expected value to be either true or false')
    }),
  short: <const O extends Common<number>>(options: O) => declare<number, O>('SHORT', options, integer('SHORT', -32768, 32767)),
  int: <const O extends Common<number>>(options: O) => declare<number, O>('INT', options, integer('INT', -2147483648, 2147483647)),
  long: <const O extends Common<number>>(options: O) =>
    declare<number, O>('LONG', options, integer('LONG', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)),
  double: <const O extends Common<number>>(options: O) =>
    declare<number, O>('DOUBLE', options, (raw) =>
      raw.trim() !== '' && Number.isFinite(Number(raw)) ? Number(raw) : wrong('Not a number of type DOUBLE'),
    ),
  list: <const O extends Common<readonly string[]>>(options: O) =>
    declare<readonly string[], O>(
      'LIST',
      options,
      (raw) => (raw.trim() === '' ? [] : raw.split(',').map((item) => item.trim())),
      (value) => value.join(','),
    ),
  oneOf: <const V extends string, const O extends Omit<Common<V>, 'default'> & { default?: V | null }>(values: readonly V[], options: O) =>
    declare<V, O>('STRING', { recommended: values, ...options }, (raw) => {
      const match = values.find((value) => value.toLowerCase() === raw.trim().toLowerCase())
      return match ?? wrong(`String must be one of: ${values.join(', ')}`)
    }),
}

/** The names in a comma-separated list, without empty ones. */
export const namesIn = (list: string | undefined): string[] =>
  (list ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')

// biome-ignore lint/suspicious/noExplicitAny: the settings of a map have different value types
export type Settings = Record<string, Setting<any>>
export type ConfigOf<S extends Settings> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never }

/** The raw text of a setting under its own name or an alias. */
export function rawValue(
  name: string,
  declared: Setting<unknown>,
  raw: Readonly<Record<string, string | null | undefined>>,
): string | null {
  for (const known of [name, ...declared.aliases]) {
    const value = raw[known]
    if (value !== undefined && value !== null) return value
  }
  return null
}

/** Parses all settings; throws the first error. */
export function parseSettings<S extends Settings>(settings: S, raw: Readonly<Record<string, string | null | undefined>>): ConfigOf<S> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, declared]) => [name, declared.parse(name, rawValue(name, declared, raw))]),
  ) as ConfigOf<S>
}
