/**
 * Goal: every transform keeps the contract of transforms. Method: a scan finds them; one suite runs on all with records of all types. One
 * without a fixture in transform-fixtures.ts fails.
 */
import { describe, expect, test } from 'vitest'
import { declarationChecks, transformChecks } from '../../connect/contract/index.ts'
import { findPlugins } from '../../connect/plugins.ts'
import { runChecks } from './run-checks.ts'
import { transformFixture, transformFixtures } from './transform-fixtures.ts'

const plugins = await findPlugins()

test('those of Kafka and Debezium are found, each by its class, and no fixture is left', () => {
  for (const declaration of plugins.transforms) expect(plugins.transform(declaration.class)).toBe(declaration)
  const classes = new Set(plugins.transforms.map((declaration) => declaration.class.replace(/\$(Key|Value)$/, '')))
  expect([...classes].sort()).toEqual(Object.keys(transformFixtures).sort())
})

describe.each(plugins.transforms.map((declaration) => [declaration.class, declaration] as const))('%s', (name, declaration) => {
  runChecks(declarationChecks, () => declaration)
  runChecks(transformChecks, () => {
    const fixture = transformFixture(name)
    if (!fixture) throw new Error(`${name} has no fixture in test/contract/transform-fixtures.ts`)
    return { declaration, fixture }
  })
})
