/**
 * Goal: connections.max.idle.ms=-1 means that no connection is too idle, as in Kafka. Method: a server whose clock the test advances by a
 * day; before, every connection was closed at the first check.
 */
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import type { BrokerServices } from '../../core/broker-services.ts'
import { RequestDispatcher } from '../../core/network/request-dispatcher.ts'
import { SocketServer } from '../../core/network/socket-server.ts'
import { readBrokerSettings } from '../../core/settings.ts'
import { realSystem } from '../../core/system/index.ts'
import { handClock } from '../hand-clock.ts'
import { until } from '../until.ts'

test('a connection stays open for a day without a request', async () => {
  const time = handClock()
  const system = { ...realSystem('silent'), clock: time.clock }
  const settings = readBrokerSettings({ listeners: 'PLAINTEXT://127.0.0.1:0', 'connections.max.idle.ms': '-1' })
  const limits = {
    ...{ maxConnections: 10, maxCreationRate: 10, maxPerIp: 10 },
    ...{ perIpOverrides: new Map(), listeners: new Map() },
  }
  const dispatcher = new RequestDispatcher([], { settings, system } as unknown as BrokerServices)
  const server = new SocketServer({ settings, system, dispatcher, interBrokerListener: 'PLAINTEXT', limits })
  const { port } = await server.listen(settings.listeners[0]!)
  const client = connect(port, '127.0.0.1')
  try {
    await until(() => server.connections === 1, 'the client is connected')
    time.advance(86_400_000)
    expect(server.connections).toBe(1)
  } finally {
    client.destroy()
    await server.close()
  }
})
