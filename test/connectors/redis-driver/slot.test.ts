/** Goal: keys have the slots that Redis gives them. Method: the slots that a real cluster node tells, for keys with and without braces. */
import { expect, onTestFinished, test } from 'vitest'
import { slotOf } from '../../../connectors/redis-driver/slot.ts'
import { startRedisServer } from '../../services/redis.ts'

test('the slot of a key is that of CLUSTER KEYSLOT', async () => {
  const server = await startRedisServer({ lines: () => ['cluster-enabled yes'] })
  onTestFinished(() => server.stop())
  const client = server.client()
  const keys = ['', 'a', 'orders:1', '{tag}x', 'x{tag}', 'x{}y', '{}', '{a}{b}', '{{a}}', 'ä€', '}{', Buffer.from([0xff, 0x7b, 0x80, 0x7d])]
  const known = await Promise.all(keys.map((key) => client.call('CLUSTER', 'KEYSLOT', key)))
  expect(keys.map(slotOf)).toEqual(known)
})
