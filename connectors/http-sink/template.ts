/**
 * Texts with placeholders for parts of a record: `${topic}`, `${partition}`, `${offset}`, `${timestamp}`, `${key}`, `${key.field}`,
 * `${value}`, `${value.field}`, `${header.name}`; any other name is a field of the value. Pure.
 */
import type { Schema, SinkRecord } from '../../connect/sdk/index.ts'

/** A part of a record, with its schema where it has one. */
export interface Part {
  readonly value: unknown
  readonly schema: Schema | null
}

type Read = (record: SinkRecord) => Part

const PLACEHOLDER = /\$\{([^{}]*)\}/g
const NAME = /^[^\s.{}]+(?:\.[^\s.{}]+)*$/

/** What is wrong with a template. */
export function templateProblem(text: string): string | undefined {
  for (const [placeholder, name] of text.matchAll(PLACEHOLDER))
    if (!NAME.test(name!)) return `${placeholder} is no placeholder: write ${'$'}{topic}, ${'$'}{key} or ${'$'}{value.field}`
  return undefined
}

/** The names of its placeholders. */
export const placeholdersIn = (text: string): string[] => [...text.matchAll(PLACEHOLDER)].map(([, name]) => name!)

const fixed =
  (read: (record: SinkRecord) => unknown): Read =>
  (record) => ({ value: read(record), schema: null })

function fieldsOf(path: readonly string[], read: Read): Read {
  return (record) => {
    let { value, schema } = read(record)
    for (const name of path) {
      if (typeof value !== 'object' || value === null) return { value: undefined, schema: null }
      if (value instanceof Map) value = value.get(name)
      else value = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
      schema = schema?.fields?.find((field) => field.name === name)?.schema ?? schema?.values ?? null
    }
    return { value, schema }
  }
}

function readerOf(name: string): Read {
  const [first, ...rest] = name.split('.') as [string, ...string[]]
  const key: Read = (record) => ({ value: record.key, schema: record.keySchema })
  const value: Read = (record) => ({ value: record.value, schema: record.valueSchema })
  if (first === 'key') return fieldsOf(rest, key)
  if (first === 'value') return fieldsOf(rest, value)
  if (first === 'header' && rest.length > 0) {
    const wanted = rest.join('.')
    return ({ headers }) => {
      const header = headers.findLast((candidate) => candidate.key === wanted)
      return { value: header?.value, schema: header?.schema ?? null }
    }
  }
  if (rest.length === 0)
    switch (first) {
      case 'topic':
        return fixed((record) => record.topic)
      case 'partition':
        return fixed((record) => record.partition)
      case 'offset':
        return fixed((record) => record.offset)
      case 'timestamp':
        return fixed((record) => record.timestamp)
    }
  return fieldsOf([first, ...rest], value)
}

export class Template {
  /** Texts and readers, in turn. */
  readonly #texts: string[] = []
  readonly #readers: { readonly name: string; readonly read: Read }[] = []

  constructor(text: string) {
    let end = 0
    for (const match of text.matchAll(PLACEHOLDER)) {
      this.#texts.push(text.slice(end, match.index))
      this.#readers.push({ name: match[1]!, read: readerOf(match[1]!) })
      end = match.index + match[0].length
    }
    this.#texts.push(text.slice(end))
  }

  get isConstant(): boolean {
    return this.#readers.length === 0
  }

  /** @throws UnwritableRecord where `written` does. */
  fill(record: SinkRecord, written: (part: Part, name: string) => string): string {
    let text = this.#texts[0]!
    for (let index = 0; index < this.#readers.length; index++) {
      const { name, read } = this.#readers[index]!
      text += written(read(record), name) + this.#texts[index + 1]!
    }
    return text
  }
}
