/**
 * Goal: tags of records and fields are written into the text of schemas and found there, in all three formats, by Confluent's paths; and a
 * change of them is a new version. Method: the decisions of a registry without a topic.
 */
import { describe, expect, test } from 'vitest'
import { type TaggedEntity, tagChanges } from '../../registry/formats/index.ts'
import { formattedAnswer, getVersion } from '../../registry/queries.ts'
import { checkRegisterRequest } from '../../registry/registration.ts'
import { decideModifyTags, type TagsRequest, withEarlierTags, withRequestedTags } from '../../registry/schema-tags.ts'
import { RegistryInMemory, refusal } from './registry-in-memory.ts'

const avro = (tags?: string[]) =>
  JSON.stringify({
    type: 'record',
    name: 'Order',
    namespace: 'shop',
    fields: [
      { name: 'email', type: 'string', ...(tags && { 'confluent:tags': tags }) },
      { name: 'to', type: ['null', { type: 'record', name: 'Place', fields: [{ name: 'zip', type: 'string' }] }], default: null },
    ],
  })
const json = JSON.stringify({
  type: 'object',
  properties: {
    email: { type: 'string' },
    lines: { type: 'array', items: { type: 'object', properties: { sku: { type: 'string' } } } },
    other: { oneOf: [{ type: 'string' }, { type: 'object', properties: { x: { type: 'number' } } }] },
    maybe: { type: ['null', 'object'], properties: { y: { type: 'string' } } },
  },
  definitions: { Item: { type: 'object', properties: { name: { type: 'string' } } } },
})
const proto = `syntax = "proto3";
package shop;

message Order {
  string email = 1 [(confluent.field_meta).doc = "who"];
  oneof o {
    string a = 2;
  }
  message Inner {
    string b = 1;
  }
}
`
const field = (path: string, ...tags: string[]): TaggedEntity => ({ path, type: 'sr_field', tags })
const record = (path: string, ...tags: string[]): TaggedEntity => ({ path, type: 'sr_record', tags })

describe.each([
  [
    'AVRO',
    avro(),
    [record('shop.Order', 'T'), field('shop.Order.email', 'PII', 'X'), record('shop.Place', 'T'), field('shop.Place.zip', 'Z')],
    ['shop.Order.phone', 'shop.None'],
  ],
  [
    'JSON',
    json,
    [
      record('object', 'T'),
      field('object.email', 'PII', 'X'),
      field('object.lines', 'L'),
      record('object.lines.array.object', 'T'),
      field('object.lines.array.object.sku', 'S'),
      field('object.other.oneof.0.object.x', 'N'),
      field('object.maybe.anyof.1.object.y', 'Y'),
      field('object.definitions.Item.object.name', 'D'),
    ],
    ['object.phone'],
  ],
  [
    'PROTOBUF',
    proto,
    [
      record('Order', 'T'),
      field('Order.a', 'A'),
      field('Order.email', 'PII', 'X'),
      record('Order.Inner', 'T'),
      field('Order.Inner.b', 'B'),
    ],
    ['Order.phone', 'None.a'],
  ],
] as const)('%s', (schemaType, schema, entities, unknown) => {
  const registry = new RegistryInMemory()
  const parse = (text: string) => registry.context.parsed.parse('s', { schemaType, schema: text, references: [] }, true)
  test('tags are added where they belong, and removed again', () => {
    const tagged = parse(schema).retagged(tagChanges(entities, []))
    expect(parse(tagged).tagged()).toEqual(entities)
    const fewer = parse(tagged).retagged(tagChanges([], [{ ...entities.find(({ tags }) => tags.includes('X'))!, tags: ['X'] }]))
    expect(
      parse(fewer)
        .tagged()
        .flatMap(({ tags }) => tags),
    ).not.toContain('X')
    expect(parse(parse(tagged).retagged(tagChanges([], entities))).tagged()).toEqual([])
    expect(parse(parse(tagged).retagged(tagChanges([], entities))).canonical).toBe(
      schemaType === 'PROTOBUF'
        ? parse(schema).canonical.replace('(confluent.field_meta).doc = "who"', '(confluent.field_meta) = {\n    doc: "who"\n  }')
        : parse(schema).canonical,
    )
  })
  test('a path that leads nowhere is refused', () => {
    for (const path of unknown)
      expect(() => parse(schema).retagged(tagChanges([{ path, type: 'sr_field', tags: ['A'] }], []))).toThrow(
        `No matching path '${path}' found in the schema`,
      )
  })
})

describe('requests', () => {
  const tags = (entityPath: string, ...names: string[]) => [{ schemaEntity: { entityPath, entityType: 'sr_field' }, tags: names }]
  const modify = (registry: RegistryInMemory, request: TagsRequest) => registry.decide((now) => decideModifyTags(now, 's', -1, request))

  test('POST …/tags registers a new version, and findTags finds its tags', () => {
    const registry = new RegistryInMemory()
    registry.register('s', avro())
    const made = modify(registry, { tagsToAdd: tags('.shop.Order.email', 'PII', 'EMAIL') })
    expect(made).toMatchObject({ version: 2, metadata: { properties: { 'confluent:version': '2' } } })
    const stored = getVersion(registry.context, 's', 2, false)
    const found = [{ schemaEntity: { entityPath: 'shop.Order.email', entityType: 'sr_field' }, tags: ['PII', 'EMAIL'] }]
    expect(formattedAnswer(registry.context, stored, { findTags: ['PII'] })).toMatchObject({ schemaTags: found })
    expect(formattedAnswer(registry.context, stored, { findTags: ['*'] })).toMatchObject({ schemaTags: found })
    expect(formattedAnswer(registry.context, stored, { findTags: ['OTHER'] })).toMatchObject({ schemaTags: [] })
    expect(formattedAnswer(registry.context, stored)).not.toHaveProperty('schemaTags')
    expect(modify(registry, { newVersion: 3, tagsToRemove: tags('shop.Order.email', 'EMAIL') }).version).toBe(3)
    expect(refusal(() => modify(registry, { newVersion: 9 }))?.[2]).toBe('Version is not one more than previous version')
    expect(refusal(() => modify(registry, { tagsToAdd: [{ tags: ['A'] }] }))?.[1]).toBe(42201)
  })

  test('rules are merged, and left out by their names', () => {
    const registry = new RegistryInMemory()
    const rule = (name: string) => ({ name, kind: 'CONDITION', mode: 'WRITE', type: 'CEL', expr: 'true' })
    registry.register('s', { schema: avro(), ruleSet: { domainRules: [rule('a'), rule('b')] } })
    const made = modify(registry, { rulesToMerge: { domainRules: [rule('c')] }, rulesToRemove: ['a'] })
    expect(made.ruleSet?.domainRules?.map(({ name }) => name)).toEqual(['b', 'c'])
    expect(refusal(() => modify(registry, { ruleSet: {}, rulesToRemove: ['b'] }))).toEqual([
      422,
      42210,
      'ruleSet should be omitted if specifying rulesToMerge or rulesToRemove',
    ])
  })

  test('a registration adds and removes tags, and takes over those of the version before', () => {
    const { context } = new RegistryInMemory()
    const request = {
      schema: avro(['OLD']),
      schemaTagsToAdd: tags('shop.Order.email', 'NEW'),
      schemaTagsToRemove: tags('shop.Order.email', 'OLD'),
    }
    expect(withRequestedTags(context, 's', request, checkRegisterRequest('s', request))).toMatchObject({
      schema: avro(['NEW']),
      version: -1,
    })
    const registry = new RegistryInMemory()
    registry.register('s', avro(['PII']))
    const other = JSON.stringify({ type: 'record', name: 'Order', namespace: 'shop', fields: [{ name: 'id', type: 'int', default: 0 }] })
    expect(withEarlierTags(registry.context, 's', checkRegisterRequest('s', { schema: avro() })).schema).toBe(avro(['PII']))
    expect(withEarlierTags(registry.context, 's', checkRegisterRequest('s', { schema: other })).schema).toBe(other)
  })
})
