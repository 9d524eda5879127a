/**
 * Goal: a rehearsed schema gets the id that the registry has for it, else one of its own; nothing is registered, and only a registry's own
 * "not found" counts as such. Method: against a registry of the test, which knows no compatibility unless a test answers for it.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { RegistryClient } from '../../../connect/schema-registry/registry-client.ts'
import { clientSettings } from '../../../connect/schema-registry/registry-settings.ts'
import { RehearsedSchemas } from '../../../connect/schema-registry/rehearsed-schemas.ts'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { SchemaRegistryDouble } from '../../schema-registry-double.ts'

let registry: SchemaRegistryDouble
let rehearsed: RehearsedSchemas
const MAX_SCHEMAS = 2
beforeEach(async () => {
  registry = await SchemaRegistryDouble.start()
  const raw = { 'schema.registry.url': registry.url, 'max.retries': '0' }
  rehearsed = new RehearsedSchemas(new RegistryClient(parseSettings(clientSettings, raw), raw, realSystem('silent')), MAX_SCHEMAS)
})
afterEach(() => registry.stop())

const register = (schema: string) => rehearsed.register('t-value', { schema, references: [] }, 'AVRO', false)
/** Answers questions of compatibility; without it they are not known. */
const answerCompatibility = (status: number, body: unknown) => {
  registry.intercept = (_method, path) => (path.startsWith('/compatibility/') ? { status, body } : undefined)
}

test('a schema that the registry has', async () => {
  registry.register('t-value', '"string"')
  expect(await register('"string"')).toMatchObject({ id: 1, version: 1 })
})

test('a new schema has an id and a GUID of its own, by which it is found', async () => {
  answerCompatibility(200, { is_compatible: true })
  const first = await register('"string"')
  const second = await register('"int"')
  expect([first.id, second.id]).toEqual([-1, -2])
  expect(rehearsed.schemaOf(-2)).toBe(second)
  expect(rehearsed.schemaOf(second.guid!)).toBe(second)
  await register('"long"')
  expect(rehearsed.schemaOf(-1), 'only some are kept').toBeUndefined()
  expect(registry.requests.some(({ path }) => path.startsWith('/subjects/t-value/versions'))).toBe(false)
})

test('a registry without checks of all versions takes every schema', async () => {
  answerCompatibility(404, { error_code: 404, message: 'HTTP 404 Not Found' })
  expect(await register('"string"')).toMatchObject({ id: -1 })
})

test('an incompatible schema is refused with the reasons', async () => {
  answerCompatibility(200, { is_compatible: false, messages: ['it has another type', 'and no default'] })
  await expect(register('"string"')).rejects.toThrow(/earlier one of subject t-value: it has another type, and no default/)
})

test('a 404 without a code of a registry is an error', async () => {
  registry.intercept = () => ({ status: 404, body: '<html>' })
  await expect(register('"string"')).rejects.toThrow(/responded with 404/)
})
