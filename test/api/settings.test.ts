/**
 * Goal: Kafka Connect's REST settings have Kafka Connect's meaning, and a wrong one gets a message that says how to write it. Method: the
 * parser alone, and headers by `inject`.
 */
import { expect, test } from 'vitest'
import { parseHeaderRules } from '../../api/hooks/response-headers.ts'
import { buildServer } from '../../api/index.ts'
import { parseRestSettings } from '../../api/settings.ts'
import { MemoryHerder, testSystem } from './fake-services.ts'

test.each([
  [{}, [{ protocol: 'http', host: '', port: 8083 }]],
  [
    { listeners: 'http://127.0.0.1:1, HTTPS://[::1]:2,http://:0,https://0.0.0.0:3/' },
    [
      { protocol: 'http', host: '127.0.0.1', port: 1 },
      { protocol: 'https', host: '::1', port: 2 },
      { protocol: 'http', host: '', port: 0 },
      { protocol: 'https', host: '', port: 3 },
    ],
  ],
  [{ listeners: '' }, []],
  [{ 'rest.port': '8090' }, [{ protocol: 'http', host: '', port: 8090 }]],
  [{ 'rest.host.name': 'localhost' }, [{ protocol: 'http', host: 'localhost', port: 8083 }]],
  [{ 'rest.port': '8090', listeners: 'http://:1' }, [{ protocol: 'http', host: '', port: 1 }]],
] as const)('%j listens on %j', (properties, listeners) => {
  expect(parseRestSettings(properties as Record<string, string>).listeners).toEqual(listeners)
})

test('admin.listeners: not set, set, empty', () => {
  expect(parseRestSettings({}).adminListeners).toBeNull()
  expect(parseRestSettings({ 'admin.listeners': '' }).adminListeners).toEqual([])
  expect(parseRestSettings({ 'admin.listeners': 'http://127.0.0.1:9' }).adminListeners).toEqual([
    { protocol: 'http', host: '127.0.0.1', port: 9 },
  ])
})

test.each([
  ['http://:1', {}, 'http'],
  ['https://:1', {}, 'https'],
  ['https://:1,http://:2', {}, 'http'],
  ['https://:1,http://:2', { 'rest.advertised.listener': 'HTTPS' }, 'https'],
  ['http://:1', { 'rest.advertised.listener': 'https' }, 'https'],
])('listeners=%s with %j advertise %s', (listeners, more, protocol) => {
  expect(parseRestSettings({ listeners, ...more }).advertisedProtocol).toBe(protocol)
})

test('settings of TLS: those with the prefix of the listeners, all together, else those without', () => {
  const tlsOf = (properties: Record<string, string>) => {
    const { tls, adminTls } = parseRestSettings(properties)
    return [tls['ssl.keystore.location'], tls['ssl.client.auth'], adminTls['ssl.keystore.location']]
  }
  const own = { 'ssl.keystore.location': 'a', 'ssl.client.auth': 'required' }
  expect(tlsOf(own)).toEqual(['a', 'required', 'a'])
  expect(tlsOf({ ...own, 'listeners.https.ssl.keystore.location': 'b' })).toEqual(['b', undefined, 'a'])
  expect(tlsOf({ ...own, 'admin.listeners.https.ssl.keystore.location': 'c' })).toEqual(['a', 'required', 'c'])
})

const extension = 'org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension'

test.each([
  ['', false],
  [extension, true],
  ['BasicAuthSecurityRestExtension', true],
])('rest.extension.classes=%s asks for a login: %s', (classes, asksForLogin) => {
  expect(parseRestSettings({ 'rest.extension.classes': classes }).asksForLogin).toBe(asksForLogin)
})

test.each([
  [{ listeners: '127.0.0.1:8083' }, 'listeners: write it as http://host:port'],
  [{ listeners: 'http://x:99999' }, 'listeners'],
  [{ listeners: 'ftp://:8443' }, 'or https://host:port'],
  [{ 'rest.port': 'x' }, 'rest.port'],
  [{ 'rest.advertised.listener': 'ftp' }, 'rest.advertised.listener'],
  [{ 'rest.extension.classes': 'com.example.Extension' }, 'com.example.Extension does not exist here'],
  [{ 'rest.extension.classes': `${extension},com.example.Extension` }, 'com.example.Extension does not exist here'],
  [{ 'access.control.allow.anonymous': '/health,/connectors' }, '/connectors cannot be opened'],
  [{ 'access.control.allow.hosts': 'a.example, https://b.example' }, 'https://b.example is not a host name'],
  [{ 'response.http.headers.config': 'X-A: b' }, 'response.http.headers.config'],
  [{ 'response.http.headers.config': 'setDate Expires: soon' }, 'milliseconds'],
])('%j is refused and says: %s', (properties, message) => {
  expect(() => parseRestSettings(properties as unknown as Record<string, string>)).toThrow(message)
})

test('headers of every response', async () => {
  const headers = parseHeaderRules('set X-Frame-Options: DENY, "add Cache-Control: no-cache, no-store", setDate Expires: 0')
  expect(headers.map(({ action }) => action)).toEqual(['set', 'add', 'setDate'])
  const app = buildServer({ worker: new MemoryHerder(), system: testSystem(), version: '1', headers })
  for (const path of ['/connectors', '/nope']) {
    const answer = await app.inject(path)
    expect(answer.headers).toMatchObject({
      'x-frame-options': 'DENY',
      'cache-control': 'no-cache, no-store',
      expires: expect.stringContaining('GMT'),
    })
  }
  await app.close()
})

test.each([
  ['', false],
  ['http://127.0.0.1:8083', true],
  ['http://localhost:8083,http://[::1]:8084', true],
  ['http://:8083', false],
  ['http://0.0.0.0:8083', false],
  ['http://127.0.0.1:8083,http://10.0.0.1:8083', false],
])('listeners=%s are on loopback only: %s', (listeners, loopbackOnly) => {
  expect(parseRestSettings(listeners === '' ? {} : { listeners }).loopbackOnly).toBe(loopbackOnly)
})
