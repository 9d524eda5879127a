/**
 * The declaration of a converter, which converts keys, values or headers of records to bytes and back. One file each in connect/converters.
 * Converters do not wait: one that needs a schema throws SchemaPending, and the runtime waits.
 */

import type { System } from '../../core/system/index.ts'
import { declared } from './plugin-kind.ts'
import type { Schema } from './schema.ts'
import { type ConfigOf, type Setting, type Settings, setting } from './settings.ts'

export interface SchemaAndValue {
  schema: Schema | null
  value: unknown
}

/** A header of a record in Kafka. */
export interface ConvertedHeader {
  key: string
  value: Buffer | null
}

/** Bytes that the runtime lets be written where it wants them: they are not copied. */
export interface WritableBytes {
  readonly length: number
  /** Writes all of them to `target`, from `start` on. Called once. Does not throw. */
  writeTo(target: Buffer, start: number): void
}

export interface Converter {
  /** Whether `fromConnect` adds to the headers of the record. */
  readonly addsHeaders?: boolean
  /** Whether its bytes name a schema that is elsewhere: people are shown what it reads, not the bytes. */
  readonly usesSchemaIds?: boolean
  /** Throws SchemaPending where it does not have the schema yet. */
  fromConnect(topic: string, schema: Schema | null, value: unknown, headers?: ConvertedHeader[]): Buffer | null
  /** As `fromConnect`, for values of sources: what it returns is written into the batch of the producer, once. */
  toWritable?(topic: string, schema: Schema | null, value: unknown, headers?: ConvertedHeader[]): Buffer | WritableBytes | null
  /** Throws SchemaPending where it does not have the schema yet. */
  toConnect(topic: string, bytes: Buffer | null, headers?: readonly ConvertedHeader[]): SchemaAndValue
}

/**
 * A converter needs a schema that it has asked for: the runtime waits for `loaded` and converts the record again. Where `loaded` rejects,
 * its error is that of the record.
 */
export class SchemaPending extends Error {
  override name = 'SchemaPending'
  readonly loaded: Promise<unknown>

  constructor(what: string, loaded: Promise<unknown>) {
    super(`${what} is not loaded yet`)
    this.loaded = loaded
    // A task that stops does not wait for it.
    loaded.catch(() => {})
  }
}

/** What a converter may use besides its settings. */
export interface ConverterContext {
  readonly system: System
  /** All settings under the prefix of the converter, also those that it does not declare. */
  readonly raw: Readonly<Record<string, string>>
  /** Records are tried and go nowhere: the converter must not write to other systems either. */
  readonly isRehearsal?: boolean
}

export interface ConverterDeclaration<S extends Settings> {
  class: string
  aliases?: readonly string[]
  doc: string
  /** By default that of its package. */
  version?: string
  /** What it can be used for; both where it is not set. */
  kinds?: readonly ('converter' | 'header_converter')[]
  settings: S
  /** The runtime always gives a context. */
  create(config: ConfigOf<S>, isKey: boolean, context?: ConverterContext): Converter
}

export const defineConverter = <const S extends Settings>(declaration: ConverterDeclaration<S>): ConverterDeclaration<S> =>
  declared('converter', declaration)

/** What a converter is used for. Tools are shown that it is required, as Kafka Connect shows it; the worker sets it. */
export const converterType: Setting<'key' | 'value' | 'header' | null> = {
  ...setting.oneOf(['key', 'value', 'header'], {
    default: null,
    doc: 'Set by the worker: key, value or header.',
    importance: 'LOW',
    recommended: [],
    exactCase: true,
  }),
  required: true,
}
