/**
 * The declaration of a transform, which changes one record at a time between connector and converter. One file each in connect/transforms.
 */
import type { ConnectRecord } from './record.ts'
import type { ConfigOf, Settings } from './settings.ts'

/** Returns the record (a new one where it changes anything), or null to drop it. */
export type Transform = <R extends ConnectRecord>(record: R) => R | null

export interface TransformDeclaration<S extends Settings> {
  class: string
  aliases?: readonly string[]
  doc: string
  settings: S
  create(config: ConfigOf<S>): Transform
}

export const defineTransform = <const S extends Settings>(declaration: TransformDeclaration<S>): TransformDeclaration<S> => declaration
