/**
 * Goal: the registry's API, path by path: statuses, codes, sentences and media types are Confluent's. Method: requests over HTTP to an
 * instance on a broker in this process; every test has subjects of its own.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import avro from '../../../connect/converters/avro.ts'
import { schemas } from '../../../connect/sdk/index.ts'
import { registryConverter } from '../../registry-converters.ts'
import { ownRegistry, type RegistriesInProcess, type RegistryInstance, registriesInProcess } from '../../registry-in-process.ts'

let registries: RegistriesInProcess
let instance: RegistryInstance
beforeAll(async () => {
  registries = await registriesInProcess()
  instance = await registries.start(ownRegistry('api'))
})
afterAll(() => registries.stop())

const record = (name: string, ...fields: readonly string[]) => ({
  schema: JSON.stringify({ type: 'record', name, fields: fields.map((field) => ({ name: field, type: 'int' })) }),
})
const send: RegistryInstance['send'] = (...request) => instance.send(...request)
const body = async (...request: Parameters<RegistryInstance['send']>) => (await send(...request)).body
const error = async (...request: Parameters<RegistryInstance['send']>) => {
  const { status, body: answer } = await send(...request)
  return [status, answer.error_code, answer.message]
}

describe('media types', () => {
  test.each([
    [undefined, 200, 'application/vnd.schemaregistry.v1+json'],
    ['*/*', 200, 'application/vnd.schemaregistry.v1+json'],
    [
      'application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json; q=0.9, application/json; q=0.5',
      200,
      'application/vnd.schemaregistry.v1+json',
    ],
    ['application/vnd.schemaregistry+json', 200, 'application/vnd.schemaregistry+json'],
    ['application/json', 200, 'application/json'],
    ['text/html', 406, 'application/vnd.schemaregistry.v1+json'],
  ])('Accept: %s', async (accept, status, type) => {
    expect(await send('GET', '/subjects', undefined, accept === undefined ? {} : { accept })).toMatchObject({ status, type })
  })

  test.each([
    ['application/json', 200],
    ['application/vnd.schemaregistry+json; charset=utf-8', 200],
    ['application/octet-stream', 200],
    ['text/xml', 415],
  ])('Content-Type: %s', async (type, status) => {
    expect((await send('POST', '/subjects/types/versions', record('T', 'x'), { 'content-type': type })).status).toBe(status)
  })

  test('bodies that are no JSON, none, or of other types', async () => {
    expect((await error('POST', '/subjects/b/versions', '{"schema"'))?.slice(0, 2)).toEqual([400, 400])
    expect((await error('POST', '/subjects/b/versions', ''))?.slice(0, 2)).toEqual([400, 400])
    expect((await error('POST', '/subjects/b/versions', { schema: { type: 'string' } }))?.slice(0, 2)).toEqual([400, 400])
    expect((await error('POST', '/subjects/b/versions', { id: 2 ** 31 }))?.slice(0, 2)).toEqual([400, 400])
    expect((await error('POST', '/subjects/b/versions', '['.repeat(200) + ']'.repeat(200)))?.[0]).toBe(400)
    expect((await error('POST', '/subjects/b/versions', {}))?.slice(1)).toEqual([42201, 'Empty schema'])
  })

  test('paths and methods that do not exist', async () => {
    expect(await error('GET', '/nope')).toEqual([404, 404, 'HTTP 404 Not Found'])
    expect((await error('PATCH', '/subjects'))?.slice(0, 2)).toEqual([405, 405])
    expect(await error('GET', '/schemas/ids/x')).toEqual([404, 404, 'HTTP 404 Not Found'])
  })
})

describe('subjects and versions', () => {
  test('are registered, listed, read, looked up and deleted', async () => {
    const registered = await body('POST', '/subjects/s1/versions', record('S1', 'x'))
    expect(registered).toMatchObject({ version: 1, schemaType: 'AVRO', schema: record('S1', 'x').schema })
    await send('PUT', '/config/s1', { compatibility: 'NONE' })
    await send('POST', '/subjects/s1/versions', record('S1', 'y'))
    await send('POST', '/subjects/s1/versions', record('S1', 'z'))
    expect(await body('GET', '/subjects?subjectPrefix=s1')).toEqual(['s1'])
    expect(await body('GET', '/subjects/s1/versions')).toEqual([1, 2, 3])
    expect(await body('GET', '/subjects/s1/versions?offset=1&limit=1')).toEqual([2])
    expect(await body('GET', '/subjects/s1/versions/1')).toMatchObject({ subject: 's1', version: 1, id: registered.id, deleted: false })
    expect(await body('GET', '/subjects/s1/versions/latest')).toMatchObject({ version: 3 })
    expect(await body('GET', '/subjects/s1/versions/-1/schema')).toEqual(JSON.parse(record('S1', 'z').schema))
    expect(await body('POST', '/subjects/s1', record('S1', 'y'))).toMatchObject({ subject: 's1', version: 2 })
    expect(await error('POST', '/subjects/s1', record('S1', 'q'))).toEqual([404, 40403, 'Schema not found'])
    expect(await error('POST', '/subjects/none', record('S1', 'q'))).toEqual([404, 40401, "Subject 'none' not found."])
    expect(await body('DELETE', '/subjects/s1/versions/2')).toBe(2)
    expect(await body('GET', '/subjects/s1/versions?deletedOnly=true')).toEqual([2])
    expect(await error('GET', '/subjects/s1/versions/2')).toEqual([404, 40402, 'Version 2 not found.'])
    expect(await body('GET', '/subjects/s1/versions/2?deleted=true')).toMatchObject({ version: 2, deleted: true })
    expect(await body('POST', '/subjects/s1?deleted=true', record('S1', 'y'))).toMatchObject({ version: 2 })
    expect(await body('DELETE', '/subjects/s1')).toEqual([1, 3])
    expect(await error('GET', '/subjects/s1/versions')).toEqual([404, 40401, "Subject 's1' not found."])
    expect(await body('DELETE', '/subjects/s1?permanent=true')).toEqual([1, 2, 3])
    expect(await error('GET', '/subjects/s1/versions/1')).toEqual([404, 40401, "Subject 's1' not found."])
  })

  test('versions that are none', async () => {
    const sentence = (version: string) =>
      `The specified version '${version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"`
    expect(await error('GET', '/subjects/s/versions/earliest')).toEqual([422, 42202, sentence('earliest')])
    expect(await error('GET', '/subjects/s/versions/0')).toEqual([422, 42202, sentence('0')])
    expect(await error('DELETE', '/subjects/s/versions/99999999999')).toEqual([422, 42202, sentence('99999999999')])
  })

  test('subjects with a slash, a space and a letter beyond ASCII', async () => {
    const subject = 'a/b cß%'
    const path = `/subjects/${encodeURIComponent(subject)}`
    await send('POST', `${path}/versions`, record('Odd', 'x'))
    expect(await body('GET', `${path}/versions/1`)).toMatchObject({ subject })
    expect(await body('GET', `/subjects?subjectPrefix=${encodeURIComponent('a/b c')}`)).toEqual([subject])
  })

  test('references, in both directions', async () => {
    const { id: one } = await body('POST', '/subjects/ref-base/versions', record('Base', 'x'))
    const user = {
      schema: '{"type":"record","name":"User","fields":[{"name":"b","type":"Base"}]}',
      references: [{ name: 'Base', subject: 'ref-base', version: -1 }],
    }
    const { id, references } = await body('POST', '/subjects/ref-user/versions', user)
    expect(references).toEqual([{ name: 'Base', subject: 'ref-base', version: 1 }])
    expect(await body('GET', '/subjects/ref-base/versions/1/referencedby')).toEqual([id])
    expect(await body('GET', `/schemas/ids/${one}/versions`)).toEqual([{ subject: 'ref-base', version: 1 }])
    expect(await body('GET', `/schemas/ids/${id}?format=resolved`)).toMatchObject({ schema: expect.stringContaining('"name":"Base"') })
    expect((await error('DELETE', '/subjects/ref-base'))?.[1]).toBe(42206)
    // A schema with everything in place is the one that refers to it.
    const resolved = { schema: (await body('GET', `/schemas/ids/${id}?format=resolved`)).schema }
    expect(await body('POST', '/subjects/ref-user', resolved)).toMatchObject({ version: 1, id })
  })

  test('the newest version with properties in its metadata', async () => {
    await send('POST', '/subjects/meta/versions', { ...record('M', 'x'), metadata: { properties: { app: '1' } } })
    await send('POST', '/subjects/meta/versions', { metadata: { properties: { app: '2' } } })
    expect(await body('GET', '/subjects/meta/metadata?key=app&value=1')).toMatchObject({ version: 1 })
    expect(await error('GET', '/subjects/meta/metadata?key=app&value=3')).toEqual([404, 40403, 'Schema not found'])
  })
})

test('a topic is associated with subjects, and a converter with AssociatedNameStrategy uses them', async () => {
  const resource = { resourceName: 'shop.orders', resourceNamespace: 'lkc-1', resourceId: 'topic-1' }
  const shared = [{ subject: 'shared', lifecycle: 'WEAK' }]
  await send('POST', '/contexts/.eu/subjects/shared/versions', record('com.Shared', 'id'))
  expect(await error('POST', '/associations', { ...resource, associations: shared })).toEqual([
    409,
    40907,
    "No active (non-deleted) version exists for subject 'shared'",
  ])
  const made = { subject: ':.eu:shared', associationType: 'value', lifecycle: 'WEAK', frozen: false }
  expect(await body('POST', '/contexts/.eu/associations', { ...resource, associations: shared })).toEqual({
    ...resource,
    resourceType: 'topic',
    associations: [made],
  })
  const expected = [expect.objectContaining({ ...resource, ...made, guid: expect.stringMatching(/^[0-9a-f-]{36}$/) })]
  for (const path of [
    'subjects/:.eu:shared',
    'resources/topic-1',
    'resources/lkc-1/shop.orders',
    'resources/-/shop.orders?associationType=value',
  ])
    expect(await body('GET', `/associations/${path}`)).toEqual(expected)
  for (const path of ['subjects/shared', 'resources/none', 'resources/-/shop.orders?associationType=key', 'resources/lkc-2/shop.orders'])
    expect(await body('GET', `/associations/${path}`)).toEqual([])
  const strategy = 'io.confluent.kafka.serializers.subject.AssociatedNameStrategy'
  const { write } = registryConverter(avro, instance.url, { 'value.subject.name.strategy': strategy })
  const { id } = await body('GET', '/subjects/:.eu:shared/versions/1')
  const written = await write('shop.orders', schemas.struct({ id: schemas.int32() }, { name: 'com.Shared' }), { id: 1 })
  expect([written!.readInt32BE(1), await body('GET', '/subjects/:.eu:shared/versions')]).toEqual([id + 1, [1, 2]])
  expect(await error('DELETE', '/subjects/:.eu:shared')).toEqual([409, 40904, "An association already exists for subject ':.eu:shared'"])
  expect((await send('DELETE', '/associations/resources/topic-1')).status).toBe(204)
  expect((await error('DELETE', '/associations/resources/topic-1'))[1]).toBe(40410)
  const strong = { ...resource, associations: [{ schema: record('Own', 'a') }] }
  expect(await body('POST', '/associations', strong)).toMatchObject({
    associations: [{ subject: ':.lkc-1:shop.orders-value', schema: { version: 1 } }],
  })
  expect((await error('DELETE', '/associations/resources/topic-1'))[1]).toBe(40908)
  expect((await send('DELETE', '/associations/resources/topic-1?cascadeLifecycle=true')).status).toBe(204)
  expect((await error('GET', '/subjects/:.lkc-1:shop.orders-value/versions'))[1]).toBe(40401)
})

test('tags in schemas are changed, and found', async () => {
  const entity = { schemaEntity: { entityPath: 'Tagged.a', entityType: 'sr_field' }, tags: ['PII'] }
  const schema = (...tags: object[]) => JSON.stringify({ type: 'record', name: 'Tagged', fields: [{ name: 'a', type: 'int', ...tags[0] }] })
  await send('POST', '/subjects/tagged/versions', { schema: schema() })
  const changed = await send('POST', '/subjects/tagged/versions/latest/tags', { tagsToAdd: [entity] })
  expect(changed).toMatchObject({ status: 200, body: { version: 2, schema: schema({ 'confluent:tags': ['PII'] }) } })
  const { id } = changed.body
  for (const path of ['/subjects/tagged/versions/2?findTags=X&findTags=PII', `/schemas/ids/${id}?findTags=*`])
    expect((await send('GET', path)).body.schemaTags).toEqual([entity])
  const request = { schema: schema(), schemaTagsToAdd: [entity] }
  expect((await send('POST', '/subjects/tagged-too/versions', request)).body).toMatchObject({
    version: 1,
    schema: schema({ 'confluent:tags': ['PII'] }),
  })
  expect((await send('POST', '/subjects/none/versions/1/tags', { tagsToAdd: [entity] })).body.error_code).toBe(40401)
})

describe('schemas', () => {
  test('by id, by GUID, and in lists', async () => {
    const { id, guid } = await body('POST', '/subjects/ids-a/versions', record('Ids', 'x'))
    await send('POST', '/subjects/ids-b/versions', record('Ids', 'x'))
    expect(await body('GET', `/schemas/ids/${id}`)).toEqual({
      guid,
      schemaType: 'AVRO',
      schema: record('Ids', 'x').schema,
      ts: expect.any(Number),
      deleted: false,
    })
    expect(await body('GET', `/schemas/ids/${id}?subject=ids-b&fetchMaxId=true`)).toMatchObject({
      subject: 'ids-b',
      version: 1,
      maxId: expect.any(Number),
    })
    expect(await body('GET', `/schemas/ids/${id}/schema`)).toEqual(JSON.parse(record('Ids', 'x').schema))
    expect(await body('GET', `/schemas/ids/${id}/subjects`)).toEqual(['ids-a', 'ids-b'])
    expect(await body('GET', `/schemas/guids/${guid}`)).toMatchObject({ guid, schema: record('Ids', 'x').schema })
    expect(await body('GET', `/schemas/guids/${guid}/ids`)).toEqual([{ context: '.', id }])
    expect(await body('GET', '/schemas?subjectPrefix=ids-')).toMatchObject([{ subject: 'ids-a' }, { subject: 'ids-b' }])
    expect(await body('GET', '/schemas?subjectPrefix=ids-&limit=1')).toHaveLength(1)
    expect(await body('GET', '/schemas/types')).toEqual(['JSON', 'PROTOBUF', 'AVRO'])
    expect(await error('GET', '/schemas/ids/99999')).toEqual([404, 40403, 'Schema 99999 not found'])
    expect(await error('GET', '/schemas/ids/99999/subjects')).toEqual([404, 40403, 'Schema not found'])
    expect(await error('GET', '/schemas/guids/nope')).toEqual([404, 40403, 'Schema nope not found'])
  })

  test('only the latest versions, or those that were deleted as well', async () => {
    await send('POST', '/subjects/list-a/versions', record('L', 'x'))
    await send('POST', '/subjects/list-a/versions?force=true', record('L', 'y'))
    await send('DELETE', '/subjects/list-a/versions/2')
    const versions = async (query: string) =>
      (await body('GET', `/schemas?subjectPrefix=list-${query}`)).map((one: { version: number }) => one.version)
    expect(await versions('')).toEqual([1])
    expect(await versions('&deleted=true')).toEqual([1, 2])
    expect(await versions('&deleted=true&latestOnly=true')).toEqual([2])
  })
})

describe('compatibility, config and mode', () => {
  test('a check says whether, and why not', async () => {
    await send('POST', '/subjects/check/versions', record('C', 'x'))
    const path = '/compatibility/subjects/check/versions'
    expect(await body('POST', path, record('C', 'x'))).toEqual({ is_compatible: true })
    expect(await body('POST', `${path}/1`, record('C', 'x', 'y'))).toEqual({ is_compatible: false })
    const { is_compatible, messages } = await body('POST', `${path}/latest?verbose=true`, record('C', 'x', 'y'))
    expect(is_compatible).toBe(false)
    expect(messages.at(-1)).toBe("{validateFields: 'false', compatibility: 'BACKWARD'}")
    expect(await error('POST', `${path}/7`, record('C', 'x'))).toEqual([404, 40402, 'Version 7 not found.'])
    expect(await body('POST', '/compatibility/subjects/none/versions/latest', record('C', 'x'))).toEqual({ is_compatible: true })
    expect((await error('POST', path, { schema: '{' }))?.[1]).toBe(42201)
  })

  test('the config of a subject', async () => {
    expect((await error('GET', '/config/conf'))?.[1]).toBe(40408)
    expect(await body('GET', '/config/conf?defaultToGlobal=true')).toEqual({ compatibilityLevel: 'BACKWARD' })
    expect(await body('PUT', '/config/conf', { compatibility: 'FULL', normalize: true })).toEqual({
      normalize: true,
      compatibility: 'FULL',
    })
    expect(await body('GET', '/config/conf')).toEqual({ normalize: true, compatibilityLevel: 'FULL' })
    expect(await body('DELETE', '/config/conf')).toEqual({ normalize: true, compatibilityLevel: 'FULL' })
    expect((await error('DELETE', '/config/conf'))?.[1]).toBe(40401)
  })

  test('the mode of a subject', async () => {
    expect(await body('PUT', '/mode/mod', { mode: 'READONLY' })).toEqual({ mode: 'READONLY' })
    expect((await error('POST', '/subjects/mod/versions', record('M', 'x')))?.slice(0, 2)).toEqual([422, 42205])
    expect(await body('DELETE', '/mode/mod')).toEqual({ mode: 'READONLY' })
    expect((await error('GET', '/mode/mod'))?.[1]).toBe(40409)
    expect(await body('GET', '/mode')).toEqual({ mode: 'READWRITE' })
  })

  test('an alias stands for another subject, in its context', async () => {
    await send('POST', '/subjects/real/versions', record('Real', 'x'))
    await send('PUT', '/config/alias', { alias: 'real' })
    expect(await body('GET', '/subjects/alias/versions/1')).toMatchObject({ subject: 'real' })
    expect(await body('GET', '/schemas?subjectPrefix=alias&aliases=true')).toMatchObject([{ subject: 'real', aliases: ['alias'] }])
  })
})

describe('contexts', () => {
  test('have subjects and ids of their own, and are named in paths or in subjects', async () => {
    const { id } = await body('POST', '/contexts/.c1/subjects/con/versions', record('Con', 'x'))
    expect(id).toBe(1)
    expect(await body('GET', '/subjects/:.c1:con/versions')).toEqual([1])
    expect(await body('GET', '/contexts/.c1/schemas/ids/1')).toMatchObject({ subject: ':.c1:con', version: 1 })
    expect(await body('GET', '/contexts/.c1/subjects')).toEqual([':.c1:con'])
    expect(await body('GET', '/contexts')).toContain('.c1')
    // A subject without a context is looked for in all of them.
    expect(await body('GET', '/subjects/con/versions/1')).toMatchObject({ subject: ':.c1:con' })
    expect(await body('POST', '/subjects/con', record('Con', 'x'))).toMatchObject({ subject: ':.c1:con' })
    expect(await body('GET', '/subjects?subjectPrefix=:*:con')).toEqual([':.c1:con'])
    await send('PUT', '/contexts/.c1/config', { compatibility: 'NONE' })
    expect(await body('GET', '/config/:.c1:con?defaultToGlobal=true')).toEqual({ compatibilityLevel: 'NONE' })
    expect(await error('DELETE', '/contexts/.c1')).toEqual([422, 42211, "The specified context ':.c1:' is not empty."])
    await send('DELETE', '/subjects/:.c1:con')
    await send('DELETE', '/subjects/:.c1:con?permanent=true')
    expect((await send('DELETE', '/contexts/.c1')).status).toBe(204)
    expect(await body('GET', '/contexts')).not.toContain('.c1')
  })
})

describe('the server', () => {
  test('says its version and its cluster, and has a page and metrics', async () => {
    expect(await body('GET', '/')).toEqual({})
    expect(await body('GET', '/v1/metadata/version')).toEqual({ version: '1.2.3', commitId: expect.any(String) })
    expect((await body('GET', '/v1/metadata/id')).scope.clusters).toEqual({
      'kafka-cluster': await registries.client.clusterId,
      'schema-registry-cluster': 'registry-api',
    })
    const document = await body('GET', '/docs/openapi.json')
    expect(Object.keys(document.paths)).toContain('/subjects/{subject}/versions/{version}')
    const metrics: string = await body('GET', '/metrics')
    for (const name of ['leader 1', 'subjects', 'versions', 'contexts', 'registered_total', 'deleted_total'])
      expect(metrics).toMatch(new RegExp(`^tributary_registry_${name}`, 'm'))
  })

  test('refuses pages of other origins', async () => {
    expect((await send('GET', '/subjects', undefined, { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' })).status).toBe(403)
  })

  test('refuses bodies over the limit that is set', async () => {
    const small = await registries.start({
      ...ownRegistry('limit'),
      'size.limit.filter.enabled': 'true',
      'size.limit.filter.max.request.body.size': '200',
    })
    expect((await small.send('POST', '/subjects/a/versions', record('Long'.repeat(50), 'x'))).body.error_code).toBe(413)
    expect((await small.send('POST', '/subjects/a/versions', record('S', 'x'))).status).toBe(200)
    await small.close()
  })

  test('asks for a login with authentication.method=BASIC, and forwards it to the leader', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-registry-'))
    const users = join(folder, 'users.properties')
    const jaas = join(folder, 'jaas.conf')
    writeFileSync(users, 'ann: secret,admin\nbob: secret,guest\n')
    writeFileSync(jaas, `SchemaRegistry-Props { org.eclipse.jetty.jaas.spi.PropertyFileLoginModule required file="${users}"; };`)
    const settings = {
      ...ownRegistry('login'),
      'authentication.method': 'BASIC',
      'authentication.realm': 'SchemaRegistry-Props',
      'authentication.roles': 'admin,developer',
      'authentication.skip.paths': '/metrics',
    }
    const system = { 'java.security.auth.login.config': jaas }
    const instances = [await registries.start(settings, system), await registries.start(settings, system)]
    const as = (user: string, password: string) => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` })
    for (const one of instances) {
      expect((await one.send('GET', '/subjects')).body).toEqual({ error_code: 401, message: 'Unauthorized' })
      expect((await one.send('GET', '/subjects', undefined, as('ann', 'wrong'))).status).toBe(401)
      // Without one of the roles.
      expect((await one.send('GET', '/subjects', undefined, as('bob', 'secret'))).status).toBe(401)
      expect((await one.send('GET', '/metrics')).status).toBe(200)
      const subject = `s${instances.indexOf(one)}`
      expect((await one.send('POST', `/subjects/${subject}/versions`, record('A', subject), as('ann', 'secret'))).status).toBe(200)
    }
    expect((await instances[0]!.send('GET', '/subjects', undefined, as('ann', 'secret'))).body).toEqual(['s0', 's1'])
    await Promise.all(instances.map((one) => one.close()))
    rmSync(folder, { recursive: true })
  })
})
