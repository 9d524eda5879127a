/**
 * Goal: records of a schema with rules that nobody would run are refused, and none is written unencrypted by mistake. Method: AvroConverter
 * against a registry of the test, whose schema has rules.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import avro from '../../../connect/converters/avro.ts'
import { schemas } from '../../../connect/sdk/index.ts'
import { registryConverter } from '../../registry-converters.ts'
import { SchemaRegistryDouble } from '../../schema-registry-double.ts'

let registry: SchemaRegistryDouble
beforeEach(async () => {
  registry = await SchemaRegistryDouble.start()
})
afterEach(() => registry.stop())

const order = schemas.struct({ id: schemas.int32(), note: schemas.string({ optional: true }) }, { name: 'com.shop.Order' })
const value = { id: 1, note: 'x' }
const latest = JSON.stringify({ type: 'record', name: 'Order', namespace: 'com.shop', fields: [{ name: 'id', type: 'long' }] })

describe('rules of a data contract', () => {
  const withRules = (ruleSet: object) => {
    registry.register('t-value', latest)
    const intercept = registry.intercept
    registry.intercept = (method, path, headers) =>
      method === 'GET' && /versions\/latest|schemas\/ids/.test(path)
        ? { status: 200, body: { subject: 't-value', version: 1, id: 1, schema: latest, ruleSet } }
        : intercept(method, path, headers)
  }
  const encrypt = { name: 'encryptNote', kind: 'TRANSFORM', mode: 'WRITEREAD', type: 'ENCRYPT', tags: ['PII'] }
  const config = { 'auto.register.schemas': 'false', 'use.latest.version': 'true', 'latest.compatibility.strict': 'false' }
  const write = (more: Record<string, string> = {}) =>
    registryConverter(avro, registry.url, { ...config, ...more }).write('t', order, value)
  const refused =
    /the schema of t-value has the rule encryptNote of type ENCRYPT, which runs when records are written, and this converter runs/

  test('that would encrypt is not passed over', async () => {
    withRules({ domainRules: [encrypt] })
    await expect(write()).rejects.toThrow(refused)
    await expect(write()).rejects.toHaveProperty('name', 'DataException')
  })
  test.each([
    ['is disabled', { domainRules: [{ ...encrypt, disabled: true }] }, {}],
    ['is disabled by a setting', { domainRules: [encrypt] }, { 'rule.executors.encryptNote.disabled': 'true' }],
    ['is of a type that a setting disables', { domainRules: [encrypt] }, { 'rule.executors._ENCRYPT_.disabled': 'true' }],
    ['runs elsewhere', { domainRules: [encrypt], enableAt: 'GATEWAY' }, {}],
    ['runs when records are read', { domainRules: [{ ...encrypt, mode: 'READ' }] }, {}],
    ['may fail', { domainRules: [{ ...encrypt, onFailure: 'NONE,ERROR' }] }, {}],
    ['migrates', { migrationRules: [{ ...encrypt, mode: 'UPGRADE' }] }, {}],
  ])('that %s does not matter', async (_name, ruleSet, more) => {
    withRules(ruleSet)
    expect(await write(more)).toEqual(expect.any(Buffer))
  })
  test('that runs when records are read is refused there', async () => {
    withRules({ domainRules: [{ ...encrypt, mode: 'READ' }] })
    await expect(registryConverter(avro, registry.url).read('t', Buffer.from([0, 0, 0, 0, 1, 2]))).rejects.toThrow(
      /which runs when records are read/,
    )
  })
})
