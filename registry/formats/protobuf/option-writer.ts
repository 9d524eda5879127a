/**
 * The text of protobuf options in Confluent's layout, and their normalized form: sorted by name, extensions with their full names, values
 * of one singular extension merged.
 */
import { isOption, isWord, type OptionMap, type OptionValue, type ProtoOption } from './proto-file.ts'
import type { Scope, TypeIndex } from './type-index.ts'

export interface Normal {
  readonly types: TypeIndex
  readonly scope: Scope
}

const indented = (text: string) =>
  text
    .split('\n')
    .map((line) => `  ${line}\n`)
    .join('')

/** `[a = 1]` in one line, several options a line each. */
export function optionsText(options: readonly ProtoOption[], normal: Normal | undefined): string {
  return listText(options, (option) => optionText(option, normal))
}

function listText<T>(items: readonly T[], textOf: (item: T) => string): string {
  if (items.length === 1) return `[${textOf(items[0]!)}]`
  const lines = items.map((item, index) => indented(textOf(item) + (index < items.length - 1 ? ',' : '')))
  return `[\n${lines.join('')}]`
}

export function optionText(option: ProtoOption, normal: Normal | undefined): string {
  const { value } = option
  const name = option.parenthesized ? `(${option.name})` : option.name
  if (typeof value === 'string') return `${name} = "${escaped(value)}"`
  if (isOption(value)) return `${name}.${optionText(value, normal)}`
  if (value instanceof Map) return `${name} = {\n${mapText(value, normal)}}`
  if (isWord(value)) return `${name} = ${wordText(value, normal)}`
  return `${name} = ${listText(value, (item) => valueText(item, normal))}`
}

function mapText(map: OptionMap, normal: Normal | undefined): string {
  const entries = normal ? normalEntries(map, normal) : [...map]
  return entries
    .map(([key, value], index) => indented(`${key}: ${valueText(value, normal)}${index < entries.length - 1 ? ',' : ''}`))
    .join('')
}

function normalEntries(map: OptionMap, { types, scope }: Normal): [string, OptionValue][] {
  const found = new Map<string, OptionValue>()
  for (const [key, value] of map) {
    if (Array.isArray(value) && value.length === 0) continue
    const extension = /^\[(.*)\]$/.exec(key)?.[1]
    const full = extension === undefined ? null : types.resolveExtension(extension, scope)
    const name = full === null ? key : `[${full}]`
    if (!found.has(name)) found.set(name, value)
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1))
}

function valueText(value: OptionValue, normal: Normal | undefined): string {
  if (typeof value === 'string') return `"${escaped(value)}"`
  if (value instanceof Map) return `{\n${mapText(value, normal)}}`
  if (isWord(value)) return wordText(value, normal)
  if (isOption(value)) return optionText(value, normal)
  if (normal && value.length === 1) return valueText(value[0]!, normal)
  const lines = value.map((item, index) => indented(valueText(item, normal) + (index < value.length - 1 ? ',' : '')))
  return `[\n${lines.join('')}]`
}

const wordText = (value: { kind: string; word: string }, normal: Normal | undefined): string =>
  normal && value.kind === 'number' ? numberText(value.word) : value.word

/** Java's DecimalFormat: three digits after the point at most. */
function numberText(word: string): string {
  if (/^-?\d+$/.test(word)) return BigInt(word).toString()
  if (/^-?0[xX][0-9a-fA-F]+$/.test(word)) return word.startsWith('-') ? `-${BigInt(word.slice(1))}` : BigInt(word).toString()
  const value = /^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?$/.test(word) ? Number.parseFloat(word) : Number.NaN
  if (!Number.isFinite(value)) return word
  const whole = Math.abs(value) >= 1e21 ? BigInt(value).toString() : value.toFixed(3)
  return whole.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '')
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\u000b': '\\v',
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped.
const escaped = (text: string): string => text.replace(/[\u0007\b\f\n\r\t\u000b\\'"]/g, (char) => ESCAPES[char]!)

/** Sorted by name; values of an extension that is not repeated are one. */
export function normalOptions(options: readonly ProtoOption[], types: TypeIndex, scope: Scope): ProtoOption[] {
  const named = options.map((option) => {
    const full = option.parenthesized ? types.resolveExtension(option.name, scope) : null
    return full === null ? option : asMap({ ...option, name: full })
  })
  named.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  const merged: ProtoOption[] = []
  for (const option of named) {
    const before = merged.at(-1)
    const extension = types.extension(option.name)
    if (before?.name === option.name && extension && extension.label !== 'repeated')
      merged[merged.length - 1] = { ...option, value: mergedValue(before.value, asMap(option).value) }
    else merged.push(option)
  }
  return merged
}

/** `(a).b.c = 1` as `(a) = { b: { c: 1 } }`. */
function asMap(option: ProtoOption): ProtoOption {
  return isOption(option.value) ? { ...option, value: nestedMap(option.value) } : option
}

function nestedMap(option: ProtoOption): OptionMap {
  const name = option.parenthesized ? `[${option.name}]` : option.name
  return new Map([[name, isOption(option.value) ? nestedMap(option.value) : option.value]])
}

function mergedValue(before: OptionValue, next: OptionValue): OptionValue {
  if (!(before instanceof Map) || !(next instanceof Map)) return next
  const merged: OptionMap = new Map(before)
  for (const [key, value] of next) {
    const known = merged.get(key)
    if (known === undefined) merged.set(key, value)
    else if (known instanceof Map && value instanceof Map) merged.set(key, mergedValue(known, value))
    else merged.set(key, [...(Array.isArray(known) ? known : [known]), ...(Array.isArray(value) ? value : [value])])
  }
  return merged
}
