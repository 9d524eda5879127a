/**
 * Goal: clients of a listener are accepted in the order of arrival, wait while they may not come in, and are closed where they must not;
 * those that wait are bounded. Method: the acceptor with a clock that the test advances and sockets that only remember whether they are
 * closed.
 */
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { Acceptor } from '../../../core/network/acceptor.ts'
import { type ConnectionLimits, ConnectionQuotas } from '../../../core/network/connection-quotas.ts'
import { limits as bounds } from '../../../core/network/limits.ts'
import { keepingLogger, type LogLine } from '../../broker-in-process.ts'
import { handClock } from '../../hand-clock.ts'

const MAX = 2 ** 31 - 1

function door(limits: Partial<ConnectionLimits> = {}) {
  const all = { maxConnections: MAX, maxCreationRate: MAX, maxPerIp: MAX, perIpOverrides: new Map(), listeners: new Map(), ...limits }
  const quotas = new ConnectionQuotas({ window: { samples: 11, sampleMs: 1000 }, interBrokerListener: '', limits: all })
  quotas.addListener('L')
  const time = handClock()
  const lines: LogLine[] = []
  const admitted: string[] = []
  const options = { listener: 'L', quotas, clock: time.clock, logger: keepingLogger(lines) }
  const acceptor = new Acceptor({ ...options, onAdmitted: (socket) => admitted.push((socket as unknown as FakeSocket).name) })
  const arrive = (name: string, address = '10.0.0.1') => {
    const socket = new FakeSocket(name, address)
    acceptor.accept(socket as unknown as Socket)
    return socket
  }
  return { quotas, time, lines, admitted, acceptor, arrive, all }
}

class FakeSocket extends EventEmitter {
  readonly name: string
  readonly remoteAddress: string | undefined
  destroyed = false

  constructor(name: string, address: string | undefined) {
    super()
    this.name = name
    this.remoteAddress = address
  }

  destroy(): void {
    this.destroyed = true
  }
}

test('they come in while there is room, and then in the order of arrival', () => {
  const { quotas, admitted, acceptor, arrive, lines } = door({ maxConnections: 2 })
  for (const name of ['a', 'b', 'c', 'd', 'e']) arrive(name)
  expect(admitted).toEqual(['a', 'b'])
  expect(acceptor.waiting).toBe(3)
  quotas.release('L', '10.0.0.1')
  acceptor.proceed()
  expect(admitted).toEqual(['a', 'b', 'c'])
  expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
})

test('a wait for the rate passes with the time; it begins when it is the turn of the client', () => {
  const { admitted, time, arrive, acceptor } = door({ maxCreationRate: 1 })
  for (let client = 0; client < 12; client++) arrive(`${client}`)
  expect(admitted).toHaveLength(10)
  time.advance(999)
  expect(admitted).toHaveLength(10)
  time.advance(1)
  expect(admitted).toHaveLength(11)
  expect(acceptor.blockedMs).toBe(1000)
  time.advance(1000)
  expect(admitted).toHaveLength(12)
  expect([acceptor.blockedMs, time.timers]).toEqual([2000, 0])
})

test('a client whose wait is over still needs a slot', () => {
  const { quotas, admitted, time, arrive, acceptor } = door({ maxCreationRate: 1, maxConnections: 10 })
  for (let client = 0; client < 11; client++) arrive(`${client}`)
  time.advance(5000)
  expect(admitted).toHaveLength(10)
  quotas.release('L', '10.0.0.1')
  acceptor.proceed()
  expect(admitted).toHaveLength(11)
})

test('max.connections.per.ip: closed at once, IPv4 in IPv6 included, and the one behind comes in', () => {
  const { admitted, arrive, acceptor } = door({ maxPerIp: 1 })
  const sockets = [arrive('a'), arrive('b', '::ffff:10.0.0.1'), arrive('c', '10.0.0.2')]
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, true, false])
  expect(admitted).toEqual(['a', 'c'])
  expect(acceptor.rejected).toBe(1)
})

test('an address that is too fast: closed after its delay; beyond their bound the oldest at once', () => {
  const { quotas, admitted, time, arrive, acceptor } = door()
  quotas.ipRates = { fallback: Number.POSITIVE_INFINITY, byAddress: new Map([['10.0.0.9', 1]]) }
  const clients = Array.from({ length: 12 }, (_, index) => arrive(`${index}`, '10.0.0.9'))
  arrive('another')
  expect(admitted).toHaveLength(11)
  expect([clients[10]!.destroyed, clients[11]!.destroyed]).toEqual([false, false])
  time.advance(1000)
  expect([clients[10]!.destroyed, clients[11]!.destroyed]).toEqual([true, true])
  expect(acceptor.throttled).toBe(0)
  const many = Array.from({ length: bounds.throttledConnections + 5 }, () => arrive('x', '10.0.0.9'))
  expect(acceptor.throttled).toBe(bounds.throttledConnections)
  expect(many.filter(({ destroyed }) => destroyed)).toEqual(many.slice(0, 5))
  expect(time.timers).toBe(bounds.throttledConnections)
})

test('those that wait are bounded: the newest is closed', () => {
  const { arrive, acceptor, lines } = door({ maxConnections: 1 })
  arrive('in')
  const waiting = Array.from({ length: bounds.waitingConnections + 3 }, (_, index) => arrive(`${index}`))
  expect(acceptor.waiting).toBe(bounds.waitingConnections)
  expect(waiting.map(({ destroyed }) => destroyed).indexOf(true)).toBe(bounds.waitingConnections)
  expect(lines.filter(({ message }) => message.startsWith('connection rejected'))).toHaveLength(1)
})

test('a client that has gone before it was looked at is not counted', () => {
  const { quotas, acceptor, admitted } = door()
  const socket = new FakeSocket('gone', undefined)
  acceptor.accept(socket as unknown as Socket)
  expect(socket.destroyed).toBe(true)
  expect([admitted.length, quotas.connections]).toEqual([0, 0])
})

test('after its end nobody waits, and no timer is left', () => {
  const { quotas, time, arrive, acceptor } = door({ maxCreationRate: 1 })
  quotas.ipRates = { fallback: Number.POSITIVE_INFINITY, byAddress: new Map([['10.0.0.9', 0]]) }
  const throttled = arrive('t', '10.0.0.9')
  const sockets = Array.from({ length: 12 }, (_, index) => arrive(`${index}`))
  acceptor.close()
  expect([throttled.destroyed, sockets[10]!.destroyed, sockets[11]!.destroyed]).toEqual([true, true, true])
  expect([acceptor.waiting, acceptor.throttled, time.timers]).toEqual([0, 0, 0])
  expect(arrive('late').destroyed).toBe(true)
})
