/**
 * Several Redis servers that are one system: a cluster of masters that share the slots, and a master with a replica and a sentinel that
 * watches both.
 */
import { until } from '../until.ts'
import { type RedisServer, type RedisServerOptions, startRedisServer } from './redis.ts'

const SLOTS = 16_384

export interface TestCluster {
  readonly nodes: readonly RedisServer[]
  /** host:port of each, with commas. */
  readonly hosts: string
  /** Starts another master, which has no slots; all nodes know it. */
  join(): Promise<RedisServer>
  /** Moves the slots from `first` to before `end`, with their keys, as redis-cli does: clients are redirected meanwhile. */
  moveSlots(from: RedisServer, to: RedisServer, first: number, end: number): Promise<void>
  stop(): Promise<void>
}

/** The keys of one MIGRATE. */
const KEYS_A_MOVE = 100

export async function startRedisCluster(count = 3, options: RedisServerOptions = {}): Promise<TestCluster> {
  const nodes: RedisServer[] = []
  const stop = async () => {
    for (const node of nodes) await node.stop()
  }
  const startNode = async () => {
    const lines = (server: { port: number; folder: string }) => [
      'cluster-enabled yes',
      'cluster-node-timeout 2000',
      'cluster-require-full-coverage no',
      ...(options.lines?.(server) ?? []),
    ]
    const node = await startRedisServer({ ...options, cluster: true, lines })
    nodes.push(node)
    return node
  }
  const idOf = async (node: RedisServer) => String(await node.client().cluster('MYID'))
  const join = async () => {
    const node = await startNode()
    const id = await idOf(node)
    await node.client().cluster('MEET', '127.0.0.1', nodes[0]!.port)
    for (const known of nodes) {
      const client = known.client()
      await until(async () => {
        const lines = String(await client.cluster('NODES')).split('\n')
        return lines.some((line) => line.startsWith(id) && !line.includes('handshake')) && lines.length > nodes.length
      }, `the node ${known.port} knows the new one`)
    }
    const joined = node.client()
    await until(async () => (await joined.cluster('INFO')).includes('cluster_state:ok'), `the node ${node.port} is in the cluster`)
    return node
  }
  const moveSlots = async (from: RedisServer, to: RedisServer, first: number, end: number) => {
    const [source, target] = [from.client(), to.client()]
    const [sourceId, targetId] = [await idOf(from), await idOf(to)]
    for (let slot = first; slot < end; slot++) {
      await target.cluster('SETSLOT', slot, 'IMPORTING', sourceId)
      await source.cluster('SETSLOT', slot, 'MIGRATING', targetId)
      for (;;) {
        const keys = (await source.callBuffer('CLUSTER', 'GETKEYSINSLOT', slot, KEYS_A_MOVE)) as Buffer[]
        if (keys.length === 0) break
        await source.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5000, 'KEYS', ...keys)
      }
      await target.cluster('SETSLOT', slot, 'NODE', targetId)
      await source.cluster('SETSLOT', slot, 'NODE', targetId)
    }
  }
  try {
    for (let index = 0; index < count; index++) await startNode()
    const [first, ...others] = nodes
    for (const [index, node] of nodes.entries()) {
      const from = Math.floor((SLOTS * index) / count)
      const to = Math.floor((SLOTS * (index + 1)) / count)
      await node.client().cluster('ADDSLOTS', ...Array.from({ length: to - from }, (_, i) => from + i))
      await node.client().cluster('SET-CONFIG-EPOCH', index + 1)
    }
    for (const node of others) await node.client().cluster('MEET', '127.0.0.1', first!.port)
    for (const node of nodes) {
      const client = node.client()
      await until(async () => {
        const info = await client.cluster('INFO')
        return info.includes('cluster_state:ok') && info.includes(`cluster_size:${count}`) && info.includes(`cluster_slots_ok:${SLOTS}`)
      }, `the node ${node.port} knows the whole cluster`)
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { nodes, hosts: nodes.map(({ port }) => `127.0.0.1:${port}`).join(','), join, moveSlots, stop }
}

export interface TestSentinel {
  readonly master: RedisServer
  readonly replica: RedisServer
  readonly sentinel: RedisServer
  /** The name of the master at the sentinel. */
  readonly name: string
  stop(): Promise<void>
}

export async function startRedisSentinel(options: { lines?: readonly string[] } = {}): Promise<TestSentinel> {
  const name = 'primary'
  const servers: RedisServer[] = []
  const stop = async () => {
    for (const server of servers) await server.stop()
  }
  const add = async (given: RedisServerOptions) => {
    const server = await startRedisServer(given)
    servers.push(server)
    return server
  }
  try {
    const own = options.lines ?? []
    const master = await add({ lines: () => own })
    const replica = await add({ lines: () => [`replicaof 127.0.0.1 ${master.port}`, 'repl-diskless-sync-delay 0', ...own] })
    await until(
      async () => (await replica.client().info('replication')).includes('master_link_status:up'),
      'the replica has the data of its master',
    )
    const sentinel = await add({
      sentinel: true,
      lines: () => [
        `sentinel monitor ${name} 127.0.0.1 ${master.port} 1`,
        `sentinel down-after-milliseconds ${name} 1000`,
        `sentinel failover-timeout ${name} 5000`,
      ],
    })
    const watching = sentinel.client()
    await until(
      async () => ((await watching.call('SENTINEL', 'REPLICAS', name)) as unknown[]).length === 1,
      'the sentinel knows the replica',
    )
    return { master, replica, sentinel, name, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
