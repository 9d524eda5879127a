/**
 * Goal: the password in redis.uri is told to nobody: not by an error of the setting, nor by the answer of a validation. Method: the
 * settings of each connector of Redis and of BullMQ with a URI that is wrong.
 */
import { expect, test } from 'vitest'
import { parseSettings } from '../../connect/sdk/index.ts'
import { bullmqSink } from '../../connectors/bullmq/sink.ts'
import { bullmqSource } from '../../connectors/bullmq/source.ts'
import { redisConnectionOptions } from '../../connectors/redis-driver/connection-settings.ts'
import { redisKeysSource } from '../../connectors/redis-keys-source/connector.ts'
import { redisSink } from '../../connectors/redis-sink/connector.ts'
import { redisStreamSource } from '../../connectors/redis-stream-source/source.ts'

const connectors = { bullmqSource, bullmqSink, redisKeysSource, redisSink, redisStreamSource }

test.each(Object.entries(connectors))('%s: redis.uri is a secret', (_name, { settings }) => {
  expect(settings['redis.uri'].type).toBe('PASSWORD')
})

test.each(['http://app:secret77@redis', 'redis://app:secret77@redis:port', 'redis://app:secret77@/x', 'redis://app:%secret77@redis'])(
  'the error of %s does not show the password',
  (uri) => {
    const config = parseSettings(redisSink.settings, { 'redis.uri': uri })
    const problems = redisSink.check!(config)
    expect(problems.map(({ setting }) => setting)).toEqual(['redis.uri'])
    expect(problems[0]!.why).not.toContain('secret77')
    expect(() => redisConnectionOptions(config)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret77') }))
  },
)
