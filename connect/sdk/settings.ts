/**
 * Settings, declared once as values: parsing, defaults, validation messages, TypeScript types, Connect's `config/validate` answer, docs and
 * forms are derived. The messages are Kafka's (`ConfigDef`), so that tools which read them keep working.
 */
export type SettingType = 'BOOLEAN' | 'STRING' | 'INT' | 'SHORT' | 'LONG' | 'DOUBLE' | 'LIST' | 'CLASS' | 'PASSWORD'
export type Importance = 'HIGH' | 'MEDIUM' | 'LOW'
export type Width = 'NONE' | 'SHORT' | 'MEDIUM' | 'LONG'

export interface Setting<T> {
  readonly type: SettingType
  readonly doc: string
  readonly importance: Importance
  readonly required: boolean
  /** The default as it would be written in a file; null where there is none. */
  readonly default: string | null
  /** Where tools show it; null for what stands in no group, as Kafka has it for most connectors' own settings. */
  readonly group: string | null
  readonly order: number
  readonly width: Width
  readonly displayName?: string | undefined
  readonly recommended?: readonly string[] | undefined
  /** Other names of the same setting: Kafka's or another connector's. The first that is given counts. */
  readonly aliases: readonly string[]
  parse(name: string, raw: string | null): T
}

/** What is shown of a password, as Kafka shows it. */
export const HIDDEN = '[hidden]'

/** A setting's value that cannot be used. The message names the setting and what is taken. */
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
  /** Left out: the setting is required. */
  default?: T | null
  /** Says what is wrong with a value, or nothing. */
  check?(value: T): string | undefined
}

type Given<T, O> = O extends { default: null } ? T | null : T

function declare<T, O extends Common<T>>(
  type: SettingType,
  options: O,
  read: (raw: string) => T | string,
  show: (value: T) => string = String,
) {
  const setting: Setting<Given<T, O>> = {
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
        return options.default as Given<T, O>
      }
      const value = read(raw)
      if (value instanceof Wrong) throw new InvalidSetting(name, raw, value.why)
      const complaint = options.check?.(value as T)
      if (complaint) throw new InvalidSetting(name, type === 'PASSWORD' ? HIDDEN : raw, complaint)
      return value as Given<T, O>
    },
  }
  return setting
}

/** A required setting that was not given. Kafka's sentence. */
export class MissingSetting extends Error {
  override name = 'MissingSetting'
  readonly setting: string

  constructor(setting: string) {
    super(`Missing required configuration "${setting}" which has no default value.`)
    this.setting = setting
  }
}

class Wrong {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}
// `read` gives a Wrong for what does not parse; the cast keeps the signatures of the settings plain
const wrong = (why: string) => new Wrong(why) as never

const integer = (bits: string, least: number, most: number) => (raw: string) => {
  const text = raw.trim()
  const value = Number(text)
  if (!/^[+-]?\d+$/.test(text) || value < least || value > most) return wrong(`Not a number of type ${bits}`)
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
      const found = values.find((value) => value.toLowerCase() === raw.trim().toLowerCase())
      return found ?? wrong(`String must be one of: ${values.join(', ')}`)
    }),
}

// biome-ignore lint/suspicious/noExplicitAny: a group of settings is walked without its value types
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

/** All of it, or the first thing that is wrong. */
export function parseSettings<S extends Settings>(settings: S, raw: Readonly<Record<string, string | null | undefined>>): ConfigOf<S> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, declared]) => [name, declared.parse(name, rawValue(name, declared, raw))]),
  ) as ConfigOf<S>
}
