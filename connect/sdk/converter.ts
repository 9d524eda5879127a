/**
 * The declaration of a converter, which converts keys, values or headers of records to bytes and back. One file each in connect/converters.
 */
import type { Schema } from './schema.ts'
import type { ConfigOf, Settings } from './settings.ts'

export interface SchemaAndValue {
  schema: Schema | null
  value: unknown
}

export interface Converter {
  fromConnect(topic: string, schema: Schema | null, value: unknown): Buffer | null
  toConnect(topic: string, bytes: Buffer | null): SchemaAndValue
}

export interface ConverterDeclaration<S extends Settings> {
  class: string
  aliases?: readonly string[]
  doc: string
  /** What it can be used for; both where it is not set. */
  kinds?: readonly ('converter' | 'header_converter')[]
  settings: S
  create(config: ConfigOf<S>, isKey: boolean): Converter
}

export const defineConverter = <const S extends Settings>(declaration: ConverterDeclaration<S>): ConverterDeclaration<S> => declaration
