/**
 * Goal: delegation tokens are changes of the metadata log: they survive restarts and crashes, expired ones are removed, and their HMAC is
 * Kafka's. Method: real brokers on a temporary folder.
 */
import { createHmac } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { RunningBroker } from '../../../core/index.ts'
import { startBroker } from '../../../core/index.ts'
import { readBrokerSettings } from '../../../core/settings.ts'
import { formatStorage } from '../../../core/storage/format.ts'
import { realSystem } from '../../../core/system/index.ts'
import { until } from '../../until.ts'

const SECRET_KEY = 'schlüssel'
const HOUR_MS = 3_600_000
const UNKNOWN = Buffer.alloc(64)
const lines: string[] = []
const logger = { ...realSystem('silent').logger }
for (const level of ['error', 'warn', 'info', 'debug'] as const)
  logger[level] = (details: object, message: string) => void lines.push(`${message} ${JSON.stringify(details)}`)
logger.child = () => logger

let root: string
const running: RunningBroker[] = []
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tributary-tokens-'))
  lines.length = 0
})
afterEach(async () => {
  for (const broker of running.splice(0)) await broker.close()
  rmSync(root, { recursive: true, force: true })
})

const propertiesOf = (over: Record<string, string> = {}, folder = 'data') => ({
  listeners: 'PLAINTEXT://127.0.0.1:0',
  'log.dirs': join(root, folder),
  'delegation.token.secret.key': SECRET_KEY,
  ...over,
})
async function start(over: Record<string, string> = {}, folder = 'data') {
  const broker = await startBroker(propertiesOf(over, folder), { ...realSystem('silent'), logger })
  running.push(broker)
  return { broker, tokens: broker.cluster.delegationTokens }
}
async function stop(broker: RunningBroker): Promise<void> {
  running.splice(running.indexOf(broker), 1)
  await broker.close()
}

const ofAlice = { owner: 'User:alice', requester: 'User:alice', renewers: ['User:bob'], maxLifetimeMs: -1 }

test('the HMAC of a token is that of Kafka: SHA-512 of its id with the secret key', async () => {
  const { tokens } = await start()
  const { tokenId } = await tokens.create(ofAlice)
  expect(tokenId).toMatch(/^[\w-]{22}$/)
  expect(tokens.hmacOf(tokenId)).toEqual(createHmac('sha512', SECRET_KEY).update(tokenId).digest())
})

test('what is done is found after a restart, and after a crash: from the log and from a snapshot', async () => {
  const { broker, tokens } = await start({ 'metadata.log.max.record.bytes.between.snapshots': '2000' })
  const [kept, renewed, shortened, removed] = [
    await tokens.create(ofAlice),
    await tokens.create({ ...ofAlice, owner: 'User:a:b' }),
    await tokens.create(ofAlice),
    await tokens.create(ofAlice),
  ]
  const hmacOf = ({ tokenId }: { tokenId: string }) => tokens.hmacOf(tokenId)
  const renewedTo = await tokens.renew(hmacOf(renewed!), 'User:bob', HOUR_MS)
  const shortenedTo = await tokens.expire(hmacOf(shortened!), 'User:alice', HOUR_MS)
  await tokens.expire(hmacOf(removed!), 'User:bob', -1)
  for (let index = 0; index < 30; index++) await tokens.create({ ...ofAlice, owner: `User:u${index}` })
  const before = new Map([...tokens.all()].map((token) => [token.tokenId, token]))
  expect(before.get(kept!.tokenId)).toEqual(kept)
  expect(before.get(renewed!.tokenId)).toEqual({ ...renewed, expirationTimestamp: renewedTo })
  expect(before.get(shortened!.tokenId)).toEqual({ ...shortened, expirationTimestamp: shortenedTo })
  expect(before.has(removed!.tokenId)).toBe(false)
  await expect(tokens.renew(hmacOf(removed!), 'User:alice', -1)).rejects.toThrow('not found')

  cpSync(join(root, 'data'), join(root, 'crashed'), { recursive: true, filter: (path) => !path.endsWith('.lock') })
  await stop(broker)
  for (const folder of ['data', 'crashed']) {
    const again = (await start({}, folder)).tokens
    expect(new Map([...again.all()].map((token) => [token.tokenId, token]))).toEqual(before)
    expect(await again.renew(hmacOf(kept!), 'User:bob', HOUR_MS)).toBeLessThan(kept!.expirationTimestamp)
    await expect(again.renew(UNKNOWN, 'User:bob', HOUR_MS)).rejects.toThrow('not found')
  }
})

test('delegation.token.expiry.check.interval.ms: expired tokens are removed, also those of the last run', async () => {
  const lifetimes = { 'delegation.token.max.lifetime.ms': '300', 'delegation.token.expiry.time.ms': '200' }
  const first = await start(lifetimes)
  const old = await first.tokens.create(ofAlice)
  await stop(first.broker)
  const { tokens } = await start({ 'delegation.token.expiry.check.interval.ms': '20' })
  const kept = await tokens.create(ofAlice)
  const short = await tokens.create({ ...ofAlice, maxLifetimeMs: 1 })
  await until(() => [...tokens.all()].length === 1, 'the others are removed')
  expect(tokens.byId(kept.tokenId)).toEqual(kept)
  const hmac = tokens.hmacOf(short.tokenId)
  await expect(tokens.expire(hmac, 'User:alice', -1)).rejects.toThrow('not found')
  const removed = lines.filter((line) => line.startsWith('a delegation token has expired'))
  expect(removed.join()).toContain(old.tokenId)
  expect(removed.join()).toContain(short.tokenId)
  // The key and the HMACs are nowhere.
  for (const secret of [SECRET_KEY, hmac.toString('base64'), hmac.toString('hex')]) expect(lines.join('\n')).not.toContain(secret)
})

test('lifetimes of Long.MAX_VALUE are what they were after a restart', async () => {
  const forever = '9223372036854775807'
  const lifetimes = {
    'delegation.token.max.lifetime.ms': forever,
    'delegation.token.expiry.time.ms': forever,
    'delegation.token.expiry.check.interval.ms': forever,
  }
  const { broker, tokens } = await start(lifetimes)
  const token = await tokens.create(ofAlice)
  expect(token.maxTimestamp).toBe(2 ** 63)
  await stop(broker)
  expect((await start(lifetimes)).tokens.byId(token.tokenId)).toEqual(token)
})

test.each([null, ''])('without a secret key (%j) nothing is changed', async (key) => {
  const { 'delegation.token.secret.key': _, ...without } = propertiesOf()
  const given = key === null ? without : { ...without, 'delegation.token.secret.key': key }
  const broker = await startBroker(given, { ...realSystem('silent'), logger })
  running.push(broker)
  const { delegationTokens: tokens } = broker.cluster
  expect(tokens.isEnabled).toBe(false)
  for (const change of [tokens.create(ofAlice), tokens.renew(UNKNOWN, 'User:alice', -1), tokens.expire(UNKNOWN, 'User:alice', -1)])
    await expect(change).rejects.toMatchObject({ error: 'DELEGATION_TOKEN_AUTH_DISABLED' })
})

test('before metadata.version 3.6-IV2 there are none', async () => {
  const settings = readBrokerSettings({ ...propertiesOf(), 'process.roles': 'broker,controller', 'node.id': '1' })
  const clusterId = 'AAAAAAAAAAAAAAAAAAAAAQ'
  await formatStorage(settings, { clusterId, releaseVersion: '3.5-IV2', standalone: true }, realSystem('silent'), () => {})
  const { tokens } = await start({ 'process.roles': 'broker,controller', 'node.id': '1' })
  for (const change of [tokens.create(ofAlice), tokens.renew(UNKNOWN, 'User:alice', -1), tokens.expire(UNKNOWN, 'User:alice', -1)])
    await expect(change).rejects.toMatchObject({ error: 'UNSUPPORTED_VERSION' })
})

test.each(['delegation.token.max.lifetime.ms', 'delegation.token.expiry.time.ms', 'delegation.token.expiry.check.interval.ms'])(
  '%s must be at least 1',
  (name) => {
    expect(() => readBrokerSettings(propertiesOf({ [name]: '0' }))).toThrow(`for configuration ${name}: Value must be at least 1`)
  },
)
