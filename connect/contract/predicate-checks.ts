/**
 * What every predicate keeps: it tells of every record whether it is selected, the same each time, and changes none.
 */
import { isDeepStrictEqual } from 'node:util'
import { type PredicateDeclaration, parseSettings, type Settings } from '../sdk/index.ts'
import { type Checks, holds } from './checks.ts'
import { deepFreeze, sampleRecords } from './sample-records.ts'

export interface PredicateSubject {
  // biome-ignore lint/suspicious/noExplicitAny: each declaration has its own config type
  readonly declaration: PredicateDeclaration<any>
  /** With which it selects some of the sample records. */
  readonly config: Readonly<Record<string, string>>
}

const made = ({ declaration, config }: PredicateSubject) => declaration.create(parseSettings(declaration.settings as Settings, config))

export const predicateChecks: Checks<PredicateSubject> = {
  'tells of every record whether it is selected': (subject) => {
    const test = made(subject)
    for (const [index, record] of sampleRecords().entries()) {
      const selected: unknown = test(record)
      holds(typeof selected === 'boolean', `of sample record ${index} it tells ${String(selected)}, and must tell true or false`)
    }
  },
  'selects some records': (subject) =>
    holds(sampleRecords().some(made(subject)), 'it selects none of the sample records: give it a config with which it selects some'),
  'changes no record that it is given': (subject) => {
    const test = made(subject)
    const copies = sampleRecords()
    for (const [index, record] of sampleRecords().entries()) {
      test(deepFreeze(record))
      holds(isDeepStrictEqual(record, copies[index]), `it has changed sample record ${index}`)
    }
  },
  'says the same of equal records': (subject) => {
    const test = made(subject)
    const [first, second] = [sampleRecords().map(test), sampleRecords().map(test)]
    const differs = first.findIndex((selected, at) => selected !== second[at])
    holds(differs < 0, `of sample record ${differs} it tells ${first[differs]}, and of an equal one ${second[differs]}`)
  },
}
