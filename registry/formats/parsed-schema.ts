/**
 * What every schema format of the registry gives: a parsed schema with its canonical text, and the error for a text that is no schema.
 * Types and errors only; the formats build on this file, and index.ts chooses among them.
 */
import type { Side } from './difference-text.ts'
import type { TagChange, TaggedEntity } from './tagged-entities.ts'

export type SchemaType = 'AVRO' | 'JSON' | 'PROTOBUF'

/** A reference as a subject stores it. */
export interface SchemaReference {
  name: string
  subject: string
  version: number
}

/** A reference with the text that it resolves to; its own references come before it in the list. */
export interface ResolvedReference {
  name: string
  text: string
}

export interface ParseOptions {
  /** A schema that is about to be registered is checked strictly (names, defaults); one that is stored is read as it is. */
  isNew?: boolean
}

export interface ParsedSchema {
  readonly type: SchemaType
  /** The text that the registry stores and returns: Confluent's canonical string. */
  readonly canonical: string
  /** The full name of the record or message; the title of a JSON schema. */
  readonly name: string | null
  /** The text that `normalize=true` stores. */
  normalized(): string
  /** The tags that its text has. */
  tagged(): readonly TaggedEntity[]
  /** The text with other tags. @throws InvalidSchemaError where it has nothing at a path. */
  retagged(changes: readonly TagChange[]): string
  /** The text for `format=` of GET /schemas/ids; an empty format gives the canonical text. */
  formatted(format: string): string
}

/** A text that is no schema of its type. The message says what is wrong with it. */
export class InvalidSchemaError extends Error {
  override name = 'InvalidSchemaError'
}

/** What a format implements; `S` is its parsed schema. */
export interface SchemaFormat<S extends ParsedSchema> {
  readonly type: S['type']
  parse(text: string, references: readonly ResolvedReference[], options: ParseOptions): S
  /** Why a reader with the newer schema cannot read what the older one wrote; empty where it can. @throws TooManyPairs */
  checkBackward(writer: S, reader: S, side: Side, maxPairs: number): readonly string[]
}

/** Longest text of one schema with all its references. */
export const MAX_SCHEMA_CHARS = 16 * 1024 * 1024
