/**
 * Goal: a Redis that refuses writes for a while, as with maxmemory, delays records and rejects none, also with redis.multiexec. Method: a
 * task writes a transaction to a real Redis without memory, then with memory.
 */
import { expect, onTestFinished, test } from 'vitest'
import { sinkRecord, taskContext } from '../../connect/contract/index.ts'
import { redisSink } from '../../connectors/redis-sink/connector.ts'
import { startRedisServer } from '../services/redis.ts'

test('a transaction that Redis refuses for lack of memory is retried', async () => {
  const server = await startRedisServer()
  onTestFinished(() => server.stop())
  const client = server.client()
  const config = { 'redis.uri': server.url, 'redis.type': 'LIST', 'redis.keyspace': 'l', 'redis.multiexec': 'true' }
  const task = await redisSink.start(taskContext(redisSink.settings, config, new AbortController().signal))
  onTestFinished(() => task.stop?.())
  const records = ['a', 'b'].map((key, offset) => sinkRecord({ topic: 'orders', offset, key, value: 1 }))
  await client.config('SET', 'maxmemory', '1')
  await expect(task.write(records)).rejects.toThrow(
    expect.objectContaining({ name: 'RetriableException', message: expect.stringContaining('its memory is used up (maxmemory)') }),
  )
  await client.config('SET', 'maxmemory', '0')
  await task.write(records)
  expect(await client.lrange('l', 0, -1)).toEqual(['a', 'b'])
})
