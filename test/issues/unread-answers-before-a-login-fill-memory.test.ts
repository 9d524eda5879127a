/**
 * Goal: a client that has not logged in and does not read its answers makes the broker hold a few kilobytes of them. Method: ApiVersions
 * of an unknown version, which may be asked again and again, until nothing more is read; before, each client held a megabyte.
 */
import { expect, test } from 'vitest'
import { limits } from '../../core/network/limits.ts'
import { brokerInProcess } from '../broker-in-process.ts'
import { rawClient } from '../raw-client.ts'
import { securedListenersIn } from '../secured-listeners.ts'
import { until } from '../until.ts'

/** Those of one turn are written together. */
const ONE_MORE = 16 * 1024

test('beyond a bound no further request is handled; once they are read it goes on', async () => {
  const secured = securedListenersIn()
  const server = await brokerInProcess(secured.properties)
  const { port } = server.broker.addresses.find(({ listener }) => listener === 'SASL_PLAINTEXT')!
  const client = await rawClient(port)
  try {
    const unsent = async () => Number(/^tributary_broker_unsent_bytes (\d+)/m.exec(await server.broker.system.metrics.text())![1])
    const unsupported = Buffer.from([0, 0, 0, 10, 0, 18, 0, 99, 0, 0, 0, 1, 255, 255])
    const flood = Buffer.concat(Array.from({ length: 4000 }, () => unsupported))
    client.socket.pause()
    let most = 0
    const isBlocked = async () => {
      while (client.socket.writableLength < flood.length) client.write(flood)
      const received = server.broker.system.metrics
      const before = await received.text()
      most = Math.max(most, await unsent())
      await new Promise((resolve) => setImmediate(resolve))
      return most > 0 && client.socket.writableLength >= flood.length && before === (await received.text())
    }
    await until(isBlocked, 'nothing more is read')
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThanOrEqual(limits.unsentLoginBytes + ONE_MORE)
    client.socket.resume()
    await until(async () => (await unsent()) === 0 && client.socket.writableLength === 0, 'all are answered')
  } finally {
    client.close()
    await server.stop()
    secured.remove()
  }
})
