/**
 * The declaration of a predicate, which selects the records that a transform applies to. One file each in connect/predicates.
 */
import { declared } from './plugin-kind.ts'
import type { ConnectRecord } from './record.ts'
import type { ConfigOf, Settings } from './settings.ts'

export type Predicate = (record: ConnectRecord) => boolean

export interface PredicateDeclaration<S extends Settings> {
  class: string
  aliases?: readonly string[]
  doc: string
  /** By default that of its package. */
  version?: string
  settings: S
  create(config: ConfigOf<S>): Predicate
}

export const definePredicate = <const S extends Settings>(declaration: PredicateDeclaration<S>): PredicateDeclaration<S> =>
  declared('predicate', declaration)
