/**
 * Goal: a schema is found by its id as long as a version has it, deleted softly or not. Method: a deleted version that another schema
 * references keeps its id while the same schema is registered again; that newer version is deleted for good.
 */
import { expect, test } from 'vitest'
import { decideDeleteSubject, decideDeleteVersion } from '../../registry/deletion.ts'
import { getById } from '../../registry/queries.ts'
import { avroRecord, RegistryInMemory } from '../registry/registry-in-memory.ts'

test('the older version still has the id', () => {
  const registry = new RegistryInMemory()
  registry.register('a', avroRecord('x'))
  registry.register('b', { schema: '["null", "R"]', references: [{ name: 'R', subject: 'a', version: 1 }] })
  registry.decide((context) => decideDeleteSubject(context, 'b', false))
  registry.decide((context) => decideDeleteSubject(context, 'a', false))
  expect(registry.register('a', avroRecord('x'))).toMatchObject({ id: 1, version: 2 })
  for (const permanent of [false, true]) registry.decide((context) => decideDeleteVersion(context, 'a', 2, permanent))
  expect(registry.image.versions('a').map(({ version }) => version)).toEqual([1])
  expect(getById(registry.context, 1, { subject: null }).schema).toBe(avroRecord('x'))
})
