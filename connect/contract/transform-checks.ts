/**
 * What every transform keeps: it changes no record that it is given, results match their schemas, equal records have equal results, and
 * errors are those of Kafka Connect. What becomes of a tombstone is what its fixture says.
 */
import { inspect, isDeepStrictEqual } from 'node:util'
import {
  type ConnectRecord,
  parseSettings,
  type Settings,
  type SinkRecord,
  type Transform,
  type TransformDeclaration,
} from '../sdk/index.ts'
import { type Checks, holds } from './checks.ts'
import { deepFreeze, recordMismatch, sampleRecords, tombstone } from './sample-records.ts'

export interface TransformFixture {
  readonly configs: readonly Readonly<Record<string, string>>[]
  /** What becomes of a record with a null value, with the first config; not checked where that is undefined. */
  readonly tombstones?: 'pass' | 'change' | 'drop' | 'fail'
}

export interface TransformSubject {
  // biome-ignore lint/suspicious/noExplicitAny: each declaration has its own config type
  readonly declaration: TransformDeclaration<any>
  readonly fixture: TransformFixture
}

/** The exceptions of Kafka Connect and of Java that users know. */
const KNOWN = /^(Data|Connect|Config|SchemaBuilder|IllegalArgument|IndexOutOfBounds)Exception$/

type Outcome = { result: ConnectRecord | null } | { error: Error }

function outcome(apply: Transform, record: ConnectRecord): Outcome {
  try {
    return { result: apply(record) }
  } catch (error) {
    return { error: error as Error }
  }
}

const made = ({ declaration, fixture }: TransformSubject): Transform[] =>
  fixture.configs.map((config) => declaration.create(parseSettings(declaration.settings as Settings, config)))

const each = (subject: TransformSubject, check: (apply: Transform, record: ConnectRecord, again: ConnectRecord) => void): void => {
  for (const apply of made(subject)) {
    const again = sampleRecords()
    for (const [index, record] of sampleRecords().entries()) check(apply, record, again[index]!)
  }
}

const stackOf = (error: Error): string => error.stack ?? error.message

export const transformChecks: Checks<TransformSubject> = {
  'changes no record that it is given': (subject) =>
    each(subject, (apply, record, copy) => {
      const given = outcome(apply, deepFreeze(record))
      if ('error' in given) holds(!(given.error instanceof TypeError), stackOf(given.error))
      holds(isDeepStrictEqual(record, copy), `the record was changed: ${inspect(copy)} was given, and is now ${inspect(record)}`)
    }),
  'results match their schemas': (subject) =>
    each(subject, (apply, record) => {
      const given = outcome(apply, record)
      const mismatch = 'result' in given && given.result !== null ? recordMismatch(given.result) : undefined
      holds(mismatch === undefined, `a result does not match its schema: ${mismatch}`)
    }),
  'changes at least one record, or drops or fails it': (subject) => {
    let changed = 0
    each(subject, (apply, record) => {
      const given = outcome(apply, record)
      if ('error' in given || given.result !== record) changed++
    })
    holds(changed > 0, 'all sample records are as before: give it a config with which it changes some')
  },
  'succeeds with at least one record': (subject) => {
    let succeeded = 0
    each(subject, (apply, record) => {
      if ('result' in outcome(apply, record)) succeeded++
    })
    holds(succeeded > 0, 'it fails all sample records: give it a config with which it takes some')
  },
  'equal records have equal results, with the same schemas': (subject) =>
    each(subject, (apply, record, again) => {
      const [first, second] = [outcome(apply, record), outcome(apply, again)]
      if ('error' in first || 'error' in second) {
        holds(
          ('error' in first && first.error.message) === ('error' in second && second.error.message),
          `equal records have other errors: ${inspect(first)} and ${inspect(second)}`,
        )
        return
      }
      holds(isDeepStrictEqual(first.result, second.result), `the results differ: ${inspect(first.result)} and ${inspect(second.result)}`)
      // Converters derive from a schema once: one that is new for each record would make them derive each time.
      const anew = 'a schema is made anew for each record: keep those that you have made, by the schema of the record'
      if (first.result?.valueSchema && record.valueSchema) holds(first.result.valueSchema === second.result!.valueSchema, anew)
      if (first.result?.keySchema && record.keySchema) holds(first.result.keySchema === second.result!.keySchema, anew)
    }),
  'errors are those that users of Kafka Connect know': (subject) =>
    each(subject, (apply, record) => {
      const given = outcome(apply, record)
      if (!('error' in given)) return
      holds(
        KNOWN.test(given.error.name),
        `throw DataError or TransformError for a record that cannot be transformed: ${stackOf(given.error)}`,
      )
      holds(given.error.message !== '', 'an error has no message')
    }),
  'what only a record of a sink has stays': (subject) =>
    each(subject, (apply, record) => {
      const given = outcome(apply, record)
      if (!('result' in given) || given.result === null) return
      const { offset, timestampType } = given.result as Partial<SinkRecord>
      holds(offset === 9 && timestampType === 'CreateTime', 'offset and timestampType are lost: return { ...record, … }')
    }),
  'a tombstone becomes what is documented': (subject) => {
    // A transform of keys is asked about a null key.
    const record = subject.declaration.class.endsWith('$Key') ? { ...tombstone(), key: null, keySchema: null } : tombstone()
    const given = outcome(made(subject)[0]!, record)
    const became = 'error' in given ? 'fail' : given.result === null ? 'drop' : isDeepStrictEqual(given.result, record) ? 'pass' : 'change'
    const { tombstones } = subject.fixture
    holds(tombstones === undefined || became === tombstones, `of a tombstone it makes "${became}", and its fixture says "${tombstones}"`)
  },
}
