/**
 * Goal: associations are created, changed and deleted by Confluent's rules, and guard the subjects that they name; their records are those
 * of Confluent. Method: the decisions of a registry without a topic.
 */
import { describe, expect, test } from 'vitest'
import { associationAnswer, NO_FILTER } from '../../registry/association.ts'
import { checkAssociations, decideAssociations, decideDeleteAssociations } from '../../registry/association-decisions.ts'
import { readAssociationRequest } from '../../registry/association-request.ts'
import { decideUpdateConfig } from '../../registry/configuration.ts'
import { decideDeleteSubject, decideDeleteVersion } from '../../registry/deletion.ts'
import { avroRecord, RegistryInMemory, refusal } from './registry-in-memory.ts'

let guids = 0
const newGuid = () => `guid-${++guids}`
const body = (...associations: object[]) => ({ resourceName: 'orders.v1', resourceNamespace: 'lkc', resourceId: 'id-1', associations })
const weak = { subject: 's', lifecycle: 'WEAK' }
const own = ':.lkc:orders.v1-value'

/** As the API does it: a check, the schemas, the associations. */
function associate(registry: RegistryInMemory, given: object, { isCreate = true, dryRun = false, scope = '.' } = {}) {
  const kind = { isCreate, dryRun }
  const request = readAssociationRequest(given, isCreate ? null : 'id-1', kind)
  const schemas = registry.decide((now) => ({ records: [], answer: checkAssociations(now, request, kind, scope) }))
  if (dryRun) return schemas
  for (const { subject, schema, normalize } of schemas) registry.register(subject, schema, { normalize })
  return registry.decide((now) => decideAssociations(now, request, kind, scope, newGuid))
}
const update = (registry: RegistryInMemory, given: object) => associate(registry, given, { isCreate: false })
const withSubject = () => {
  const registry = new RegistryInMemory()
  registry.register('s', avroRecord('x'))
  return registry
}
const codes = (attempt: () => unknown) => refusal(attempt)?.slice(0, 2)
const invalid = (attempt: () => unknown) => {
  const [status, code, message] = refusal(attempt)!
  expect([status, code]).toEqual([422, 42212])
  return message.replace('The association specified an invalid value for property: ', '')
}

test('a shared subject: its record, and its answer', () => {
  const registry = withSubject()
  guids = 0
  associate(registry, body(weak))
  expect(registry.lines.at(-1)).toEqual([
    '{"keytype":"ASSOC","tenant":"default","resourceName":"orders.v1","resourceNamespace":"lkc","resourceType":"topic","associationType":"value","subject":"s","magic":0}',
    '{"guid":"guid-1","tenant":"default","resourceName":"orders.v1","resourceNamespace":"lkc","resourceId":"id-1","resourceType":"topic","associationType":"value","subject":"s","lifecycle":"WEAK","frozen":false}',
  ])
  const [found] = registry.image.associations.ofSubject('s')
  expect(associationAnswer(found!)).toEqual({
    subject: 's',
    guid: 'guid-1',
    resourceName: 'orders.v1',
    resourceNamespace: 'lkc',
    resourceId: 'id-1',
    resourceType: 'topic',
    associationType: 'value',
    lifecycle: 'WEAK',
    frozen: false,
    updateTs: expect.any(Number),
  })
  // The same request again writes nothing.
  const count = registry.lines.length
  expect(associate(registry, body(weak))).toEqual([])
  expect(registry.lines).toHaveLength(count)
  expect(codes(() => associate(registry, body({ subject: 's', lifecycle: 'STRONG' })))).toEqual([409, 40903])
})

test('a subject of its own: the schema is registered, and the association is frozen', () => {
  const registry = new RegistryInMemory()
  const schema = { schema: avroRecord('x') }
  expect(associate(registry, body({ schema }), { dryRun: true })).toMatchObject([{ subject: own }])
  expect(associate(registry, body({ schema }))).toMatchObject([{ subject: own, lifecycle: 'STRONG', frozen: true }])
  expect(registry.image.latest(own)).toMatchObject({ version: 1 })
  expect(associate(registry, body({ schema }))).toEqual([])
  expect(codes(() => associate(registry, body({ schema: { schema: '"string"' } })))).toEqual([409, 40903])
  expect(
    codes(() => update(registry, body({ subject: own, lifecycle: 'STRONG', schema: { schema: avroRecord('x', 'y?') }, frozen: true }))),
  ).toBeUndefined()
  expect(invalid(() => update(registry, body({ subject: own, lifecycle: 'WEAK', frozen: false })))).toContain(
    'WEAK associations cannot use subject',
  )
  expect(
    codes(() => registry.decide((now) => decideDeleteAssociations(now, 'id-1', NO_FILTER, { cascades: false, dryRun: false }))),
  ).toEqual([409, 40908])
  registry.decide((now) => decideDeleteAssociations(now, 'id-1', NO_FILTER, { cascades: true, dryRun: false }))
  expect(registry.image.associations.size).toBe(0)
})

test('a subject with associations keeps a version, until they are deleted', () => {
  const registry = withSubject()
  registry.register('s', avroRecord('x', 'y?'))
  associate(registry, body(weak))
  registry.decide((now) => decideDeleteVersion(now, 's', 1, false))
  expect(codes(() => registry.decide((now) => decideDeleteVersion(now, 's', 2, false)))).toEqual([409, 40907])
  expect(codes(() => registry.decide((now) => decideDeleteVersion(now, 's', 1, true)))).toEqual([409, 40904])
  expect(codes(() => registry.decide((now) => decideDeleteSubject(now, 's', false)))).toEqual([409, 40904])
  registry.decide((now) => decideDeleteAssociations(now, 'id-1', NO_FILTER, { cascades: false, dryRun: true }))
  expect(registry.image.associations.size).toBe(1)
  registry.decide((now) => decideDeleteAssociations(now, 'id-1', NO_FILTER, { cascades: false, dryRun: false }))
  registry.decide((now) => decideDeleteSubject(now, 's', false))
  expect(
    refusal(() => registry.decide((now) => decideDeleteAssociations(now, 'id-1', NO_FILTER, { cascades: false, dryRun: false }))),
  ).toEqual([404, 40410, "Association for 'id-1' not found."])
})

test('one STRONG association for a subject, or WEAK ones', () => {
  const registry = withSubject()
  const other = { ...body(), resourceName: 'other', resourceId: 'id-2' }
  associate(registry, body(weak))
  associate(registry, { ...other, associations: [weak] })
  expect(registry.image.associations.ofSubject('s')).toHaveLength(2)
  expect(codes(() => update(registry, body({ subject: 's', lifecycle: 'STRONG' })))).toEqual([409, 40904])
  registry.decide((now) => decideDeleteAssociations(now, 'id-2', NO_FILTER, { cascades: false, dryRun: false }))
  expect(update(registry, body({ subject: 's', lifecycle: 'STRONG' }))).toMatchObject([{ lifecycle: 'STRONG', frozen: false }])
  expect(codes(() => associate(registry, { ...other, associations: [weak] }))).toEqual([409, 40905])
  expect(invalid(() => update(registry, body({ subject: 't', lifecycle: 'WEAK' })))).toContain('cannot be changed from')
})

test('subjects are found in a context, and by an alias', () => {
  const registry = withSubject()
  registry.register(':.c:s', avroRecord('x'))
  associate(registry, body(weak), { scope: '.c' })
  expect(registry.image.associations.ofResource('-', 'orders.v1')).toMatchObject([{ subject: ':.c:s' }])
  registry.decide((now) => decideUpdateConfig(now, 'short', { alias: 's' }))
  associate(registry, body({ subject: 'short', associationType: 'key', lifecycle: 'WEAK' }))
  expect(registry.image.associations.ofResource('lkc', '-', { ...NO_FILTER, associationTypes: ['key'] })).toMatchObject([{ subject: 's' }])
  expect(registry.image.associations.ofResource('other', '-')).toEqual([])
})

describe('requests that are none', () => {
  test.each([
    [{ ...body(weak), resourceName: 'a b' }, "'resourceName', detail: illegal character ' '"],
    [{ ...body(weak), resourceNamespace: '' }, "'resourceNamespace', detail: cannot be null or empty"],
    [{ ...body(weak), resourceId: null }, "'resourceId', detail: cannot be null or empty"],
    [{ ...body(weak), resourceType: 'table' }, "'resourceType', detail: must be 'topic'"],
    [body(), "'associations', detail: cannot be null or empty"],
    [body({ ...weak, associationType: 'header' }), "'associationType', detail: must be either 'key' or 'value'"],
    [body({ lifecycle: 'WEAK' }), "'subject', detail: must be provided for WEAK associations"],
    [body({ ...weak, schema: { schema: '"int"' } }), "'lifecycle', detail: cannot be WEAK when schema is provided"],
    [body({ ...weak, frozen: true }), "'frozen', detail: association with lifecycle of WEAK cannot be frozen"],
    [body({ subject: 's', schema: { schema: '"int"' } }), `'subject', detail: frozen associations must use subject '${own}'`],
    [body(weak, weak), "'associationType', detail: Duplicate association type: value"],
  ])('%j', (request, message) => {
    expect(invalid(() => associate(withSubject(), request))).toBe(message)
  })
  test('a subject without a version', () => {
    expect(codes(() => associate(new RegistryInMemory(), body(weak)))).toEqual([409, 40907])
  })
})
