/**
 * Goal: schemas get the ids and versions that Confluent's registry gives them, and are refused where it refuses them. Method: stories of
 * decisions, each applied to the image as if it had been written and read back.
 */
import { describe, expect, test } from 'vitest'
import { decideSetMode, decideUpdateConfig } from '../../registry/configuration.ts'
import { decideDeleteSubject, decideDeleteVersion } from '../../registry/deletion.ts'
import { checkCompatibility, findRegistered } from '../../registry/registration.ts'
import { readRequest } from '../../registry/requested-schema.ts'
import { avroRecord, RegistryInMemory, refusal } from './registry-in-memory.ts'

const idAndVersion = ({ id, version }: { id: number; version: number }) => [id, version]

describe('ids and versions', () => {
  test('the same schema has one id in all subjects; another one gets the next', () => {
    const registry = new RegistryInMemory()
    expect(idAndVersion(registry.register('a', avroRecord('x')))).toEqual([1, 1])
    expect(idAndVersion(registry.register('b', avroRecord('x')))).toEqual([1, 1])
    expect(idAndVersion(registry.register('b', avroRecord('x', 'y?')))).toEqual([2, 2])
    expect(idAndVersion(registry.register('a', '"string"', { force: true }))).toEqual([3, 2])
  })

  test('a schema that the subject has is not written again, in whatever spelling', () => {
    const registry = new RegistryInMemory()
    registry.register('a', avroRecord('x'))
    const written = registry.lines.length
    const spaced = JSON.stringify(JSON.parse(avroRecord('x')), null, 2)
    expect(idAndVersion(registry.register('a', spaced))).toEqual([1, 1])
    expect(registry.lines.length).toBe(written)
  })

  test('a context has ids of its own, and is written before its first schema', () => {
    const registry = new RegistryInMemory()
    registry.register('a', avroRecord('x'))
    expect(idAndVersion(registry.register(':.c:a', avroRecord('x', 'y')))).toEqual([1, 1])
    expect(registry.lines.at(-2)).toEqual([
      '{"keytype":"CONTEXT","tenant":"default","context":".c","magic":0}',
      '{"tenant":"default","context":".c"}',
    ])
    expect(registry.image.contexts()).toEqual(['.c'])
  })

  test('a version is never given twice, also after the latest one was deleted', () => {
    const registry = new RegistryInMemory()
    registry.register('a', avroRecord('x'))
    registry.register('a', avroRecord('x', 'y?'))
    registry.decide((context) => decideDeleteVersion(context, 'a', 2, false))
    expect(idAndVersion(registry.register('a', avroRecord('x', 'z?')))).toEqual([3, 3])
  })

  test('a schema that was deleted and comes back keeps its id, and the deleted version is removed', () => {
    const registry = new RegistryInMemory()
    registry.register('a', avroRecord('x'))
    registry.decide((context) => decideDeleteSubject(context, 'a', false))
    expect(idAndVersion(registry.register('a', avroRecord('x')))).toEqual([1, 2])
    expect(registry.lines.slice(-2).map(([key, value]) => [key, value === null])).toEqual([
      ['{"keytype":"SCHEMA","subject":"a","version":1,"magic":1}', true],
      ['{"keytype":"SCHEMA","subject":"a","version":2,"magic":1}', false],
    ])
  })

  test('a version that the request names must be the next one', () => {
    const registry = new RegistryInMemory()
    registry.register('a', avroRecord('x'))
    expect(refusal(() => registry.register('a', { schema: avroRecord('x', 'y?'), version: 5 }))).toEqual([
      422,
      42201,
      'Version is not one more than previous version',
    ])
    expect(registry.register('a', { schema: avroRecord('x', 'y?'), version: 2 })).toMatchObject({
      version: 2,
      metadata: { properties: { 'confluent:version': '2' } },
    })
  })

  test('a request without a schema registers the latest one with other metadata', () => {
    const registry = new RegistryInMemory()
    expect(refusal(() => registry.register('a', {}))).toEqual([422, 42201, 'Empty schema'])
    registry.register('a', avroRecord('x'))
    const next = registry.register('a', { metadata: { properties: { owner: 'me' } } })
    expect(next).toMatchObject({ id: 2, version: 2, schema: avroRecord('x'), metadata: { properties: { owner: 'me' } } })
    // The next schema inherits the metadata of the version before it.
    expect(registry.register('a', avroRecord('x', 'y?'))).toMatchObject({ version: 3, metadata: { properties: { owner: 'me' } } })
  })

  test('defaults and overrides of the config are merged into the metadata and rules', () => {
    const registry = new RegistryInMemory()
    const rule = { name: 'check', kind: 'CONDITION', mode: 'WRITE', type: 'CEL', expr: 'true' }
    registry.decide((context) =>
      decideUpdateConfig(context, 'a', {
        defaultMetadata: { properties: { owner: 'nobody', team: 'x' } },
        overrideMetadata: { properties: { level: 'gold' } },
        defaultRuleSet: { domainRules: [rule] },
      }),
    )
    expect(registry.register('a', { schema: avroRecord('x'), metadata: { properties: { owner: 'me' } } })).toMatchObject({
      metadata: { properties: { level: 'gold', owner: 'me', team: 'x' } },
      ruleSet: { domainRules: [{ ...rule, disabled: false }] },
    })
  })
})

describe('what is refused', () => {
  test('incompatible schemas, with the reasons', () => {
    const registry = new RegistryInMemory()
    registry.register('a', avroRecord('x'))
    const [status, code, message] = refusal(() => registry.register('a', avroRecord('x', 'y')))!
    expect([status, code]).toEqual([409, 409])
    expect(message).toBe(
      'Schema being registered is incompatible with an earlier schema for subject "a", details: ' +
        "[{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'y' at path '/fields/1' in the new schema has no default value " +
        "and is missing in the old schema', additionalInfo:'y'}, {oldSchemaVersion: 1}, " +
        `{oldSchema: '${avroRecord('x')}'}, {validateFields: 'false', compatibility: 'BACKWARD'}]`,
    )
  })

  test('what is no schema, an unknown type, an unknown reference, an invalid subject', () => {
    const registry = new RegistryInMemory()
    expect(refusal(() => registry.register('a', '{"type":"nope"}'))?.slice(0, 2)).toEqual([422, 42201])
    expect(refusal(() => registry.register('a', '{"type":"nope"}'))?.[2]).toMatch(/^Invalid schema of type AVRO, details: /)
    expect(refusal(() => registry.register('a', { schemaType: 'XML', schema: 'x' }))).toEqual([422, 42201, 'Invalid schema type XML'])
    expect(refusal(() => registry.register('a', { schema: '"string"', references: [{ name: 'R', subject: 'b', version: 1 }] }))).toEqual([
      422,
      42201,
      'Invalid schema of type AVRO, details: No schema reference found for subject "b" and version 1',
    ])
    expect(refusal(() => registry.register('a\u0007', '"string"'))?.[1]).toBe(42208)
    expect(refusal(() => registry.register('__GLOBAL', '"string"'))?.[1]).toBe(42208)
  })

  test('rules without a name or a type, with the mode of others, or of one name', () => {
    const registry = new RegistryInMemory()
    const withRules = (ruleSet: unknown) => refusal(() => registry.register('a', { schema: '"string"', ruleSet }))
    const rule = { name: 'r', type: 'CEL', mode: 'WRITE' }
    expect(withRules({ domainRules: [{ type: 'CEL' }] })).toEqual([422, 42210, 'Missing rule name'])
    expect(withRules({ domainRules: [{ name: 'r' }] })).toEqual([422, 42210, 'Missing rule type'])
    expect(withRules({ domainRules: [{ ...rule, mode: 'UPGRADE' }] })?.[2]).toBe('Domain rules can only be WRITE, READ, WRITEREAD')
    expect(withRules({ migrationRules: [rule] })?.[2]).toBe('Migration rules can only be UPGRADE, DOWNGRADE, UPDOWN')
    expect(withRules({ domainRules: [rule, rule] })?.[2]).toBe("Found rule with duplicate name 'r'")
    expect(withRules({ domainRules: [{ ...rule, name: '1r' }] })?.[2]).toBe('Illegal initial character in rule name: 1r')
    expect(withRules({ domainRules: [{ ...rule, onFailure: 'DLQ,ERROR' }] })?.[2]).toBe(
      'Multiple actions only valid with WRITEREAD and UPDOWN',
    )
    expect(withRules({ domainRules: [rule] })).toBeNull()
  })

  test('an id outside IMPORT mode; everything in READONLY mode', () => {
    const registry = new RegistryInMemory()
    expect(refusal(() => registry.register('a', { schema: '"string"', id: 7 }))).toEqual([
      422,
      42205,
      'Subject a in context  is not in import mode',
    ])
    registry.decide((context) => decideSetMode(context, 'a', { mode: 'READONLY' }, false))
    expect(refusal(() => registry.register('a', '"string"'))).toEqual([422, 42205, 'Subject a in context  is in read-only mode'])
    registry.register('b', '"string"')
  })
})

describe('import', () => {
  const importing = () => {
    const registry = new RegistryInMemory()
    registry.decide((context) => decideSetMode(context, null, { mode: 'IMPORT' }, false))
    return registry
  }

  test('a schema keeps the id and the version that it had, without a check of compatibility', () => {
    const registry = importing()
    expect(idAndVersion(registry.register('a', { schema: avroRecord('x'), id: 40, version: 3 }))).toEqual([40, 3])
    expect(idAndVersion(registry.register('a', { schema: '"string"', id: 41, version: 9 }))).toEqual([41, 9])
    expect(refusal(() => registry.register('a', '"long"'))).toEqual([422, 42205, 'Subject a in context  is not in read-write mode'])
  })

  test('an id that another schema has is refused', () => {
    const registry = importing()
    registry.register('a', { schema: avroRecord('x'), id: 40, version: 1 })
    expect(refusal(() => registry.register('b', { schema: '"string"', id: 40, version: 1 }))).toEqual([
      422,
      42205,
      'Overwrite new schema with id 40 in context  is not permitted.',
    ])
    registry.register('b', { schema: avroRecord('x'), id: 40, version: 1 })
    // Ids go on after the largest one that was imported.
    registry.decide((context) => decideSetMode(context, null, { mode: 'READWRITE' }, false))
    expect(idAndVersion(registry.register('c', '"string"'))).toEqual([41, 1])
  })
})

describe('the answer of an instance that does not lead', () => {
  test('it knows what is registered, and asks the leader for the rest', () => {
    const registry = new RegistryInMemory()
    registry.register('a', avroRecord('x'))
    const found = (request: object) => findRegistered(registry.context, 'a', readRequest(request), false)?.version
    expect(found({ schema: avroRecord('x') })).toBe(1)
    expect(found({ schema: avroRecord('x'), id: 1 })).toBe(1)
    expect(found({ schema: avroRecord('x'), id: 2 })).toBeUndefined()
    expect(found({ schema: avroRecord('x'), version: 2 })).toBeUndefined()
    expect(found({ schema: avroRecord('y') })).toBeUndefined()
    registry.decide((context) => decideUpdateConfig(context, 'a', { defaultMetadata: { properties: { a: 'b' } } }))
    expect(found({ schema: avroRecord('x') })).toBeUndefined()
  })
})

describe('checks of compatibility', () => {
  const check = (registry: RegistryInMemory, request: object, { normalize = false, verbose = false } = {}) =>
    checkCompatibility(registry.context, 'a', request, registry.image.versions('a'), { normalize, verbose })

  test('compatibilityPolicy=LENIENT: properties of JSON objects come and go', () => {
    const registry = new RegistryInMemory()
    const json = (properties: object) => ({ schemaType: 'JSON', schema: JSON.stringify({ type: 'object', properties }) })
    registry.register('a', json({ x: { type: 'string' } }))
    const more = json({ x: { type: 'string' }, y: { type: 'string' } })
    expect(refusal(() => registry.register('a', more))?.[0]).toBe(409)
    registry.decide((context) => decideUpdateConfig(context, 'a', { compatibilityPolicy: 'LENIENT' }))
    expect(registry.register('a', more).version).toBe(2)
  })

  test('groups: versions with another value of the property are not compared', () => {
    const registry = new RegistryInMemory()
    registry.register('a', { schema: avroRecord('x'), metadata: { properties: { major: '1' } } })
    expect(check(registry, { schema: '"string"' })).not.toEqual([])
    registry.decide((context) => decideUpdateConfig(context, 'a', { compatibilityGroup: 'major' }))
    expect(check(registry, { schema: '"string"', metadata: { properties: { major: '2' } } })).toEqual([])
    expect(check(registry, { schema: '"string"', metadata: { properties: { major: '1' } } })).not.toEqual([])
  })

  test('what is no schema is an error, or a message where the request is verbose', () => {
    const registry = new RegistryInMemory()
    expect(refusal(() => check(registry, { schema: '{' }))?.[1]).toBe(42201)
    expect(check(registry, { schema: '{' }, { verbose: true })).toHaveLength(1)
    expect(check(registry, { schema: '' }, { verbose: true })).toEqual(['Empty schema'])
  })

  test('reserved fields, where fields are validated', () => {
    const registry = new RegistryInMemory({ validateFields: true })
    registry.register('a', { schema: avroRecord('x'), metadata: { properties: { 'confluent:reserved': 'secret, pin' } } })
    expect(check(registry, { schema: avroRecord('x', 'pin?'), metadata: { properties: { 'confluent:reserved': 'pin' } } })).toEqual([
      "The new schema has reserved field secret removed from its metadata which is present in the old schema's metadata.",
      'The new schema has field that conflicts with the reserved field pin.',
      "{validateFields: 'true', compatibility: 'BACKWARD'}",
    ])
  })
})
