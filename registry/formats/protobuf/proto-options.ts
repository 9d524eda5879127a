/**
 * Reads the options of a .proto text: names with extensions and dots, and values: texts, words, lists, and messages in text format.
 * A name that comes twice in a message has a list of values.
 */
import { isOption, type OptionMap, type OptionValue, type ProtoOption } from './proto-file.ts'
import type { ProtoTextReader } from './proto-reader.ts'

const MAX_OPTION_DEPTH = 100

/** `[a = 1, (b).c = "x"]`, or nothing. */
export function readOptions(reader: ProtoTextReader): ProtoOption[] {
  if (!reader.take('[')) return []
  const options: ProtoOption[] = []
  for (;;) {
    options.push(readOption(reader, '='))
    if (reader.take(']')) return options
    reader.expect(reader.take(','), "Expected ',' or ']'")
  }
}

export function readOption(reader: ProtoTextReader, separator: '=' | ':', depth = 0): ProtoOption {
  reader.expect(depth < MAX_OPTION_DEPTH, `an option nests deeper than ${MAX_OPTION_DEPTH}`)
  const { text, mark } = reader.name()
  const parts: { text: string; mark: string }[] = []
  let next = reader.read()
  while (next === '.') {
    parts.push(reader.part())
    reader.expect(parts.length + depth < MAX_OPTION_DEPTH, `an option nests deeper than ${MAX_OPTION_DEPTH}`)
    next = reader.read()
  }
  // In text format the mark before a message may be left out.
  if (separator === ':' && next === '{') reader.back()
  else reader.expect(next === separator, `expected '${separator}' in option`)
  let value = readValue(reader, depth)
  for (const part of parts.reverse())
    value = { name: part.mark === '[' ? `[${part.text}]` : part.text, parenthesized: part.mark === '(', value }
  return { name: mark === '[' ? `[${text}]` : text, parenthesized: mark === '(', value }
}

function readValue(reader: ProtoTextReader, depth: number): OptionValue {
  const next = reader.peek()
  if (next === '{') return readMap(reader, depth + 1)
  if (next === '[') return readList(reader, depth + 1)
  if (next === '"' || next === "'") return reader.quoted()
  const word = reader.word()
  if (/^[\d-]/.test(word)) return { kind: 'number', word }
  return { kind: word === 'true' || word === 'false' ? 'boolean' : 'enum', word }
}

function readMap(reader: ProtoTextReader, depth: number): OptionMap {
  reader.require('{')
  const found: OptionMap = new Map()
  while (!reader.take('}')) {
    const { name, value } = readOption(reader, ':', depth)
    const before = found.get(name)
    if (isOption(value)) {
      const nested = before instanceof Map ? before : new Map()
      found.set(name, nested.set(value.name, value.value))
    } else if (before === undefined) found.set(name, value)
    else found.set(name, [...(Array.isArray(before) ? before : [before]), ...(Array.isArray(value) ? value : [value])])
    if (!reader.take(',')) reader.take(';')
  }
  return found
}

function readList(reader: ProtoTextReader, depth: number): OptionValue[] {
  reader.require('[')
  reader.expect(depth < MAX_OPTION_DEPTH, `an option nests deeper than ${MAX_OPTION_DEPTH}`)
  const found: OptionValue[] = []
  while (!reader.take(']')) {
    found.push(readValue(reader, depth))
    if (!reader.take(',')) reader.expect(reader.peek() === ']', "expected ',' or ']'")
  }
  return found
}
