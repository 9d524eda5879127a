/**
 * Goal: what the registry answers with 200 is in its topic, in a record that can be read. Method: registers schemas and subjects that leave
 * nothing to write, an empty Protobuf file and an empty subject, and expects a refusal and no record.
 */
import { expect, test } from 'vitest'
import { decideUpdateConfig } from '../../registry/configuration.ts'
import { RegistryInMemory, refusal } from '../registry/registry-in-memory.ts'

test.each(['// only a comment', ';', 'CgF4'])('a Protobuf file that declares nothing: %s', (schema) => {
  const registry = new RegistryInMemory()
  expect(refusal(() => registry.register('a', { schemaType: 'PROTOBUF', schema }))).toEqual([422, 42201, 'Empty schema'])
  expect(registry.lines).toEqual([])
})

test('a word that is Base64 of no byte is no compiled file', () => {
  const registry = new RegistryInMemory()
  expect(refusal(() => registry.register('a', { schemaType: 'PROTOBUF', schema: 'x' }))?.slice(0, 2)).toEqual([422, 42201])
  expect(registry.lines).toEqual([])
})

test.each(['', ':.:', ':.'])('an empty subject of the default context: "%s"', (subject) => {
  const registry = new RegistryInMemory()
  expect(refusal(() => registry.register(subject, '"string"'))?.slice(0, 2)).toEqual([422, 42208])
  expect(registry.lines).toEqual([])
})

test('an empty subject of another context is kept, and one that names the config of all', () => {
  const registry = new RegistryInMemory()
  registry.register(':.c:', '"string"')
  expect(registry.image.latest(':.c:')?.schema).toBe('"string"')
  registry.decide((context) => decideUpdateConfig(context, ':.:', { compatibility: 'FULL' }))
  expect(registry.image.config(null)?.compatibilityLevel).toBe('FULL')
})
