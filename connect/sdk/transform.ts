/**
 * The declaration of a transform, which changes one record at a time between connector and converter. One file each in connect/transforms,
 * or in a plugin of plugin.path.
 */
import type { TaskLogger } from './connector.ts'
import { declared } from './plugin-kind.ts'
import type { ConnectRecord } from './record.ts'
import type { Schema } from './schema.ts'
import type { ConfigOf, Settings } from './settings.ts'

/** Returns the record (a new one where it changes anything), or null to drop it. */
export type Transform = <R extends ConnectRecord>(record: R) => R | null

export interface TransformDeclaration<S extends Settings> {
  class: string
  aliases?: readonly string[]
  doc: string
  /** By default that of its package. */
  version?: string
  settings: S
  /** `log` is that of the task. */
  create(config: ConfigOf<S>, log?: TaskLogger): Transform
}

export const defineTransform = <const S extends Settings>(declaration: TransformDeclaration<S>): TransformDeclaration<S> =>
  declared('transformation', declaration)

/** The key or the value of records, whichever a transform is for. */
export interface RecordSide {
  readonly property: 'key' | 'value'
  schemaOf(record: ConnectRecord): Schema | null
  valueOf(record: ConnectRecord): unknown
  /** A record with another key or value, and all else the same. */
  replace<R extends ConnectRecord>(record: R, schema: Schema | null, value: unknown): R
}

const keySide: RecordSide = {
  property: 'key',
  schemaOf: (record) => record.keySchema,
  valueOf: (record) => record.key,
  replace: (record, keySchema, key) => ({ ...record, keySchema, key }),
}

const valueSide: RecordSide = {
  property: 'value',
  schemaOf: (record) => record.valueSchema,
  valueOf: (record) => record.value,
  replace: (record, valueSchema, value) => ({ ...record, valueSchema, value }),
}

/** The two classes of a transform for keys or values: `<class>$Key` and `<class>$Value`. */
export function defineKeyAndValueTransforms<const S extends Settings>(declaration: {
  class: string
  doc: string
  version?: string
  settings: S
  create(config: ConfigOf<S>, side: RecordSide): Transform
}): readonly [key: TransformDeclaration<S>, value: TransformDeclaration<S>] {
  const of = (name: string, side: RecordSide): TransformDeclaration<S> =>
    defineTransform({
      class: `${declaration.class}$${name}`,
      doc: declaration.doc,
      ...(declaration.version !== undefined && { version: declaration.version }),
      settings: declaration.settings,
      create: (config) => declaration.create(config, side),
    })
  return [of('Key', keySide), of('Value', valueSide)]
}
