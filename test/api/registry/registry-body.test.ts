/**
 * Goal: no body, path or query makes the registry fail: everything is answered, or refused with a code. Method: random JSON where schemas,
 * references, metadata, rules, configs and modes are expected, against a registry in memory; nothing may be answered with 500.
 */
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildRegistryServer } from '../../../api/registry/registry-server.ts'
import { type DecisionContext, parseRegistrySettings } from '../../../registry/index.ts'
import { avroRecord, RegistryInMemory } from '../../registry/registry-in-memory.ts'
import { testSystem } from '../fake-services.ts'

const memory = new RegistryInMemory()
let app: FastifyInstance
beforeAll(async () => {
  const registry = {
    context: memory.context,
    config: parseRegistrySettings({}),
    clusterId: Promise.resolve('cluster'),
    write: async <T>(decide: (context: DecisionContext) => { records: never[]; answer: T }) => memory.decide(decide),
    check: async <T>(decide: (context: DecisionContext) => T) => decide(memory.context),
    readToEnd: async () => {},
  }
  app = buildRegistryServer({ registry: registry as never, system: testSystem(), version: '1' })
  await app.ready()
})
afterAll(() => app.close())

async function send(method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body?: unknown) {
  const payload = body === undefined ? {} : { payload: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const { statusCode, body: text } = await app.inject({ method, url, ...payload })
  return { status: statusCode, text }
}

const names = fc.constantFrom('a', 'b', ':.c:a', ':.c:', ':.:', ':*:', '__GLOBAL', ':.__GLOBAL:', '', '%', '../x', 'ä', 'a/b', '__proto__')
const value = fc.jsonValue({ maxDepth: 3 })
const or = <T>(good: fc.Arbitrary<T>) => fc.oneof({ weight: 3, arbitrary: good }, { weight: 1, arbitrary: value })
const text = fc.oneof(
  fc.constantFrom(avroRecord('x'), avroRecord('x', 'y?'), '"string"', '{', '', 'syntax = "proto3"; message A {}', '{"type":"object"}'),
  fc.string(),
)
const rule = fc.record(
  {
    name: or(fc.string()),
    kind: or(fc.constantFrom('TRANSFORM', 'CONDITION')),
    mode: or(fc.constantFrom('WRITE', 'UPGRADE')),
    type: or(fc.string()),
    tags: value,
    params: value,
  },
  { requiredKeys: [] },
)
const request = fc.record(
  {
    schema: or(text),
    schemaType: or(fc.constantFrom('AVRO', 'JSON', 'PROTOBUF', 'XML')),
    references: or(
      fc.array(
        fc.record({ name: or(fc.string()), subject: or(names), version: or(fc.integer({ min: -2, max: 3 })) }, { requiredKeys: [] }),
        { maxLength: 2 },
      ),
    ),
    metadata: or(fc.record({ tags: value, properties: value, sensitive: value }, { requiredKeys: [] })),
    ruleSet: or(fc.record({ domainRules: or(fc.array(rule)), migrationRules: value, enableAt: value }, { requiredKeys: [] })),
    version: or(fc.integer({ min: -3, max: 3 })),
    id: or(fc.integer({ min: -3, max: 3 })),
  },
  { requiredKeys: [] },
)
const config = fc.record(
  {
    compatibility: value,
    alias: or(names),
    normalize: value,
    compatibilityGroup: value,
    defaultMetadata: value,
    overrideRuleSet: or(fc.record({ domainRules: fc.array(rule) })),
  },
  { requiredKeys: [] },
)
const query = fc.constantFrom(
  '',
  '?deleted=true',
  '?permanent=true',
  '?normalize=true&force=true',
  '?format=resolved',
  '?offset=-1&limit=x',
  '?verbose=true',
)
const step = fc.oneof(
  fc.tuple(
    fc.constant('POST' as const),
    names.map((name) => `/subjects/${encodeURIComponent(name)}/versions`),
    request,
  ),
  fc.tuple(
    fc.constant('POST' as const),
    names.map((name) => `/subjects/${encodeURIComponent(name)}`),
    request,
  ),
  fc.tuple(
    fc.constant('POST' as const),
    names.map((name) => `/compatibility/subjects/${encodeURIComponent(name)}/versions/latest`),
    request,
  ),
  fc.tuple(
    fc.constant('PUT' as const),
    names.map((name) => `/config/${encodeURIComponent(name)}`),
    or(config),
  ),
  fc.tuple(
    fc.constant('PUT' as const),
    names.map((name) => `/mode/${encodeURIComponent(name)}`),
    fc.record({ mode: fc.oneof(fc.constantFrom('READWRITE', 'IMPORT', null), value) }),
  ),
  fc.tuple(
    fc.constant('DELETE' as const),
    names.map((name) => `/subjects/${encodeURIComponent(name)}`),
  ),
  fc.tuple(
    fc.constant('DELETE' as const),
    names.map((name) => `/mode/${encodeURIComponent(name)}`),
  ),
  fc.tuple(
    fc.constant('DELETE' as const),
    names.map((name) => `/config/${encodeURIComponent(name)}`),
  ),
  fc.tuple(
    fc.constant('GET' as const),
    names.map((name) => `/contexts/${encodeURIComponent(name)}/subjects/${encodeURIComponent(name)}/versions/1`),
  ),
  fc.tuple(
    fc.constant('GET' as const),
    fc.constantFrom('/schemas', '/subjects', '/schemas/ids/1', '/schemas/guids/x', '/contexts', '/config', '/schemas/ids/1/versions'),
  ),
)

test('random requests, one after another', async () => {
  const statuses = new Set<number>()
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(step, query), { minLength: 1, maxLength: 25 }), async (steps) => {
      for (const [[method, path, body], parameters] of steps) {
        const { status, text } = await send(method, `${path}${parameters}`, body)
        statuses.add(status)
        expect([status < 500, method, path, body, text]).toEqual([true, method, path, body, text])
      }
    }),
    { numRuns: 150 },
  )
  // It was not all refused.
  expect([...statuses]).toEqual(expect.arrayContaining([200, 404, 422]))
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
}, 60_000)
