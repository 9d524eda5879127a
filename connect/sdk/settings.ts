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
  /** The least number that is valid. Kafka's validator of it also refuses a text that is no number. */
  readonly least?: number | undefined
  /** Whether tools show it; they do unless this is false. */
  readonly visible?: boolean | undefined
  /** Of settings with a part of the name that users choose: matches their whole names. The declared name stands for all of them. */
  readonly names?: RegExp | undefined
  parse(name: string, raw: string | null): T
}

/** Kafka's text in place of a password. */
export const HIDDEN = '[hidden]'

/** An invalid value of a setting, with Kafka's message. */
export class InvalidSetting extends Error {
  override name = 'InvalidSetting'
  readonly setting: string
  /** Whether the text is none of the setting's type: then there is no value. */
  unparsable = false

  constructor(setting: string, raw: string | null, why: string) {
    super(`Invalid value ${raw} for configuration ${setting}: ${why}`)
    this.setting = setting
  }

  static unparsable(setting: string, raw: string, why: string): InvalidSetting {
    const error = new InvalidSetting(setting, raw, why)
    error.unparsable = true
    return error
  }

  /** With another message than that of most validators. */
  static saying(setting: string, message: string): InvalidSetting {
    const error = new InvalidSetting(setting, null, '')
    error.message = message
    return error
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
  least?: number
  visible?: boolean
  /** Without it the setting is required. */
  default?: T | null
  /** Returns what is wrong with an invalid value, or the whole error. */
  check?(value: T): string | InvalidSetting | undefined
}

/** As Java prints a value. */
const shown = (value: unknown, raw: string): string =>
  typeof value === 'string' ? value : Array.isArray(value) ? `[${value.join(', ')}]` : raw

const belowLeast = (value: unknown, least: number | undefined): string | undefined =>
  least !== undefined && (value as number) < least ? `Value must be at least ${least}` : undefined

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
    least: options.least,
    visible: options.visible,
    parse(name, raw) {
      if (raw === null) {
        if (options.default === undefined) throw new MissingSetting(name)
        return options.default as Parsed<T, O>
      }
      const value = read(raw)
      if (value instanceof Unparsable) throw InvalidSetting.unparsable(name, raw, value.why)
      const problem = options.check?.(value as T) ?? belowLeast(value, options.least)
      if (problem instanceof InvalidSetting) throw problem
      if (problem) throw new InvalidSetting(name, type === 'PASSWORD' ? HIDDEN : shown(value, raw), problem)
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

interface OneOf<V> {
  default?: V | null
  check?(value: V): string | InvalidSetting | undefined
  exactCase?: boolean
  /** What is wrong with any other value, where Kafka's words are others than those of most settings. */
  expected?: string
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

/** A setting's name with the part that a user chose, and its text. */
export type NamedTexts = Readonly<Record<string, string>>

interface Named extends Omit<Common<NamedTexts>, 'default' | 'check'> {
  names: RegExp
  /** Of one of them. */
  check?(text: string, name: string): string | undefined
}

export const setting = {
  /** All settings whose whole names match `names`, by their names. */
  named: (options: Named): Setting<NamedTexts> => {
    const { names, check, ...common } = options
    const declared = declare<NamedTexts, Common<NamedTexts>>(
      'STRING',
      {
        ...common,
        default: {},
        check(texts) {
          for (const [name, text] of Object.entries(texts)) {
            const problem = check?.(text, name)
            if (problem !== undefined) return new InvalidSetting(name, text, problem)
          }
        },
      },
      (raw) => JSON.parse(raw),
    )
    return { ...declared, default: null, names } as Setting<NamedTexts>
  },
  /** Without white space at its ends, as ConfigDef reads it. `keepsSpace` is for separators, which may be a newline or a tab. */
  string: <const O extends Common<string> & { keepsSpace?: boolean }>(options: O) =>
    declare<string, O>('STRING', options, (raw) => (options.keepsSpace ? raw : raw.trim())),
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
  /** In any case, unless `exactCase`. */
  oneOf: <const V extends string, const O extends Omit<Common<V>, 'default' | 'check'> & OneOf<V>>(values: readonly V[], options: O) => {
    const find = (text: string) => values.find((value) => (options.exactCase ? value === text : value.toLowerCase() === text.toLowerCase()))
    return declare<V, O>(
      'STRING',
      {
        recommended: values,
        ...options,
        check: (value: V) =>
          values.includes(value) ? options.check?.(value) : (options.expected ?? `String must be one of: ${values.join(', ')}`),
      },
      (raw) => find(raw.trim()) ?? (raw.trim() as V),
    )
  },
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

/** The raw text of a setting under its own name or an alias; of settings whose names users choose a JSON object of all of them. */
export function rawValue(
  name: string,
  declared: Setting<unknown>,
  raw: Readonly<Record<string, string | null | undefined>>,
): string | null {
  if (declared.names) return namedText(declared.names, raw)
  for (const known of [name, ...declared.aliases]) {
    const value = raw[known]
    if (value !== undefined && value !== null) return value
  }
  return null
}

function namedText(names: RegExp, raw: Readonly<Record<string, string | null | undefined>>): string | null {
  const texts = Object.entries(raw).filter(([name, text]) => typeof text === 'string' && names.test(name))
  return texts.length === 0 ? null : JSON.stringify(Object.fromEntries(texts))
}

/** Parses all settings; throws the first error. */
export function parseSettings<S extends Settings>(settings: S, raw: Readonly<Record<string, string | null | undefined>>): ConfigOf<S> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, declared]) => [name, declared.parse(name, rawValue(name, declared, raw))]),
  ) as ConfigOf<S>
}
