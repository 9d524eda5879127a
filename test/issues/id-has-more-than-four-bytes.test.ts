/**
 * Goal: every id and version that the registry gives fits into the four bytes that a record of Kafka has for it. Method: imports the
 * largest id and the largest version, then registers a schema that would get the next.
 */
import { expect, test } from 'vitest'
import { decideSetMode } from '../../registry/configuration.ts'
import { RegistryInMemory, refusal } from '../registry/registry-in-memory.ts'

const LARGEST = 2 ** 31 - 1

function imported(request: { id: number; version?: number }): RegistryInMemory {
  const registry = new RegistryInMemory()
  const setMode = (mode: string) => registry.decide((context) => decideSetMode(context, 'a', { mode }, false))
  setMode('IMPORT')
  registry.register('a', { schema: '"int"', ...request })
  setMode('READWRITE')
  return registry
}

test('after the largest id there is no next, but schemas that have one can be registered', () => {
  const registry = imported({ id: LARGEST })
  expect(refusal(() => registry.register('b', '"long"'))).toEqual([
    422,
    42205,
    'The id 2147483647 was imported, so there is no next one. Register the schema in another context.',
  ])
  expect(registry.register('b', '"int"').id).toBe(LARGEST)
  expect(registry.register(':.c:b', '"long"').id).toBe(1)
})

test('after the largest version there is no next', () => {
  const registry = imported({ id: 5, version: LARGEST })
  expect(refusal(() => registry.register('a', '"long"'))).toEqual([
    422,
    42205,
    'The version 2147483647 was imported, so there is no next one. Permanently delete this version of a.',
  ])
})
