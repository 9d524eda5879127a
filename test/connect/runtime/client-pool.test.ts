/**
 * Goal: connectors with the same settings share one client, and it is closed when its last user stops. Method: clients that only count.
 */
import { expect, test } from 'vitest'
import type { ClientConnection } from '../../../connect/runtime/client-overrides.ts'
import { ClientPool } from '../../../connect/runtime/client-pool.ts'
import type { Client } from '../../../core/client/index.ts'

function countingPool() {
  const opened: ClientConnection[] = []
  let closed = 0
  const pool = new ClientPool((connection) => {
    if (connection.security['sasl.jaas.config'] === 'wrong') throw new Error('wrong')
    opened.push(connection)
    return { close: async () => void closed++ } as unknown as Client
  })
  return { pool, opened, closed: () => closed }
}

const settings = { bootstrapServers: ['a:1'], clientId: 'c' }

test('five hundred connectors with the settings of the worker have its client', async () => {
  const { pool, opened, closed } = countingPool()
  const own = pool.acquire({ settings, security: {} })
  const leases = Array.from({ length: 500 }, () => pool.acquire({ settings: { clientId: 'c', bootstrapServers: ['a:1'] }, security: {} }))
  expect([opened.length, new Set(leases.map(({ client }) => client)).size]).toEqual([1, 1])
  await Promise.all(leases.map((lease) => lease.release()))
  expect([pool.size, closed()]).toEqual([1, 0])
  await own.release()
  expect([pool.size, closed()]).toEqual([0, 1])
})

test('a user who releases twice does not close the client of the others', async () => {
  const { pool, closed } = countingPool()
  const [first, second] = [pool.acquire({ settings, security: {} }), pool.acquire({ settings, security: {} })]
  await first.release()
  await first.release()
  expect(closed()).toBe(0)
  await second.release()
  expect(closed()).toBe(1)
})

test('another secret, another server: another client; the order of the settings is none', () => {
  const { pool, opened } = countingPool()
  const security = { 'security.protocol': 'SSL', 'ssl.key.password': 'a' }
  const first = pool.acquire({ settings, security })
  expect(pool.acquire({ settings, security: { 'ssl.key.password': 'a', 'security.protocol': 'SSL' } }).client).toBe(first.client)
  pool.acquire({ settings, security: { ...security, 'ssl.key.password': 'b' } })
  pool.acquire({ settings: { ...settings, bootstrapServers: ['a:1', 'b:1'] }, security })
  expect(opened).toHaveLength(3)
})

test('a client that cannot be created is tried again, and the pool closes those in use', async () => {
  const { pool, closed } = countingPool()
  const wrong = { settings, security: { 'sasl.jaas.config': 'wrong' } }
  for (let attempt = 0; attempt < 2; attempt++) expect(() => pool.acquire(wrong)).toThrow('wrong')
  const lease = pool.acquire({ settings, security: {} })
  expect(pool.size).toBe(1)
  await pool.close()
  expect(closed()).toBe(1)
  await lease.release()
})
