/**
 * Goal: the client of the schema registry reaches it by any of its URLs, repeats what may pass, says who it is in every way that
 * Confluent's can, and its errors have the registry's words and no secrets. Method: registries of the test that fail and refuse as they
 * are told.
 */
import { createServer, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { RegistryClient } from '../../../connect/schema-registry/registry-client.ts'
import { clientSettings } from '../../../connect/schema-registry/registry-settings.ts'
import { parseSettings, Retriable } from '../../../connect/sdk/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { selfSigned } from '../../certificates.ts'
import { SchemaRegistryDouble } from '../../schema-registry-double.ts'

const started: SchemaRegistryDouble[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((registry) => registry.stop()))
})
async function start(tls?: { key: string; cert: string; requestCert?: boolean; ca?: string }): Promise<SchemaRegistryDouble> {
  const registry = await SchemaRegistryDouble.start(tls)
  started.push(registry)
  return registry
}

function client(url: string, config: Record<string, string> = {}): RegistryClient {
  const raw = { 'schema.registry.url': url, 'retries.wait.ms': '1', 'retries.max.wait.ms': '2', ...config }
  return new RegistryClient(parseSettings(clientSettings, raw), raw, realSystem('silent'))
}
const schema = { schema: '"string"', references: [] }
const register = (of: RegistryClient) => of.register('t-value', schema, 'AVRO', false)

test('a schema is registered, found by id, GUID, subject and as the latest one', async () => {
  const registry = await start()
  const own = client(registry.url)
  const { id, guid } = await register(own)
  expect(await own.byId(id!, 't-value')).toMatchObject({ schema: '"string"', format: 'AVRO', id })
  expect(await own.byGuid(guid!)).toMatchObject({ schema: '"string"' })
  expect(await own.lookUp('t-value', schema, 'AVRO', false)).toMatchObject({ id, version: 1 })
  expect(await own.byVersion('t-value', 'latest')).toMatchObject({ id, version: 1 })
  expect(await own.latestWithMetadata('t-value', 'k', 'v')).toMatchObject({ id, version: 1 })
  expect(registry.requests[0]).toMatchObject({ path: '/subjects/t-value/versions?normalize=false' })
})

test('subjects with any characters, and a registry below a path', async () => {
  const registry = await start()
  await client(`${registry.url}/base`)
    .register('a/b ?&-value', schema, 'AVRO', true)
    .catch(() => {})
  expect(registry.requests[0]!.path).toBe('/base/subjects/a%2Fb%20%3F%26-value/versions?normalize=true')
})

describe('a registry that fails', () => {
  test('another URL is used, and stays in use', async () => {
    const [first, second] = [await start(), await start()]
    const own = client(`${first.url},${second.url}`)
    first.intercept = () => ({ status: 503, body: { error_code: 50003, message: 'busy' } })
    await register(own)
    await register(own)
    expect([first.requests.length, second.requests.length]).toEqual([1, 2])
  })

  test('requests are repeated as often as max.retries says; then it is Retriable', async () => {
    const registry = await start()
    registry.intercept = () => ({ status: 500, body: { error_code: 50001, message: 'Error in the backend data store' } })
    const error = await register(client(registry.url, { 'max.retries': '2' })).catch((failure: Error) => failure)
    expect(error).toBeInstanceOf(Retriable)
    expect((error as Error).message).toContain('Error in the backend data store; error code: 50001')
    expect(registry.requests).toHaveLength(3)
  })

  test('one that is not there is Retriable, with its address and without its password', async () => {
    const registry = await start()
    const { url } = registry
    await registry.stop()
    started.pop()
    const error = await register(client(url.replace('http://', 'http://ann:s3cret@'), { 'max.retries': '0' })).catch(
      (failure: Error) => failure,
    )
    expect(error).toBeInstanceOf(Retriable)
    expect(String(error)).toContain(`the schema registry ${url} could not be used: ECONNREFUSED; check schema.registry.url`)
    expect(String((error as Error).cause)).not.toContain('s3cret')
  })

  test('one that does not respond, and one that responds without end', async () => {
    const registry = await start()
    registry.intercept = () => new Promise(() => {})
    const slow = client(registry.url, { 'max.retries': '0', 'http.connect.timeout.ms': '20', 'http.read.timeout.ms': '20' })
    await expect(register(slow)).rejects.toThrow(/no response within 40 ms/)
    registry.intercept = () => ({ status: 200, body: { schema: 'x'.repeat(17 * 1024 * 1024), id: 1 } })
    await expect(register(client(registry.url, { 'max.retries': '0' }))).rejects.toThrow(/longer than 16777216 bytes/)
  })

  test('another server at its address: what has no error is Retriable, what has one names the URL', async () => {
    const registry = await start()
    registry.intercept = () => ({ status: 200, body: null })
    const own = client(registry.url, { 'max.retries': '0' })
    const passing = await register(own).catch((failure: Error) => failure)
    expect(passing).toBeInstanceOf(Retriable)
    expect((passing as Error).message).toContain('it responded with 200, but not as a schema registry')
    registry.intercept = () => ({ status: 404, body: '<html>' })
    await expect(register(own)).rejects.toThrow(`${registry.url} responded with 404, but not as a schema registry: check the URL`)
  })

  test('references that have no name, and ids that are no whole numbers, are not taken', async () => {
    const registry = await start()
    const own = client(registry.url, { 'max.retries': '0' })
    registry.intercept = () => ({ status: 200, body: { id: 1.5 } })
    expect(await register(own)).toMatchObject({ id: null })
    registry.intercept = () => ({ status: 200, body: { schema: '"int"', references: [null] } })
    await expect(own.byId(1, null)).rejects.toThrow(/references without name, subject and version/)
  })

  test('a refusal is final, with its words', async () => {
    const registry = await start()
    const message = 'Schema being registered is incompatible with an earlier schema for subject "t-value"'
    registry.intercept = () => ({ status: 409, body: { error_code: 409, message } })
    const error = await register(client(registry.url)).catch((failure: Error) => failure)
    expect(error).toMatchObject({ name: 'RestClientException', message: `${message}; error code: 409`, status: 409 })
    expect(registry.requests).toHaveLength(1)
  })
})

describe('who asks', () => {
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  test.each([
    ['nobody', {}, undefined],
    ['USER_INFO', { 'basic.auth.credentials.source': 'USER_INFO', 'basic.auth.user.info': 'ann:a:b' }, basic('ann:a:b')],
    [
      'the older name of the setting',
      { 'basic.auth.credentials.source': 'USER_INFO', 'schema.registry.basic.auth.user.info': 'ann:x' },
      basic('ann:x'),
    ],
    [
      'SASL_INHERIT',
      {
        'basic.auth.credentials.source': 'SASL_INHERIT',
        'sasl.jaas.config': 'org.apache.kafka.common.security.plain.PlainLoginModule required username="ann" password="y";',
      },
      basic('ann:y'),
    ],
    ['a token', { 'bearer.auth.credentials.source': 'STATIC_TOKEN', 'bearer.auth.token': 'abc' }, 'Bearer abc'],
    ['a header', { 'request.header.Authorization': 'Bearer own' }, 'Bearer own'],
  ])('%s', async (_name, config, expected) => {
    const registry = await start()
    await register(client(registry.url, config as Record<string, string>))
    expect(registry.requests[0]!.headers.authorization).toBe(expected)
  })

  test('user and password of the URL', async () => {
    const registry = await start()
    await register(client(registry.url.replace('http://', 'http://ann:p%40ss@')))
    expect(registry.requests[0]!.headers.authorization).toBe(basic('ann:p@ss'))
  })

  test('a token of an OAuth provider, which is asked for once', async () => {
    const registry = await start()
    const provider = await start()
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const exp = Math.floor(Date.now() / 1000) + 3600
    const token = `${part({ alg: 'none' })}.${part({ sub: 'connect', exp, iat: exp - 3600 })}.x`
    provider.intercept = () => ({ status: 200, body: { access_token: token } })
    const own = client(registry.url, {
      'bearer.auth.credentials.source': 'OAUTHBEARER',
      'bearer.auth.issuer.endpoint.url': `${provider.url}/token`,
      'bearer.auth.client.id': 'connect',
      'bearer.auth.client.secret': 'secret',
      'bearer.auth.scope': 'registry',
      'bearer.auth.logical.cluster': 'lsrc-1',
      'bearer.auth.identity.pool.id': 'pool-1',
    })
    await register(own)
    await register(own)
    expect(provider.requests).toHaveLength(1)
    expect(provider.requests[0]!.headers.authorization).toBe(basic('connect:secret'))
    expect(registry.requests[1]!.headers).toMatchObject({
      authorization: `Bearer ${token}`,
      'target-sr-cluster': 'lsrc-1',
      'confluent-identity-pool-id': 'pool-1',
    })
  })

  test.each([
    [{ 'basic.auth.credentials.source': 'USER_INFO', 'basic.auth.user.info': 'ann' }, /user:password/],
    [{ 'basic.auth.credentials.source': 'SASL_INHERIT' }, /sasl\.jaas\.config must have/],
    [{ 'bearer.auth.credentials.source': 'OAUTHBEARER' }, /bearer\.auth\.issuer\.endpoint\.url must be/],
    [{ 'schema.registry.url': 'ftp://x' }, /http or https/],
    [{ 'schema.registry.url': '' }, /at least one URL/],
  ])('%j is refused', (config, message) => {
    expect(() => client('http://127.0.0.1:1', config as unknown as Record<string, string>)).toThrow(message)
  })
})

describe('by https', () => {
  const authority = selfSigned({ subject: 'authority' })
  const server = authority.issue({ subject: 'registry', names: ['127.0.0.1'] })
  const other = authority.issue({ subject: 'registry', names: ['registry.example.com'] })
  const trust = { 'schema.registry.ssl.truststore.type': 'PEM', 'schema.registry.ssl.truststore.certificates': authority.certificate }

  test('with the trust store of schema.registry.ssl, and a certificate of its own', async () => {
    const registry = await start({ key: server.key, cert: server.certificate, requestCert: true, ca: authority.certificate })
    const own = authority.issue({ subject: 'connect' })
    const keys = {
      'schema.registry.ssl.keystore.type': 'PEM',
      'schema.registry.ssl.keystore.key': own.key,
      'schema.registry.ssl.keystore.certificate.chain': own.certificate,
    }
    expect(await register(client(registry.url, { ...trust, ...keys }))).toMatchObject({ id: 1 })
    await expect(register(client(registry.url, { ...trust, 'max.retries': '0' }))).rejects.toBeInstanceOf(Retriable)
  })

  test('a registry that nobody trusts, or that has another name', async () => {
    const registry = await start({ key: server.key, cert: server.certificate })
    await expect(register(client(registry.url, { 'max.retries': '0' }))).rejects.toThrow(/could not be used: .*(UNABLE|SELF_SIGNED)/)
    const renamed = await start({ key: other.key, cert: other.certificate })
    await expect(register(client(renamed.url, { ...trust, 'max.retries': '0' }))).rejects.toThrow(/ERR_TLS_CERT_ALTNAME_INVALID/)
    const unchecked = { ...trust, 'schema.registry.ssl.endpoint.identification.algorithm': '' }
    expect(await register(client(renamed.url, unchecked))).toMatchObject({ id: 1 })
  })
})

describe('by a proxy', () => {
  /** A proxy that forwards requests, and opens tunnels; it keeps what it was asked for. */
  async function proxy() {
    const asked: string[] = []
    const server = createServer((incoming, outgoing) => {
      asked.push(`${incoming.method} ${incoming.url}`)
      const { method = 'GET', headers } = incoming
      incoming.pipe(request(incoming.url!, { method, headers }, (response) => response.pipe(outgoing.writeHead(response.statusCode!))))
    })
    server.on('connect', ({ url }, socket) => {
      asked.push(`CONNECT ${url}`)
      const [host, port] = url!.split(':')
      const target = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.pipe(target).pipe(socket)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    return {
      asked,
      settings: { 'proxy.host': '127.0.0.1', 'proxy.port': String(port) },
      stop: () => server.close().closeAllConnections(),
    }
  }

  test('requests go through it, and those by https through a tunnel', async () => {
    const { asked, settings, stop } = await proxy()
    const plain = await start()
    await register(client(plain.url, settings))
    const authority = selfSigned({ subject: 'authority' })
    const server = authority.issue({ subject: 'registry', names: ['127.0.0.1'] })
    const secure = await start({ key: server.key, cert: server.certificate })
    const trust = { 'schema.registry.ssl.truststore.type': 'PEM', 'schema.registry.ssl.truststore.certificates': authority.certificate }
    await register(client(secure.url, { ...settings, ...trust }))
    expect(asked).toEqual([`POST ${plain.url}/subjects/t-value/versions?normalize=false`, `CONNECT ${new URL(secure.url).host}`])
    expect([plain.requests.length, secure.requests.length]).toEqual([1, 1])
    stop()
  })

  test('a host without a port is refused', () => {
    expect(() => client('http://127.0.0.1:1', { 'proxy.host': 'proxy' })).toThrow('proxy.host and proxy.port are set together')
  })
})
