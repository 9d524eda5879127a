/**
 * What a format does with the records of one object: it turns each into a form of its own, which may fail, then appends that, which may
 * not, so that a bad record leaves nothing behind in any of the objects that belong together.
 */
import type { Schema } from '../../connect/sdk/index.ts'

export interface FileEncoder<Form = unknown> {
  /** The form of a value of the object's schema. Throws UnwritableRecord, or the DataError of a converter. */
  form(value: unknown): Form
  append(form: Form): void
  /** Bytes in memory that were not taken yet. */
  readonly heldBytes: number
  /** Bytes before compression of all that was appended: what rotation by size goes by, so it depends on the records alone. */
  readonly encodedBytes: number
  /** Whether enough is in memory to be taken. */
  readonly isReady: boolean
  /**
   * The next bytes of the object: what is ready, all that was appended, or all and what ends the object. Nothing may be appended after
   * that. Not called before the last call has ended.
   */
  take(what: 'ready' | 'all' | 'end'): Promise<Buffer[]>
}

/** Where so much is held by an encoder, it is taken. */
export const READY_BYTES = 1024 * 1024

export interface FileFormat {
  /** The end of an object's name, with a dot. */
  readonly extension: string
  /** Whether it needs structs: then a key, or headers, become a field of one. */
  readonly envelopes: { key: boolean; headers: boolean }
  /** `key` is the object's name. Throws UnwritableRecord where the schema does not fit the format; `sample` is the first value. */
  encoder(key: string, schema: Schema | null, sample: unknown): FileEncoder
  /** Whether a value without a schema can be in the object that began with `sample`. */
  fits?(sample: unknown, value: unknown): boolean
}
