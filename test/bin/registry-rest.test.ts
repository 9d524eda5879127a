/**
 * Goal: instances of the registry whose listeners have TLS forward writes to their leader over it, with certificates that they check;
 * clients without a certificate are refused where one is required. Method: two instances in this process, an authority of the test,
 * requests of node:https.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { selfSigned } from '../certificates.ts'
import { ownRegistry, type RegistriesInProcess, registriesInProcess } from '../registry-in-process.ts'
import { until } from '../until.ts'

const folder = mkdtempSync(join(tmpdir(), 'tributary-registry-'))
const authority = selfSigned({ subject: 'Test CA' })
const own = authority.issue({ subject: 'registry', names: ['127.0.0.1'] })
let registries: RegistriesInProcess
beforeAll(async () => {
  registries = await registriesInProcess()
  writeFileSync(join(folder, 'registry.pem'), own.key + own.certificate)
  writeFileSync(join(folder, 'ca.pem'), authority.certificate)
})
afterAll(async () => {
  await registries.stop()
  rmSync(folder, { recursive: true })
})

const tls = () => ({
  listeners: 'https://127.0.0.1:0',
  'inter.instance.protocol': 'https',
  'ssl.keystore.type': 'PEM',
  'ssl.keystore.location': join(folder, 'registry.pem'),
  'ssl.truststore.type': 'PEM',
  'ssl.truststore.location': join(folder, 'ca.pem'),
  'ssl.client.auth': 'required',
})

/** The status and the body. */
function register(url: string, subject: string, client: object): Promise<[number, { id?: number; error_code?: number; message?: string }]> {
  const headers = { 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/subjects/${subject}/versions`, {
      method: 'POST',
      headers,
      agent: false,
      ca: authority.certificate,
      ...client,
    })
    sent.once('error', reject).once('response', (response) => {
      let text = ''
      response.on('data', (part) => (text += part)).once('end', () => resolve([response.statusCode!, JSON.parse(text)]))
    })
    sent.end(JSON.stringify({ schema: JSON.stringify({ type: 'record', name: subject, fields: [] }) }))
  })
}

test('writes go to the leader over TLS, with a certificate', async () => {
  const settings = { ...ownRegistry('tls'), ...tls() }
  const instances = [await registries.start(settings), await registries.start(settings)]
  await until(() => instances.some(({ registry }) => registry.leads), 'one instance leads')
  const client = { key: own.key, cert: own.certificate }
  expect(await Promise.all(instances.map(({ url }, index) => register(url, `s${index}`, client)))).toEqual([
    [200, expect.objectContaining({ version: 1 })],
    [200, expect.objectContaining({ version: 1 })],
  ])
  await expect(register(instances[0]!.url, 'none', {})).rejects.toThrow()
  await Promise.all(instances.map((instance) => instance.close()))
})

test('a leader that cannot be trusted: the error says so, without its address for strangers', async () => {
  const settings = { ...ownRegistry('untrusted'), ...tls() }
  const stranger = selfSigned({ subject: 'Another CA' })
  const leader = await registries.start({ ...settings, 'ssl.client.auth': 'none' })
  writeFileSync(join(folder, 'stranger.pem'), stranger.certificate)
  const follower = await registries.start({
    ...settings,
    'leader.eligibility': 'false',
    'ssl.client.auth': 'none',
    'ssl.truststore.location': join(folder, 'stranger.pem'),
  })
  const [status, body] = await register(follower.url, 'a', {})
  expect([status, body]).toEqual([500, { error_code: 50003, message: 'Error while forwarding register schema request to the leader' }])
  expect(JSON.stringify(follower.lines.map(({ details }) => String((details as { err?: Error }).err)))).toContain('not trusted')
  await Promise.all([leader.close(), follower.close()])
})
