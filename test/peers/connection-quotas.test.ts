/**
 * Goal: how many connections there may be, and how fast they may come, is limited as by Apache Kafka. Method: a broker of each with an
 * inter-broker listener and an external one; the same changes of settings and quotas, the same clients, and what becomes of each compared:
 * answered, waiting or closed.
 */
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import apiVersions from '../../core/apis/18-api-versions.ts'
import describeConfigs from '../../core/apis/32-describe-configs.ts'
import incrementalAlterConfigs from '../../core/apis/44-incremental-alter-configs.ts'
import alterClientQuotas from '../../core/apis/49-alter-client-quotas.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { encodeRequest, type RawClient, rawClient } from '../raw-client.ts'
import { freePort } from '../running-broker.ts'
import { until } from '../until.ts'
import { type KafkaBroker, startApacheKafka } from './apache-kafka.ts'

interface Peer {
  readonly name: string
  readonly node: string
  readonly internal: number
  readonly external: number
  /** Used by one test only: nothing is recorded in its rate before. */
  readonly fresh: number
  readonly admin: RawClient
}

/** What becomes of a client that sends one request. */
interface Client {
  readonly socket: Socket
  state: 'waiting' | 'answered' | 'closed'
  /** Times of the process. */
  readonly from: number
  changedAt: number
}

let kafka: KafkaBroker
let ours: BrokerInProcess
let peers: Peer[] = []
const clients: Client[] = []

const security = 'PLAINTEXT:PLAINTEXT,EXTERNAL:PLAINTEXT,FRESH:PLAINTEXT,CONTROLLER:PLAINTEXT'

beforeAll(async () => {
  const [external, fresh] = [await freePort(), await freePort()]
  kafka = await startApacheKafka((port) => {
    const listeners = `PLAINTEXT://127.0.0.1:${port},EXTERNAL://127.0.0.1:${external},FRESH://127.0.0.1:${fresh}`
    return {
      listeners: `${listeners},CONTROLLER://127.0.0.1:${port + 1}`,
      'advertised.listeners': listeners,
      'inter.broker.listener.name': 'PLAINTEXT',
      'listener.security.protocol.map': security,
      // Each of Kafka's threads closes the least recently used of its own connections.
      'num.network.threads': 1,
    }
  })
  ours = await brokerInProcess({
    listeners: 'PLAINTEXT://127.0.0.1:0,EXTERNAL://127.0.0.1:0,FRESH://127.0.0.1:0',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': security,
  })
  const portOf = (listener: string) => ours.broker.addresses.find((address) => address.listener === listener)!.port
  const all = [
    { name: 'Apache Kafka', node: '1', internal: kafka.port, external, fresh },
    {
      ...{ name: 'ours', node: String(ours.broker.settings.nodeId) },
      ...{ internal: portOf('PLAINTEXT'), external: portOf('EXTERNAL'), fresh: portOf('FRESH') },
    },
  ]
  peers = await Promise.all(all.map(async (peer) => ({ ...peer, admin: await rawClient(peer.internal) })))
}, 180_000)

afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.destroy()
})

afterAll(async () => {
  for (const { admin } of peers) admin.close()
  await kafka?.stop()
  await ours?.stop()
})

const request = encodeRequest(apiVersions, 0, 1, {})

function client(port: number, address = '127.0.0.1'): Client {
  const now = performance.now()
  const opened: Client = {
    socket: connect({ port, host: '127.0.0.1', localAddress: address }),
    state: 'waiting',
    from: now,
    changedAt: now,
  }
  const becomes = (state: Client['state']) => {
    opened.state = state
    opened.changedAt = performance.now()
  }
  opened.socket.on('data', () => becomes('answered'))
  opened.socket.on('close', () => becomes('closed'))
  opened.socket.on('error', () => {})
  opened.socket.write(request)
  clients.push(opened)
  return opened
}

async function answered(port: number, address?: string): Promise<Client> {
  const opened = client(port, address)
  await until(() => opened.state === 'answered', 'the client is answered')
  return opened
}

/** What becomes of a client that does not wait. */
async function settled(port: number, address?: string): Promise<Client> {
  const opened = client(port, address)
  await until(() => opened.state !== 'waiting', 'the client is answered or closed')
  return opened
}

const states = (all: readonly Client[]) => all.map(({ state }) => state)
const count = (all: readonly Client[], state: Client['state']) => all.filter((one) => one.state === state).length

/** Null deletes. */
async function alter({ admin, node }: Peer, configs: Readonly<Record<string, string | null>>, broker = node): Promise<unknown> {
  const changes = Object.entries(configs).map(([name, value]) => ({ name, configOperation: value === null ? 1 : 0, value }))
  const resources = [{ resourceType: 4, resourceName: broker, configs: changes }]
  const { responses } = await admin.send(incrementalAlterConfigs, 1, { resources, validateOnly: false })
  return [responses[0]!.errorCode, responses[0]!.errorMessage]
}

/** Kafka applies what it has stored a moment later. */
async function withConfigs<T>(peer: Peer, configs: Readonly<Record<string, string>>, run: () => Promise<T>): Promise<T> {
  const names = Object.keys(configs)
  const applied = async (expected: (name: string) => string | null) => {
    const resources = [{ resourceType: 4, resourceName: peer.node, configurationKeys: names }]
    const { results } = await peer.admin.send(describeConfigs, 4, { resources, includeSynonyms: false, includeDocumentation: false })
    return names.every((name) => {
      const found = results[0]!.configs.find((config) => config.name === name)
      const value = expected(name)
      return value === null ? found === undefined || found.configSource !== 2 : found?.value === value || found?.configSource === 2
    })
  }
  expect(await alter(peer, configs)).toEqual([0, null])
  await until(() => applied((name) => configs[name]!), 'the configs have an effect')
  try {
    return await run()
  } finally {
    await alter(peer, Object.fromEntries(names.map((name) => [name, null])))
    await until(() => applied(() => null), 'the configs have no effect any more')
  }
}

async function setIpRate({ admin }: Peer, address: string | null, rate: number | null): Promise<void> {
  const entity = [{ entityType: 'ip', entityName: address }]
  const ops = [{ key: 'connection_creation_rate', value: rate ?? 0, remove: rate === null }]
  const { entries } = await admin.send(alterClientQuotas, 1, { entries: [{ entity, ops }], validateOnly: false })
  expect(entries[0]!.errorCode).toBe(0)
}

/** The same story with both; `tell` gives what is to be compared. */
async function alike(tell: (peer: Peer) => Promise<unknown>): Promise<void> {
  const [expected, got] = [await tell(peers[0]!), await tell(peers[1]!)]
  expect(got).toEqual(expected)
}

test('max.connections of a listener: further clients wait, and are accepted in their order', async () => {
  await alike((peer) =>
    withConfigs(peer, { 'listener.name.external.max.connections': '3' }, async () => {
      const first = [await answered(peer.external), await answered(peer.external), await answered(peer.external)]
      const second = [client(peer.external), client(peer.external)]
      // Another listener is not concerned.
      await answered(peer.internal)
      const story = [states(second)]
      first[0]!.socket.destroy()
      await until(() => count(second, 'answered') === 1, 'the next client is accepted')
      story.push(states(second))
      first[1]!.socket.destroy()
      await until(() => count(second, 'answered') === 2, 'the last client is accepted')
      expect(story).toEqual([
        ['waiting', 'waiting'],
        ['answered', 'waiting'],
      ])
      return story
    }),
  )
})

test('max.connections raised: those who wait are accepted', async () => {
  await alike((peer) =>
    withConfigs(peer, { 'listener.name.external.max.connections': '1' }, async () => {
      await answered(peer.external)
      const waiting = [client(peer.external), client(peer.external)]
      await answered(peer.internal)
      expect(states(waiting)).toEqual(['waiting', 'waiting'])
      await alter(peer, { 'listener.name.external.max.connections': '5' })
      await until(() => count(waiting, 'answered') === 2, 'both are accepted')
    }),
  )
})

test('max.connections of the broker: the least recently active client of the other listener makes room for the inter-broker one', async () => {
  await alike(async (peer) => {
    // The one of the admin, and three.
    return withConfigs(peer, { 'max.connections': '4' }, async () => {
      const external = [await answered(peer.external), await answered(peer.external), await answered(peer.external)]
      external[0]!.socket.write(request)
      await until(() => external[0]!.socket.bytesRead > 0, 'it is active')
      const late = client(peer.external)
      const story: unknown[] = []
      await answered(peer.internal)
      await until(() => count(external, 'closed') === 1, 'one is closed')
      story.push(states(external))
      await answered(peer.internal)
      await until(() => count(external, 'closed') === 2, 'another is closed')
      story.push([...states(external), late.state])
      return story
    })
  })
})

test('max.connections lowered: the least recently active clients are closed', async () => {
  await alike(async (peer) => {
    const external: Client[] = []
    for (let opened = 0; opened < 6; opened++) external.push(await answered(peer.external))
    return withConfigs(peer, { 'max.connections': '3' }, async () => {
      await until(() => count(external, 'closed') >= 4, 'the number of connections is reached')
      return states(external)
    })
  })
})

test('max.connections.per.ip and its overrides: further clients of the address are closed', async () => {
  const overrides = 'localhost:100,127.0.0.2:2,127.0.0.4:0'
  await alike((peer) =>
    withConfigs(peer, { 'max.connections.per.ip.overrides': overrides, 'max.connections.per.ip': '1' }, async () => {
      const second = [await answered(peer.external, '127.0.0.2'), await answered(peer.internal, '127.0.0.2')]
      second.push(client(peer.external, '127.0.0.2'), client(peer.internal, '127.0.0.2'))
      const third = [await answered(peer.external, '127.0.0.3'), client(peer.external, '127.0.0.3')]
      const fourth = [client(peer.external, '127.0.0.4')]
      const many = [await answered(peer.external), await answered(peer.external)]
      await until(() => count([...second, ...third, ...fourth], 'closed') === 4, 'the others are closed')
      second[0]!.socket.destroy()
      await until(async () => (await settled(peer.external, '127.0.0.2')).state === 'answered', 'there is room again')
      return [states(second), states(third), states(fourth), states(many)]
    }),
  )
})

/** Connects, asks and closes, one after another. Returns how long each waited. */
async function turns(port: number, number: number): Promise<number[]> {
  const waits: number[] = []
  for (let turn = 0; turn < number; turn++) {
    const one = await answered(port)
    one.socket.destroy()
    waits.push(one.changedAt - one.from)
  }
  return waits
}
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

test('max.connection.creation.rate of a listener: a window at once, then clients are accepted at the rate', async () => {
  const RATE = 4
  const WINDOW = RATE * 10
  const times: number[] = []
  for (const peer of peers)
    await withConfigs(peer, { 'listener.name.fresh.max.connection.creation.rate': `${RATE}` }, async () => {
      await turns(peer.fresh, WINDOW)
      times.push(sum(await turns(peer.fresh, 3 * RATE)))
      // The inter-broker listener does not wait for another one.
      await answered(peer.internal)
    })
  // Three seconds; less what the window took.
  for (const ms of times) expect(ms).toBeGreaterThan(1000)
  expect(times[1]! / times[0]!).toBeGreaterThan(0.6)
  expect(times[1]! / times[0]!).toBeLessThan(1.6)
}, 60_000)

test('max.connection.creation.rate of the broker: the longest wait is one sample of the window', async () => {
  const times: number[] = []
  for (const peer of peers) {
    // Fills the window beyond the rate.
    await turns(peer.external, 40)
    await withConfigs(peer, { 'max.connection.creation.rate': '1' }, async () => times.push(sum(await turns(peer.external, 3))))
  }
  for (const ms of times) expect(ms).toBeGreaterThan(2000)
  expect(times[1]! / times[0]!).toBeGreaterThan(0.6)
  expect(times[1]! / times[0]!).toBeLessThan(1.6)
}, 60_000)

test('connection_creation_rate of an address: clients beyond it are closed after a delay, others are not concerned', async () => {
  const stories: { accepted: number; closed: number; delays: number[] }[] = []
  for (const peer of peers) {
    await setIpRate(peer, '127.0.0.5', 2)
    // The quota has an effect once a client is throttled; those before fill the window.
    const burst: Client[] = []
    await until(async () => {
      burst.push(await settled(peer.external, '127.0.0.5'))
      return burst.at(-1)!.state === 'closed'
    }, 'the quota is exceeded')
    const delays: number[] = []
    const before = count(burst, 'answered')
    for (let more = 0; more < 5; more++) {
      const one = await settled(peer.external, '127.0.0.5')
      if (one.state === 'closed') delays.push(one.changedAt - one.from)
    }
    await answered(peer.external, '127.0.0.6')
    await setIpRate(peer, '127.0.0.5', null)
    await until(async () => (await settled(peer.external, '127.0.0.5')).state === 'answered', 'the quota has no effect any more')
    stories.push({ accepted: before, closed: count(burst, 'closed'), delays })
  }
  const [expected, got] = stories as [(typeof stories)[0], (typeof stories)[0]]
  // Twenty in the window of ten seconds, and a few if it takes long.
  expect(Math.abs(got.accepted - expected.accepted)).toBeLessThanOrEqual(3)
  expect(got.closed).toBe(1)
  // No client is closed at once.
  for (const { delays } of stories) for (const delay of delays) expect(delay).toBeGreaterThan(100)
}, 60_000)

test('the default of connection_creation_rate, and one address without a limit', async () => {
  for (const peer of peers) {
    await setIpRate(peer, '127.0.0.1', 2_147_483_647)
    await setIpRate(peer, '127.0.0.7', 2_147_483_647)
    await setIpRate(peer, null, 1)
    const burst: Client[] = []
    await until(async () => {
      burst.push(await settled(peer.external, '127.0.0.8'))
      return burst.at(-1)!.state === 'closed'
    }, 'the quota is exceeded')
    expect(count(burst, 'answered')).toBeGreaterThanOrEqual(10)
    for (let more = 0; more < 30; more++) await answered(peer.external, '127.0.0.7')
    for (const address of [null, '127.0.0.1', '127.0.0.7']) await setIpRate(peer, address, null)
  }
}, 60_000)

test('what IncrementalAlterConfigs refuses', async () => {
  const names = ['max.connections', 'max.connection.creation.rate', 'listener.name.external.max.connections']
  const values: [name: string, value: string][] = [
    ...names.flatMap((name) => ['0', '-1', 'x', '2147483648'].map((value): [string, string] => [name, value])),
    ['listener.name.nope.max.connections', 'x'],
    ['listener.name.external.max.connection.creation.rate', '0'],
    ...['0', '-1', 'x'].map((value): [string, string] => ['max.connections.per.ip', value]),
    ...['127.0.0.1:x', 'a b:4', '#!:4,ok:5'].map((value): [string, string] => ['max.connections.per.ip.overrides', value]),
    ['quota.window.num', '5'],
    ['connections.max.idle.ms', '5'],
    ['connection.failed.authentication.delay.ms', '5'],
  ]
  for (const of of ['broker', 'default'])
    for (const [name, value] of values) await alike((peer) => alter(peer, { [name]: value }, of === 'default' ? '' : peer.node))
  for (const name of ['max.connections.per.ip', 'connections.max.reauth.ms'])
    await alike((peer) => alter(peer, { [`listener.name.external.${name}`]: '5' }, ''))
})
