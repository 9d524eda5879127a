/**
 * Goal: every predicate keeps the contract of predicates. Method: a scan finds them; one suite runs on all with records of all types.
 */
import { describe, expect, test } from 'vitest'
import { declarationChecks, predicateChecks } from '../../connect/contract/index.ts'
import { findPlugins } from '../../connect/plugins.ts'
import { runChecks } from './run-checks.ts'

const plugins = await findPlugins()
const configs: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'org.apache.kafka.connect.transforms.predicates.HasHeaderKey': { name: 'h' },
  'org.apache.kafka.connect.transforms.predicates.RecordIsTombstone': {},
  'org.apache.kafka.connect.transforms.predicates.TopicNameMatches': { pattern: 'top.*' },
}

test('those of Kafka are found, each by its class', () => {
  expect(plugins.predicates.map((declaration) => declaration.class)).toEqual(Object.keys(configs))
  for (const declaration of plugins.predicates) expect(plugins.predicate(declaration.class)).toBe(declaration)
})

describe.each(plugins.predicates.map((declaration) => [declaration.class, declaration] as const))('%s', (name, declaration) => {
  runChecks(declarationChecks, () => declaration)
  runChecks(predicateChecks, () => ({ declaration, config: configs[name]! }))
})
