/**
 * Goal: each error of Redis and of its connection is retriable, a record's, or one of a setting. Method: the messages that Redis and Node
 * have for them, through the function that connectors use.
 */
import { expect, test } from 'vitest'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { redisConnectionOptions, redisConnectionSettings } from '../../../connectors/redis-driver/connection-settings.ts'
import { explainedRedisError } from '../../../connectors/redis-driver/errors.ts'

const optionsOf = (config: Record<string, string>) => redisConnectionOptions(parseSettings(redisConnectionSettings, config))
const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' })
const system = (code: string, message: string) => Object.assign(new Error(message), { code })
const RETRIABLE = 'RetriableException'

test.each<[Error, string]>([
  [system('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1'), RETRIABLE],
  [system('ENOTFOUND', 'getaddrinfo ENOTFOUND h'), RETRIABLE],
  [new Error('Connection is closed.'), RETRIABLE],
  [new AggregateError([system('ECONNREFUSED', 'connect ECONNREFUSED ::1:1')]), RETRIABLE],
  [reply('LOADING Redis is loading the dataset in memory'), RETRIABLE],
  [reply("OOM command not allowed when used memory > 'maxmemory'."), RETRIABLE],
  // Redis 6.2, of a script.
  [
    reply(
      "ERR Error running script (call to f_cf03): @user_script:2255: @user_script: 2255: -OOM command not allowed when used memory > 'maxmemory'",
    ),
    RETRIABLE,
  ],
  [reply("READONLY You can't write against a read only replica."), RETRIABLE],
  [reply('CLUSTERDOWN The cluster is down'), RETRIABLE],
  [reply('ERR max number of clients reached'), RETRIABLE],
  [reply('WRONGTYPE Operation against a key holding the wrong kind of value'), 'RedisRejected'],
  [reply('ERR value is not a valid float'), 'RedisRejected'],
  [reply('expected ident at line 1 column 2'), 'RedisRejected'],
  [reply('Existing key has wrong Redis type'), 'RedisRejected'],
  [reply('ERR Protocol error: invalid bulk length'), 'RedisRejected'],
  [reply('WRONGPASS invalid username-password pair or user is disabled.'), 'RedisRefused'],
  [reply('NOAUTH Authentication required.'), 'RedisRefused'],
  [reply("NOPERM this user has no permissions to run the 'set' command"), 'RedisRefused'],
  [reply("ERR unknown command 'JSON.SET', with args beginning with: 'a'"), 'RedisRefused'],
  [system('SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain'), 'RedisRefused'],
])('%s is %s', (error, name) => expect(explainedRedisError(error, optionsOf({})).name).toBe(name))

test('a slot that has moved passes in a cluster, and is a wrong setting of a single server', () => {
  const moved = reply('MOVED 15495 127.0.0.1:7001')
  expect(explainedRedisError(moved, optionsOf({ 'redis.cluster': 'true' })).name).toBe(RETRIABLE)
  expect(explainedRedisError(moved, optionsOf({})).message).toContain('set redis.cluster=true')
})

test('a password is in no message', () => {
  const options = optionsOf({ 'redis.uri': 'redis://bob:geheim@h:1' })
  for (const error of [reply('NOAUTH x'), system('ECONNREFUSED', 'refused')])
    expect(explainedRedisError(error, options).message).not.toContain('geheim')
})
