/**
 * Goal: every request on a connection ends, and bad bytes end only the connection; versions are negotiated as the protocol says; the client
 * finds its cluster again by its bootstrap servers; closing leaves no socket and no timer. Method: a fake broker whose responses the test
 * gives, and streams that the test feeds byte for byte.
 */
import { execFile } from 'node:child_process'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { Duplex, PassThrough } from 'node:stream'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import listOffsets from '../../../../core/apis/02-list-offsets.ts'
import metadata from '../../../../core/apis/03-metadata.ts'
import findCoordinator from '../../../../core/apis/10-find-coordinator.ts'
import listGroups from '../../../../core/apis/16-list-groups.ts'
import apiVersions from '../../../../core/apis/18-api-versions.ts'
import { type ClientSettings, createClient } from '../../../../core/client/index.ts'
import { BrokerConnection } from '../../../../core/client/transport/connection.ts'
import { parseServers } from '../../../../core/client/transport/metadata.ts'
import { errorCode } from '../../../../core/errors.ts'
import { type Clock, realClock } from '../../../../core/system/clock.ts'
import { silentLogger } from '../../../../core/system/logger.ts'
import { realRandom } from '../../../../core/system/random.ts'
import { writeResponseHeader } from '../../../../core/wire/header.ts'
import { limits } from '../../../../core/wire/limits.ts'
import { Writer } from '../../../../core/wire/writer.ts'
import { until } from '../../../until.ts'
import { fakeBroker, topicId } from '../fake-broker.ts'

const system = { clock: realClock, random: realRandom, logger: silentLogger }
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const part of open.splice(0)) await part.close()
})
const brokerWith = async (...given: Parameters<typeof fakeBroker>) => {
  const broker = await fakeBroker(...given)
  open.push(broker)
  return broker
}
const clientOf = (bootstrapServers: string, settings: Partial<ClientSettings> = {}) => {
  const client = createClient(
    {
      bootstrapServers,
      clientId: 'test',
      retryBackoffMs: 1,
      retryBackoffMaxMs: 10,
      reconnectBackoffMs: 1,
      reconnectBackoffMaxMs: 10,
      ...settings,
    },
    system,
  )
  open.unshift(client)
  return client
}
const allGroups = { statesFilter: [], typesFilter: [] }
const groups = (ids: string[]) => ({
  throttleTimeMs: 0,
  errorCode: 0,
  groups: ids.map((groupId) => ({ groupId, protocolType: '', groupState: '', groupType: '' })),
})

/** A connection over a stream that the test holds the other end of. */
function wired() {
  const outward = new PassThrough()
  const inward = new PassThrough()
  const stream = Object.assign(inward, { write: outward.write.bind(outward), cork: () => outward.cork(), uncork: () => outward.uncork() })
  const connection = new BrokerConnection(stream as never, { host: 'fake', port: 1 }, { clientId: 'test', clock: realClock })
  return { connection, feed: (bytes: Buffer) => void inward.emit('data', bytes) }
}

function responseFrame(correlationId: number, ids: string[], throttleTimeMs = 0): Buffer {
  const writer = new Writer()
  writer.int32(0)
  writeResponseHeader(writer, listGroups, 5, correlationId)
  listGroups.writeResponse(writer, 5, { ...groups(ids), throttleTimeMs })
  const bytes = Buffer.from(writer.bytes())
  bytes.writeInt32BE(bytes.length - 4, 0)
  return bytes
}

describe('throttling', () => {
  it('ends when the broker said so, whatever later responses say', async () => {
    const { connection, feed } = wired()
    const ask = () => connection.request(listGroups, 5, allGroups, { timeoutMs: 10_000 })
    const answers = [ask(), ask(), ask()]
    feed(responseFrame(0, [], 60_000))
    await answers[0]
    const end = connection.throttledUntil
    expect(end - realClock.monotonic()).toBeGreaterThan(50_000)
    feed(responseFrame(1, [], 10))
    feed(responseFrame(2, []))
    await Promise.all(answers)
    expect(connection.throttledUntil).toBe(end)
  })
})

describe('frames', () => {
  it('are assembled however the bytes arrive', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.string({ maxLength: 30 }), { maxLength: 30 }), { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        async (answers, cuts) => {
          const { connection, feed } = wired()
          const requested = answers.map(() => connection.request(listGroups, 5, allGroups, { timeoutMs: 5_000 }))
          const bytes = Buffer.concat(answers.map((ids, index) => responseFrame(index, ids)))
          for (let position = 0, chunk = 0; position < bytes.length; chunk++) {
            const size = cuts[chunk % cuts.length]!
            feed(bytes.subarray(position, position + size))
            position += size
          }
          const got = await Promise.all(requested)
          expect(got.map((answer) => answer.groups.map((group) => group.groupId))).toEqual(answers)
          connection.destroy()
        },
      ),
    )
  })

  it.each([
    ['a length beyond the limit', Buffer.from([0x7f, 0xff, 0xff, 0xff])],
    ['a negative length', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['a response to another request', responseFrame(7, [])],
    ['a response that cannot be decoded', Buffer.from([0, 0, 0, 7, 0, 0, 0, 0, 0, 1, 2])],
  ])('%s closes the connection and fails the requests in flight', async (_, bytes) => {
    const { connection, feed } = wired()
    const asked = connection.request(listGroups, 5, allGroups, { timeoutMs: 5_000 })
    const second = connection.request(listGroups, 5, allGroups, { timeoutMs: 5_000 })
    feed(bytes)
    await expect(asked).rejects.toMatchObject({ error: 'NETWORK_EXCEPTION' })
    await expect(second).rejects.toMatchObject({ error: 'NETWORK_EXCEPTION' })
    expect(connection.closed).toBe(true)
    await expect(connection.request(listGroups, 5, allGroups, { timeoutMs: 5_000 })).rejects.toMatchObject({ error: 'NETWORK_EXCEPTION' })
  })

  it('are not allocated before their length is checked', () => {
    const { connection, feed } = wired()
    const before = process.memoryUsage().arrayBuffers
    const length = Buffer.alloc(4)
    length.writeInt32BE(limits.frameBytes + 1)
    feed(length)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000)
    expect(connection.closed).toBe(true)
  })

  it('time out together with the connection', async () => {
    const { connection } = wired()
    const asked = connection.request(listGroups, 5, allGroups, { timeoutMs: 20 })
    const second = connection.request(listGroups, 5, allGroups, { timeoutMs: 5_000 })
    await expect(asked).rejects.toMatchObject({ error: 'REQUEST_TIMED_OUT' })
    await expect(second).rejects.toMatchObject({ error: 'NETWORK_EXCEPTION' })
  })

  it('without a response end when they are written to the socket, or when it fails', async () => {
    const held: ((error?: Error) => void)[] = []
    const stream = new Duplex({ read() {}, write: (_chunk, _encoding, taken) => void held.push(taken) })
    const connection = new BrokerConnection(stream, { host: 'fake', port: 1 }, { clientId: 'test', clock: realClock })
    const done: string[] = []
    const send = (name: string) =>
      connection.oneWay(listGroups, 5, allGroups, { timeoutMs: 5_000 }).then(
        () => void done.push(name),
        (error) => void done.push(`${name}: ${error.error}`),
      )
    const [first, second] = [send('first'), send('second')]
    await until(() => held.length > 0, 'the first to be written')
    expect(done).toEqual([])
    held.shift()!()
    await first
    expect(done).toEqual(['first'])
    connection.destroy()
    await second
    expect(done).toEqual(['first', 'second: NETWORK_EXCEPTION'])
  })

  it('without a response that cannot be written in time close the connection', async () => {
    const stream = new Duplex({ read() {}, write() {} })
    const connection = new BrokerConnection(stream, { host: 'fake', port: 1 }, { clientId: 'test', clock: realClock })
    await expect(connection.oneWay(listGroups, 5, allGroups, { timeoutMs: 20 })).rejects.toMatchObject({ error: 'REQUEST_TIMED_OUT' })
    expect(connection.closed).toBe(true)
  })

  it('drop the response of a request that was aborted', async () => {
    const { connection, feed } = wired()
    const abort = new AbortController()
    const asked = connection.request(listGroups, 5, allGroups, { timeoutMs: 5_000, signal: abort.signal })
    const second = connection.request(listGroups, 5, allGroups, { timeoutMs: 5_000 })
    abort.abort(new Error('enough'))
    await expect(asked).rejects.toThrow('enough')
    feed(responseFrame(0, ['a']))
    feed(responseFrame(1, ['b']))
    expect((await second).groups[0]!.groupId).toBe('b')
    connection.destroy()
  })

  it('that cannot be encoded leave the connection usable', async () => {
    const { connection, feed } = wired()
    const wrong = connection.request(findCoordinator, 0, { key: 'x'.repeat(40_000) }, { timeoutMs: 5_000 })
    await expect(wrong).rejects.toThrow(/32767/)
    const asked = connection.request(listGroups, 5, allGroups, { timeoutMs: 5_000 })
    feed(responseFrame(0, ['a']))
    expect((await asked).groups).toHaveLength(1)
    connection.destroy()
  })
})

describe('versions', () => {
  it('of ApiVersions fall back to what the broker supports', async () => {
    const broker = await brokerWith()
    const seen: number[] = []
    broker.on(listGroups, (_, version) => {
      seen.push(version)
      return groups([])
    })
    const asked: number[] = []
    broker.on(
      {
        ...apiVersions,
        writeResponse: (writer, version, response) =>
          apiVersions.writeResponse(writer, (response as { errorCode: number }).errorCode ? 0 : version, response as never),
      },
      (_, version) => {
        asked.push(version)
        if (version > 2) return { errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 2 }], throttleTimeMs: 0 }
        return {
          errorCode: 0,
          apiKeys: [
            { apiKey: 18, minVersion: 0, maxVersion: 2 },
            { apiKey: 16, minVersion: 0, maxVersion: 2 },
            { apiKey: 3, minVersion: 0, maxVersion: 7 },
          ],
          throttleTimeMs: 0,
        }
      },
    )
    await clientOf(broker.address).send('any', listGroups, allGroups)
    expect(asked.slice(0, 2)).toEqual([4, 2])
    expect(seen).toEqual([2])
  })

  it('that do not overlap are an error that names the request', async () => {
    const broker = await brokerWith()
    broker.on(apiVersions, () => ({ errorCode: 0, apiKeys: [{ apiKey: 3, minVersion: 0, maxVersion: 13 }], throttleTimeMs: 0 }))
    await expect(clientOf(broker.address).send('any', listGroups, allGroups)).rejects.toMatchObject({
      error: 'UNSUPPORTED_VERSION',
      message: expect.stringContaining('ListGroups'),
    })
  })
})

describe('the cluster', () => {
  it('is found by any server of the list, and found again when it has moved', async () => {
    const [first, second] = [await brokerWith({ a: 1 }), await brokerWith({ b: 1 })]
    const client = clientOf(`127.0.0.1:1, ${first.address}, ${second.address}`)
    await until(async () => (await client.topic('a', { refresh: true })) ?? (await client.topic('b', { refresh: true })), 'a topic')
    const [here, there] = (await client.topic('a', { refresh: true })) ? [first, second] : [second, first]
    await here.close()
    open.splice(open.indexOf(here), 1)
    const name = there === first ? 'a' : 'b'
    expect(await until(() => client.topic(name, { refresh: true }), 'the other broker')).toMatchObject({ name })
  })

  it('gets the request again after each hang-up, until it responds or the time is over', async () => {
    const broker = await brokerWith()
    let left = 5
    broker.on(listGroups, () => (left-- > 0 ? 'hang up' : groups(['g'])))
    const client = clientOf(broker.address)
    expect((await client.send('any', listGroups, allGroups)).groups).toHaveLength(1)
    left = Number.POSITIVE_INFINITY
    await expect(client.send('any', listGroups, allGroups, { timeoutMs: 200 })).rejects.toMatchObject({ error: 'REQUEST_TIMED_OUT' })
  })

  it('is not waited for longer than timeoutMs where it accepts connections and never responds', async () => {
    const connections = new Set<Socket>()
    const server = createServer((socket) => {
      connections.add(socket)
      socket.on('close', () => connections.delete(socket)).on('error', () => {})
      socket.resume()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    open.push({ close: () => new Promise((resolve) => server.close(() => resolve())) })
    // Any other timeout is longer than this test may take.
    const client = clientOf(`127.0.0.1:${(server.address() as { port: number }).port}`, { requestTimeoutMs: 600_000 })
    await expect(client.send('any', listGroups, allGroups, { timeoutMs: 200 })).rejects.toMatchObject({ error: 'REQUEST_TIMED_OUT' })
    await until(() => connections.size > 0, 'a connection')
    await client.close()
    await until(() => connections.size === 0, 'no connection')
  })

  it('gets one Metadata request for concurrent refreshes', async () => {
    const broker = await brokerWith({ a: 1, b: 2 })
    const client = clientOf(broker.address)
    await client.topic('a')
    const before = broker.requests.filter((name) => name === metadata.name).length
    await Promise.all(Array.from({ length: 50 }, (_, index) => client.topic(index % 2 ? 'a' : 'b', { refresh: true })))
    expect(broker.requests.filter((name) => name === metadata.name).length - before).toBeLessThanOrEqual(2)
  })

  it('gets one request again for all leaders that have moved', async () => {
    const names = Array.from({ length: 6 }, (_, index) => `t${index}`)
    const broker = await brokerWith()
    let requests = 0
    const known = new Set<string>()
    broker.on(metadata, (request: { topics: { name: string }[] }) => {
      if (requests > 0) for (const { name } of request.topics) known.add(name)
      const partition = { errorCode: 0, partitionIndex: 0, leaderId: 1, leaderEpoch: 0, replicaNodes: [1], isrNodes: [1] }
      return {
        throttleTimeMs: 0,
        brokers: [{ nodeId: 1, host: '127.0.0.1', port: broker.port, rack: null }],
        clusterId: 'fake',
        controllerId: 1,
        errorCode: 0,
        topics: request.topics.map(({ name }) => ({ errorCode: 0, name, topicId: topicId(name), partitions: [partition] })),
      }
    })
    broker.on(listOffsets, (request: { topics: { name: string }[] }) => {
      requests++
      const answerFor = (name: string) => ({
        partitionIndex: 0,
        errorCode: errorCode(known.has(name) ? 'NONE' : 'NOT_LEADER_FOR_PARTITION'),
        offset: 5,
      })
      return { throttleTimeMs: 0, topics: request.topics.map(({ name }) => ({ name, partitions: [answerFor(name)] })) }
    })
    const client = clientOf(broker.address)
    const found = await client.admin.listOffsets(names.map((topic) => ({ topic, partition: 0, spec: 'latest' as const })))
    expect(found.map(({ offset }) => offset)).toEqual(names.map(() => 5))
    expect(requests).toBe(2)
  })

  it('finds a coordinator that has moved', async () => {
    const broker = await brokerWith()
    let asked = 0
    broker.on(findCoordinator, () => {
      asked++
      const coordinator = { key: 'g', nodeId: 1, host: '127.0.0.1', port: broker.port, errorMessage: null }
      return { throttleTimeMs: 0, coordinators: [{ ...coordinator, errorCode: asked === 1 ? 15 : 0 }] }
    })
    let responses = 0
    broker.on(listGroups, () => ({ throttleTimeMs: 0, errorCode: responses++ === 0 ? 16 : 0, groups: [] }))
    const client = clientOf(broker.address)
    expect((await client.send({ group: 'g' }, listGroups, allGroups)).errorCode).toBe(16)
    expect(asked).toBe(2)
    expect((await client.send({ group: 'g' }, listGroups, allGroups)).errorCode).toBe(0)
    expect(asked).toBe(3)
    await client.send({ group: 'g' }, listGroups, allGroups)
    expect(asked).toBe(3)
  })

  it('that throttles the client gets the next request after the throttle time', async () => {
    const broker = await brokerWith()
    broker.on(listGroups, () => ({ ...groups([]), throttleTimeMs: 150 }))
    // Time passes only while the client waits for it.
    let now = 0
    const clock: Clock = {
      ...realClock,
      monotonic: () => now,
      async sleep(delayMs, signal) {
        await realClock.sleep(delayMs, signal)
        if (!signal?.aborted) now += delayMs
      },
    }
    const client = createClient({ bootstrapServers: broker.address, clientId: 'test' }, { ...system, clock })
    open.unshift(client)
    for (let i = 0; i < 3; i++) await client.send('any', listGroups, allGroups)
    expect(now).toBe(300)
  })

  it.each(['', 'nowhere', 'host:0', 'host:99999', 'a:1,b'])('cannot be "%s"', (servers) => {
    expect(() => parseServers(servers)).toThrow(/bootstrap\.servers/)
  })

  it('may be named with a protocol, in brackets, with spaces', () => {
    expect(parseServers('PLAINTEXT://a:1, [::1]:2 ,c:3').map(({ host, port }) => [host, port])).toEqual([
      ['a', 1],
      ['::1', 2],
      ['c', 3],
    ])
  })
})

it('a process that closes its clients ends by itself, also when nothing was ever reached', async () => {
  const broker = await brokerWith({ t: 1 })
  const folder = join(import.meta.dirname, '../../../../core')
  const story = `
    import { createClient } from '${folder}/client/index.ts'
    import { realSystem } from '${folder}/system/index.ts'
    const system = realSystem('silent')
    const client = createClient({ bootstrapServers: '${broker.address}', clientId: 'test' }, system)
    const lost = createClient({ bootstrapServers: '127.0.0.1:1', clientId: 'test' }, system)
    const over = (promise) => promise.then(() => 'done', () => 'refused')
    await client.topic('t')
    const consumer = client.consumer()
    consumer.assign([{ topic: 't', partition: 0, offset: 'earliest' }])
    const polled = over(consumer.poll(60_000))
    const sent = over(lost.producer().send([{ topic: 't', key: null, value: null }]))
    const asked = over(lost.topics())
    await Promise.all([client.close(), lost.close()])
    console.log(JSON.stringify([await polled, await sent, await asked]))
  `
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', story], { timeout: 50_000 })
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual(['done', 'refused', 'refused'])
})
