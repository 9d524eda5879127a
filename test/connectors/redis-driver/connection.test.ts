/**
 * Goal: connections to a server, over TLS, to a cluster and to the master of sentinels; what they fail at is a sentence with the setting to
 * change, or passes and is retriable. Method: real servers with passwords, ACL users, certificates, and a failover.
 */
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { RedisConnection } from '../../../connectors/redis-driver/connection.ts'
import {
  checkRedisConnection,
  redisConnectionOptions,
  redisConnectionSettings,
} from '../../../connectors/redis-driver/connection-settings.ts'
import { checkRedis } from '../../../connectors/redis-driver/system-check.ts'
import { selfSigned } from '../../certificates.ts'
import { freePort } from '../../running-broker.ts'
import { type RedisServerOptions, startRedisServer } from '../../services/redis.ts'
import { startRedisCluster, startRedisSentinel } from '../../services/redis-topologies.ts'
import { until } from '../../until.ts'

const parsed = (config: Record<string, string>) => parseSettings(redisConnectionSettings, config)
const optionsOf = (config: Record<string, string>) => redisConnectionOptions(parsed(config))

function connectionOf(config: Record<string, string>): RedisConnection {
  const connection = new RedisConnection(optionsOf(config), { connector: 'my orders', task: 3 })
  onTestFinished(() => connection.close())
  return connection
}
async function serverWith(options: RedisServerOptions) {
  const server = await startRedisServer(options)
  onTestFinished(() => server.stop())
  return server
}
const set = (config: Record<string, string>, key = 'a') => connectionOf(config).run((client) => client.set(key, 'b'))
/** The problems of a config that is validated. */
const problemsOf = (config: Record<string, string>) => checkRedis(optionsOf(config), 'x', new AbortController().signal, async () => [])

test('passwords and ACL users: what is refused, and at which setting', async () => {
  const server = await serverWith({
    lines: () => ['requirepass secret', 'user bob on >bobs ~orders:* +@all', 'user pinger on >p ~* +set'],
    client: { password: 'secret' },
  })
  const uri = `127.0.0.1:${server.port}`
  expect(await set({ 'redis.uri': `redis://:secret@${uri}` })).toBe('OK')
  expect(await set({ 'redis.uri': `redis://${uri}`, 'redis.username': 'bob', 'redis.password': 'bobs' }, 'orders:1')).toBe('OK')
  // A user without the rights to PING and CLIENT.
  expect(await set({ 'redis.uri': `redis://pinger:p@${uri}` })).toBe('OK')
  await expect(set({ 'redis.uri': `redis://bob:bobs@${uri}` })).rejects.toThrow(/^Redis refuses the command: NOPERM .* with ACL SETUSER\.$/)
  expect(await problemsOf({ 'redis.uri': `redis://:wrong@${uri}` })).toEqual([
    {
      setting: 'redis.uri',
      why: expect.stringMatching(/refuses the login: WRONGPASS .*Check the user and the password in redis\.uri\.$/),
    },
  ])
  expect(await problemsOf({ 'redis.uri': `redis://${uri}`, 'redis.password': 'wrong' })).toEqual([
    { setting: 'redis.password', why: expect.stringMatching(/WRONGPASS .*Check redis\.username and redis\.password\.$/) },
  ])
  expect(await problemsOf({ 'redis.uri': `redis://${uri}` })).toEqual([
    { setting: 'redis.password', why: expect.stringContaining('Set redis.password, and redis.username for an ACL user.') },
  ])
  expect(await problemsOf({ 'redis.uri': `redis://:secret@${uri}/99` })).toEqual([
    { setting: 'redis.uri', why: expect.stringContaining('has no database 99') },
  ])
  expect(await problemsOf({ 'redis.uri': `redis://:secret@${uri}/1`, 'redis.database': '99' })).toEqual([
    { setting: 'redis.database', why: expect.stringContaining('has no database 99') },
  ])
  expect(await problemsOf({ 'redis.uri': 'redis://no-such-host.invalid' })).toEqual([
    { setting: 'redis.uri', why: expect.stringContaining('The host of Redis is unknown (no-such-host.invalid:6379)') },
  ])
  await expect(problemsOf({ 'redis.host': '127.0.0.1', 'redis.port': String(await freePort()) })).rejects.toThrow(
    /cannot be reached: connect ECONNREFUSED/,
  )
  expect(await problemsOf({ 'redis.hosts': uri, 'redis.sentinel.master': 'm', 'redis.sentinel.password': 'secret' })).toEqual([
    { setting: 'redis.hosts', why: expect.stringContaining('this is no sentinel. Name the sentinels') },
  ])
  await expect(problemsOf({ 'redis.uri': `redis://:secret@${uri}`, 'redis.cluster': 'true' })).resolves.toEqual([
    { setting: 'redis.cluster', why: expect.stringContaining('is no cluster: set redis.cluster=false') },
  ])
})

test('the name of a connection has those of the connector and the task', async () => {
  const server = await serverWith({})
  const connection = connectionOf({ 'redis.uri': server.url })
  expect(await connection.run((client) => client.client('GETNAME'))).toBe('tributary-my_orders-3')
})

test('TLS: the authority, a client certificate, and what is wrong without them', { timeout: 30_000 }, async () => {
  const authority = selfSigned({ subject: 'authority' })
  const own = authority.issue({ subject: 'redis', names: ['127.0.0.1', 'localhost'] })
  const client = authority.issue({ subject: 'connector' })
  const server = await serverWith({
    files: {
      'ca.pem': authority.certificate,
      'server.pem': own.certificate,
      'server.key': own.key,
      'client.pem': client.certificate,
      'client.key': client.key,
      'other.pem': selfSigned({ subject: 'authority' }).certificate,
    },
    lines: ({ port, folder }) => [
      'port 0',
      `tls-port ${port}`,
      `tls-ca-cert-file ${folder}/ca.pem`,
      `tls-cert-file ${folder}/server.pem`,
      `tls-key-file ${folder}/server.key`,
      'tls-auth-clients yes',
    ],
  })
  const file = (name: string) => join(server.folder, name)
  const uri = { 'redis.uri': `rediss://127.0.0.1:${server.port}` }
  const certificate = { 'redis.key.cert': file('client.pem'), 'redis.key.file': file('client.key') }
  expect(await set({ ...uri, ...certificate, 'redis.cacert': file('ca.pem') })).toBe('OK')
  expect(await set({ ...uri, ...certificate, 'redis.insecure': 'true' })).toBe('OK')
  expect(await problemsOf({ ...uri, ...certificate, 'redis.cacert': file('other.pem') })).toEqual([
    { setting: 'redis.cacert', why: expect.stringContaining('The TLS connection to Redis') },
  ])
  expect(await problemsOf({ ...uri, 'redis.cacert': file('ca.pem') })).toEqual([
    { setting: 'redis.key.cert', why: expect.stringContaining('certificate required') },
  ])
  expect(await problemsOf({ ...uri, 'redis.cacert': file('none.pem') })).toEqual([
    { setting: 'redis.cacert', why: expect.stringContaining('redis.cacert cannot be read: ENOENT') },
  ])
})

test('a server that does not respond counts as lost after redis.timeout, and the next command connects anew', {
  timeout: 30_000,
}, async () => {
  const server = await serverWith({})
  const connection = connectionOf({ 'redis.uri': server.url, 'redis.timeout': '1' })
  await connection.run((client) => client.set('a', '1'))
  await server.pause()
  await expect(connection.run((client) => client.get('a'))).rejects.toThrow(expect.objectContaining({ name: 'RetriableException' }))
  await server.resume()
  expect(await connection.run((client) => client.get('a'))).toBe('1')
})

test('a server that loads its data, or has no memory left, is retriable', async () => {
  const server = await serverWith({ lines: () => ['maxmemory 1'] })
  await expect(set({ 'redis.uri': server.url })).rejects.toThrow(
    expect.objectContaining({ name: 'RetriableException', message: expect.stringContaining('its memory is used up (maxmemory)') }),
  )
})

test('a server that is no sentinel is refused as one', async () => {
  const { port } = await serverWith({})
  expect(await problemsOf({ 'redis.hosts': `127.0.0.1:${port}`, 'redis.sentinel.master': 'm' })).toEqual([
    {
      setting: 'redis.sentinel.master',
      why: expect.stringContaining(`that is no sentinel answers at 127.0.0.1:${port}: name the sentinels`),
    },
  ])
})

test('sentinels: the master is asked for, also after a failover', { timeout: 90_000 }, async () => {
  const { master, sentinel, name, stop } = await startRedisSentinel()
  onTestFinished(stop)
  const connection = connectionOf({ 'redis.hosts': `127.0.0.1:${sentinel.port}`, 'redis.sentinel.master': name })
  await connection.run((client) => client.set('before', '1'))
  await connection.run((client) => client.wait(1, 5000))
  await master.kill()
  await expect(connection.run((client) => client.get('before'))).rejects.toThrow(expect.objectContaining({ name: 'RetriableException' }))
  await until(() => connection.run((client) => client.set('after', '1')), 'the replica is the master', 60_000)
  expect(await connection.run((client) => client.get('before'))).toBe('1')
  expect(await problemsOf({ 'redis.uri': `redis-sentinel://127.0.0.1:${sentinel.port}#unknown` })).toEqual([
    { setting: 'redis.uri', why: expect.stringContaining('do not know the master unknown') },
  ])
})

test('a node of a cluster is no single server', { timeout: 60_000 }, async () => {
  const cluster = await startRedisCluster()
  onTestFinished(() => cluster.stop())
  const connection = connectionOf({ 'redis.hosts': cluster.hosts, 'redis.cluster': 'true' })
  for (const key of ['a', 'b', 'c', 'd', 'e']) expect(await connection.run((client) => client.set(key, 'x'))).toBe('OK')
  const single = connectionOf({ 'redis.uri': `redis://127.0.0.1:${cluster.nodes[0]!.port}` })
  const failure = async () => {
    for (const key of ['a', 'b', 'c', 'd', 'e']) await single.run((client) => client.set(key, 'x'))
  }
  await expect(failure()).rejects.toThrow('is a node of a cluster: set redis.cluster=true')
})

test.each<[Record<string, string>, object]>([
  [{}, { mode: 'standalone', nodes: [{ host: 'localhost', port: 6379 }], database: 0, tls: null, username: null, password: null }],
  [{ 'redis.uri': 'redis://h' }, { nodes: [{ host: 'h', port: 6379 }], addressSetting: 'redis.uri' }],
  [{ 'redis.uri': 'rediss://bob:p%40ss@h:1/2' }, { username: 'bob', password: 'p@ss', database: 2, tls: { insecure: false } }],
  [{ 'redis.uri': 'redis://secret@[::1]:7' }, { username: null, password: 'secret', nodes: [{ host: '::1', port: 7 }] }],
  [
    { 'redis.uri': 'redis://h/2', 'redis.database': '5', 'redis.password': 'x' },
    { database: 5, password: 'x' },
  ],
  [
    { 'redis.uri': 'redis-sentinel://a,b:2/1#m' },
    {
      mode: 'sentinel',
      master: 'm',
      database: 1,
      nodes: [
        { host: 'a', port: 26_379 },
        { host: 'b', port: 2 },
      ],
    },
  ],
  [
    { 'redis.hosts': 'a:1, b', 'redis.port': '9', 'redis.cluster': 'true' },
    {
      mode: 'cluster',
      nodes: [
        { host: 'a', port: 1 },
        { host: 'b', port: 9 },
      ],
    },
  ],
])('%o are read', (config, expected) => {
  expect(checkRedisConnection(parsed(config))).toEqual([])
  expect(optionsOf(config)).toMatchObject(expected)
})

test.each<[Record<string, string>, string, string]>([
  [{ 'redis.uri': 'http://h' }, 'redis.uri', 'it must begin with redis://'],
  [{ 'redis.uri': 'redis://h/x' }, 'redis.uri', 'its path must be the number of a database'],
  [{ 'redis.uri': 'redis://h?timeout=1' }, 'redis.uri', 'settings after the question mark'],
  [{ 'redis.uri': 'redis://%zz@h' }, 'redis.uri', 'a percent sign'],
  [{ 'redis.uri': 'redis-sentinel://h' }, 'redis.uri', 'the name of the master'],
  [{ 'redis.hosts': 'a,b' }, 'redis.hosts', 'several hosts are those of a cluster'],
  [{ 'redis.uri': 'redis://h', 'redis.hosts': 'a' }, 'redis.hosts', 'either redis.uri'],
  [{ 'redis.cluster': 'true', 'redis.database': '1' }, 'redis.database', 'the database 0 alone'],
  [{ 'redis.cluster': 'true', 'redis.uri': 'redis://h/1' }, 'redis.uri', 'the database 0 alone'],
  [{ 'redis.cluster': 'true', 'redis.sentinel.master': 'm' }, 'redis.sentinel.master', 'has no sentinels'],
  [{ 'redis.username': 'bob' }, 'redis.password', 'the user bob needs a password'],
  [{ 'redis.cacert': 'ca.pem' }, 'redis.cacert', 'it is for TLS'],
  [{ 'redis.tls': 'true', 'redis.key.cert': 'c.pem' }, 'redis.key.file', 'needs both'],
])('%o: %s is wrong', (config, setting, why) => {
  expect(checkRedisConnection(parsed(config))).toEqual([{ setting, why: expect.stringContaining(why) }])
})
