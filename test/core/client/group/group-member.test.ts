/**
 * Goal: a partition has one owner at a time whatever the members of a group do (Invariant 9): they have eager assignors, do not poll, close
 * in the middle of a rebalance, or send metadata that cannot be read. Commits are not lost in a rebalance, and closing never hangs. Method:
 * consumers on a broker in this process behind a fault proxy, or on a fake coordinator whose responses the test holds back.
 */
import { afterEach, describe, expect, it, vi } from 'vitest'
import metadata from '../../../../core/apis/03-metadata.ts'
import findCoordinator from '../../../../core/apis/10-find-coordinator.ts'
import {
  type Client,
  type ClientSettings,
  type Consumer,
  type ConsumerSettings,
  createClient,
  type TopicPartition,
} from '../../../../core/client/index.ts'
import { realClock } from '../../../../core/system/clock.ts'
import { silentLogger } from '../../../../core/system/logger.ts'
import { realRandom } from '../../../../core/system/random.ts'
import { brokerInProcess } from '../../../broker-in-process.ts'
import { faultProxy } from '../../../fault-proxy.ts'
import { until } from '../../../until.ts'
import { fakeGroup, gate } from '../fake-group.ts'

const system = { clock: realClock, random: realRandom, logger: silentLogger }
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const part of open.splice(0)) await part.close()
})

async function cluster(properties: Readonly<Record<string, string>> = {}) {
  const proxy = await faultProxy(0)
  const broker = await brokerInProcess({ 'advertised.listeners': `PLAINTEXT://${proxy.address}`, ...properties })
  proxy.target = broker.port
  open.push(proxy, { close: () => broker.stop() })
  const clientOf = (settings: Partial<ClientSettings> = {}): Client => {
    const client = createClient({ bootstrapServers: proxy.address, clientId: 'test', ...settings }, system)
    open.unshift(client)
    return client
  }
  const admin = clientOf().admin
  const topic = async (name: string, partitions: number) => {
    const made = await admin.createTopics([{ name, partitions, replicationFactor: 1 }])
    expect(made.get(name)).toBe(null)
    return name
  }
  const group = async (groupId = 'g') => (await admin.describeGroups([groupId]))[0]!
  return { proxy, broker, clientOf, admin, topic, group }
}

/** Polls in the background until it is stopped; an error ends it. */
function polling(consumer: Consumer) {
  let going = true
  const values: string[] = []
  const loop = (async () => {
    while (going) for (const batch of await consumer.poll(50)) values.push(...batch.records.map((entry) => entry.value!.toString()))
  })()
  loop.catch(() => {})
  return {
    values,
    async stop() {
      going = false
      await loop
    },
  }
}

/** A consumer that is the only member of a fake group, and what its listener got. */
async function memberOfFakeGroup(
  assignor: string,
  settings: ConsumerSettings = {},
  revoked: (partitions: readonly TopicPartition[]) => Promise<void> | void = () => {},
) {
  const group = await fakeGroup(assignor)
  const client = createClient({ bootstrapServers: group.broker.address, clientId: 'test' }, system)
  open.push(client, group.broker)
  const consumer = client.consumer({ groupId: 'g', heartbeatIntervalMs: 20, partitionAssignors: [assignor], ...settings })
  const events: string[] = []
  consumer.subscribe(['t'], {
    assigned: (partitions) => void events.push(`assigned ${shown(partitions)}`),
    lost: (partitions) => void events.push(`lost ${shown(partitions)}`),
    revoked,
  })
  return { group, consumer, events }
}

/** The member has its partition, joins the next generation, and waits for its SyncGroup until `synced` opens. */
async function betweenJoinAndSync({ group, consumer }: Pick<Awaited<ReturnType<typeof memberOfFakeGroup>>, 'group' | 'consumer'>) {
  const polled = polling(consumer)
  await until(() => consumer.assignment.length === 1, 'the partition')
  const synced = gate()
  group.beforeSynced = synced.promise
  group.rebalancing = true
  await until(() => group.generation === 2 && group.syncing === 1, 'its SyncGroup')
  return { polled, synced }
}

const at = (partitions: readonly TopicPartition[], offset: number) => partitions.map((entry) => ({ ...entry, offset }))
const shown = (partitions: readonly TopicPartition[]) => partitions.map(({ topic, partition }) => `${topic}-${partition}`).sort()

describe('one owner', () => {
  it('is kept where a member joins that has an eager assignor only', async () => {
    const { clientOf, topic } = await cluster()
    const name = await topic('t', 2)
    const events: string[] = []
    const [one, other] = [
      clientOf().consumer({ groupId: 'g', heartbeatIntervalMs: 50, partitionAssignors: ['cooperative-sticky', 'range'] }),
      clientOf().consumer({ groupId: 'g', heartbeatIntervalMs: 50, partitionAssignors: ['range'] }),
    ]
    let joined = false
    one.subscribe([name], {
      async revoked(partitions) {
        // Time for a flush and a commit: the other member must not start before it ends.
        await until(() => joined, 'a member that does not wait', 400).catch(() => {})
        events.push(`one revoked ${shown(partitions)}`)
      },
    })
    const first = polling(one)
    await until(() => one.assignment.length === 2, 'both partitions')
    other.subscribe([name], {
      assigned(partitions) {
        if (partitions.length === 0) return
        joined = true
        events.push('other assigned')
      },
    })
    const second = polling(other)
    await until(() => one.assignment.length === 1 && other.assignment.length === 1, 'a partition for each')
    expect(events[0]).toMatch(/^one revoked/)
    await first.stop()
    await second.stop()
  })

  it('ends, and poll() throws, where the leader cannot read the subscription of a member', async () => {
    const { clientOf, topic } = await cluster()
    const name = await topic('t', 2)
    const consumer = clientOf().consumer({ groupId: 'g', heartbeatIntervalMs: 50, partitionAssignors: ['cooperative-sticky'] })
    const lost: string[] = []
    consumer.subscribe([name], { lost: (partitions) => void lost.push(...shown(partitions)) })
    await until(async () => {
      await consumer.poll(50)
      return consumer.assignment.length === 2
    }, 'both partitions')
    const stranger = clientOf().group({
      groupId: 'g',
      protocolType: 'consumer',
      sessionTimeoutMs: 10_000,
      heartbeatIntervalMs: 50,
      rebalanceTimeoutMs: 10_000,
      protocols: () => [{ name: 'cooperative-sticky', metadata: Buffer.from([1]) }],
      assign: (_, members) => new Map(members.map(({ memberId }) => [memberId, Buffer.alloc(0)])),
      beforeRejoin: async () => {},
      onAssigned: async () => {},
      onLost: async () => {},
    })
    stranger.start()
    await until(
      () =>
        consumer.poll(50).then(
          () => false,
          () => true,
        ),
      'an error',
    )
    expect(consumer.assignment).toEqual([])
    expect(lost).toEqual(['t-0', 't-1'])
  })

  it.each(['does not poll', 'does not return from its listener'])('is not one whose application %s', async (fault) => {
    const { clientOf, topic, group } = await cluster()
    const name = await topic('t', 1)
    const consumer = clientOf().consumer({ groupId: 'g', heartbeatIntervalMs: 50, rebalanceTimeoutMs: 400 })
    const { promise: stuck, open: release } = gate()
    consumer.subscribe([name], { assigned: () => (fault === 'does not poll' ? undefined : stuck) })
    await until(async () => (await group()).state === 'Stable', 'the member')
    const first = fault === 'does not poll' ? null : consumer.poll(1_000)
    await until(async () => (await group()).members.length === 0, 'the coordinator to remove the member')
    release()
    await first
    const polled = polling(consumer)
    await until(() => consumer.assignment.length === 1, 'the partition, once it polls')
    expect((await group()).members).toHaveLength(1)
    await polled.stop()
  })

  it('commits what it has done when it closes in the middle of a rebalance', async () => {
    const { broker, clientOf, topic, group, admin } = await cluster()
    const name = await topic('t', 2)
    const join = () => clientOf().consumer({ groupId: 'g', heartbeatIntervalMs: 50, partitionAssignors: ['range'] })
    const [leaving, coming] = [join(), join()]
    leaving.subscribe([name], {
      async revoked(partitions) {
        // Time for a flush, as in a sink: a member that had joined meanwhile would be in the next generation.
        await until(async () => (await group()).state !== 'PreparingRebalance', 'the next generation', 500).catch(() => {})
        await leaving.commit(partitions.map((entry) => ({ ...entry, offset: 7 })))
      },
    })
    await until(async () => {
      await leaving.poll(50)
      return leaving.assignment.length === 2
    }, 'both partitions')
    coming.subscribe([name])
    const polled = polling(coming)
    await until(async () => (await group()).state === 'PreparingRebalance', 'a rebalance')
    // The second heartbeat is sent when the response to the first is handled.
    const heartbeats = vi.spyOn(broker.broker.groups, 'heartbeat')
    await until(() => heartbeats.mock.calls.length >= 2, 'the member to learn of it')
    await leaving.close()
    expect((await admin.groupOffsets('g')).map(({ offset }) => offset)).toEqual([7, 7])
    await until(() => coming.assignment.length === 2, 'both partitions for the other')
    await polled.stop()
  })
})

describe('a rebalance', () => {
  it('costs nobody its partitions whose commit or heartbeat overtakes the response to its JoinGroup', async () => {
    const { group, consumer, events } = await memberOfFakeGroup('cooperative-sticky')
    const polled = polling(consumer)
    await until(() => consumer.assignment.length === 1, 'the partition')
    const joined = gate()
    group.beforeJoined = joined.promise
    group.rebalancing = true
    await until(() => group.generation === 2, 'it to join again')
    // The coordinator is in the next generation; the member does not know it yet.
    await expect(consumer.commit([{ topic: 't', partition: 0, offset: 1 }])).rejects.toMatchObject({
      error: 'REBALANCE_IN_PROGRESS',
      message: expect.stringContaining('poll, then commit again'),
    })
    joined.open()
    await until(() => consumer.commit([{ topic: 't', partition: 0, offset: 1 }]).then(() => true), 'a commit in the next generation')
    await polled.stop()
    expect(events).toEqual(['assigned t-0'])
    expect(group.generation).toBe(2)
  })

  it('does not lose the commit of a listener when the consumer closes between JoinGroup and SyncGroup', async () => {
    const { group, consumer } = await memberOfFakeGroup('cooperative-sticky', {}, (partitions) => consumer.commit(at(partitions, 7)))
    const { polled, synced } = await betweenJoinAndSync({ group, consumer })
    await polled.stop()
    const closed = consumer.close()
    await until(() => group.commits.length === 1, 'the commit')
    synced.open()
    await closed
    expect(group.commits).toEqual([
      { offset: 7, generation: 2, error: 'REBALANCE_IN_PROGRESS' },
      { offset: 7, generation: 2, error: 'NONE' },
    ])
  })

  it('keeps the order of commits, also where one waits for SyncGroup', async () => {
    const { group, consumer } = await memberOfFakeGroup('cooperative-sticky')
    const { polled, synced } = await betweenJoinAndSync({ group, consumer })
    const commits = [1, 2].map((offset) => consumer.commit([{ topic: 't', partition: 0, offset }]))
    await until(() => group.commits.length === 1, 'the first commit')
    synced.open()
    await Promise.all(commits)
    await polled.stop()
    expect(group.commits.map(({ offset, error }) => `${offset} ${error}`)).toEqual(['1 REBALANCE_IN_PROGRESS', '1 NONE', '2 NONE'])
  })

  it('ends a commit with REBALANCE_IN_PROGRESS where SyncGroup takes longer than a session', async () => {
    const { group, consumer } = await memberOfFakeGroup('cooperative-sticky', { sessionTimeoutMs: 200 })
    const { polled, synced } = await betweenJoinAndSync({ group, consumer })
    await expect(consumer.commit([{ topic: 't', partition: 0, offset: 1 }])).rejects.toMatchObject({ error: 'REBALANCE_IN_PROGRESS' })
    expect(group.commits).toHaveLength(1)
    synced.open()
    await polled.stop()
  })

  it('does not repeat a commit of partitions that the member has revoked: their next owner may have committed since', async () => {
    const { group, consumer } = await memberOfFakeGroup('range')
    const { polled, synced } = await betweenJoinAndSync({ group, consumer })
    const commit = consumer.commit([{ topic: 't', partition: 0, offset: 1 }]).catch((error: { error: string }) => error.error)
    await until(() => group.commits.length === 1, 'the commit')
    synced.open()
    expect(await commit).toBe('REBALANCE_IN_PROGRESS')
    await until(() => consumer.assignment.length === 1, 'the partition again')
    await polled.stop()
    expect(group.commits).toHaveLength(1)
  })
})

describe('the sticky assignor', () => {
  it('leaves members their partitions when others join', async () => {
    const { clientOf, topic } = await cluster()
    const name = await topic('t', 6)
    const running: { consumer: Consumer; stop(): Promise<void> }[] = []
    const join = async () => {
      const consumer = clientOf().consumer({ groupId: 'g', heartbeatIntervalMs: 50, partitionAssignors: ['sticky'] })
      consumer.subscribe([name])
      running.push({ consumer, ...polling(consumer) })
      const each = 6 / running.length
      await until(() => running.every((member) => member.consumer.assignment.length === each), `${each} partitions for each`)
      return running.map((member) => shown(member.consumer.assignment))
    }
    await join()
    const two = await join()
    const three = await join()
    for (const index of [0, 1]) expect(two[index]).toEqual(expect.arrayContaining(three[index]!))
    for (const member of running) await member.stop()
  })
})

describe('while no broker can be reached', () => {
  it('a pattern is matched against the topics as soon as one does', async () => {
    const { broker, ...group } = await fakeGroup('range')
    const client = createClient({ bootstrapServers: broker.address, clientId: 'test', requestTimeoutMs: 200 }, system)
    open.push(client, broker)
    let available = false
    for (const api of [metadata, findCoordinator]) {
      const handler = broker.handler(api)
      broker.on(api, (request, version) => (available ? handler(request, version) : 'hang up'))
    }
    const consumer = client.consumer({ groupId: 'g', heartbeatIntervalMs: 20, partitionAssignors: ['range'] })
    consumer.subscribe(/^t$/)
    // The first list of topics has failed: the member goes on to join.
    await until(() => broker.requests.includes(findCoordinator.name), 'the member')
    available = true
    const polled = polling(consumer)
    await until(() => group.subscriptions.length > 0 && group.subscriptions.at(-1)!.length > 0, 'a subscription with topics')
    await polled.stop()
    expect(group.subscriptions.at(-1)).toEqual(['t'])
  })

  it('close() does not wait for it, and leaves no connection', async () => {
    const { proxy, clientOf, topic } = await cluster()
    const name = await topic('t', 1)
    const client = clientOf({ requestTimeoutMs: 600_000 })
    const consumer = client.consumer({ groupId: 'g', heartbeatIntervalMs: 50 })
    consumer.subscribe([name])
    const polled = polling(consumer)
    await until(() => consumer.assignment.length === 1, 'the partition')
    proxy.mode = 'swallow'
    proxy.cut()
    await until(() => proxy.open > 0, 'a connection that is not answered')
    await polled.stop()
    // It would wait for a request longer than this test may take.
    await client.close()
    // The cluster's own client has connections as well.
    await open.find((part) => part !== client && 'admin' in part)!.close()
    await until(() => proxy.open === 0, 'no connection')
    expect(proxy.open).toBe(0)
  })
})
