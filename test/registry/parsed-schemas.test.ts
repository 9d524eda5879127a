/**
 * Goal: a schema is parsed once while it is kept, and with what it references now; what is kept is bounded. Method: the same object comes
 * back where a schema was kept, another one where it was not.
 */
import { expect, test } from 'vitest'
import { ParsedSchemas } from '../../registry/parsed-schemas.ts'
import { avroRecord, RegistryInMemory, refusal } from './registry-in-memory.ts'

const avro = (schema: string, references: readonly { name: string; subject: string; version: number }[] = []) => ({
  schemaType: 'AVRO' as const,
  schema,
  references,
})

test('the most recently used ones are kept', () => {
  const parsed = new ParsedSchemas(new RegistryInMemory().image, 2)
  const parse = (field: string) => parsed.parse('a', avro(avroRecord(field)), false)
  const [x, y] = [parse('x'), parse('y')]
  expect(parse('x')).toBe(x)
  parse('z')
  expect(parse('x')).toBe(x)
  expect(parse('y')).not.toBe(y)
})

test('a new schema is parsed strictly, one that is stored is not', () => {
  const parsed = new ParsedSchemas(new RegistryInMemory().image, 10)
  const wrongDefault = avro('{"type":"record","name":"R","fields":[{"name":"x","type":"int","default":"no"}]}')
  expect(refusal(() => parsed.parse('a', wrongDefault, true))?.[1]).toBe(42201)
  expect(parsed.parse('a', wrongDefault, false).type).toBe('AVRO')
})

test('references are resolved in their order, each before what refers to it, in the context of the subject', () => {
  const registry = new RegistryInMemory()
  const reference = (name: string, subject = name.toLowerCase(), version = 1) => ({ name, subject, version })
  const inContext = (context: string, inner: string) => {
    const named = (name: string, type: string) => `{"type":"record","name":"${name}","fields":[{"name":"f","type":${type}}]}`
    registry.register(`${context}a`, named('A', inner))
    registry.register(`${context}b`, { schema: named('B', '"A"'), references: [reference('A')] })
    registry.register(`${context}c`, { schema: named('C', '"B"'), references: [reference('B')] })
    const text = registry.context.parsed.parse(`${context}c`, registry.image.latest(`${context}c`)!, false).formatted('resolved')
    return JSON.parse(text)
  }
  expect(inContext('', '"int"').fields[0].type.fields[0].type.fields[0].type).toBe('int')
  expect(inContext(':.x:', '"string"').fields[0].type.fields[0].type.fields[0].type).toBe('string')
})

test('a version that was deleted cannot be referenced by a new schema; a stored one is still read', () => {
  const registry = new RegistryInMemory()
  registry.register('r', avroRecord('x'))
  registry.apply([{ type: 'DELETE_SUBJECT', subject: 'r', value: 1 }])
  const user = avro('{"type":"record","name":"U","fields":[{"name":"r","type":"R"}]}', [{ name: 'R', subject: 'r', version: 1 }])
  expect(refusal(() => registry.context.parsed.parse('u', user, true))?.[2]).toContain(
    'No schema reference found for subject "r" and version 1',
  )
  expect(registry.context.parsed.parse('u', user, false).name).toBe('U')
})
