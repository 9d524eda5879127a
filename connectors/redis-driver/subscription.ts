/**
 * Subscriptions to channels and patterns on one server, or on each master of a cluster. It never subscribes again by itself: while nobody
 * is subscribed Redis drops what is published, and the reader must know.
 */
import type { Cluster, Redis } from 'ioredis'
import { connectRedisClient, createRedisClient, type RedisClientOwner } from './client.ts'
import type { RedisConnectionOptions, RedisNode } from './connection-settings.ts'
import { explainedRedisError } from './errors.ts'

/** A network that is gone is noticed by a PING without a response: nothing else is sent. */
const PING_INTERVAL_MS = 10_000

export interface Subscribed {
  readonly channels: readonly string[]
  readonly patterns: readonly string[]
}

const addressOf = ({ host, port }: { host?: string | undefined; port?: number | undefined }): string => `${host}:${port}`

export type TakeMessage = (channel: Buffer, message: Buffer, pattern: Buffer | null) => void

export class RedisSubscription {
  readonly #options: RedisConnectionOptions
  readonly #owner: RedisClientOwner
  /** By the addresses of their servers. */
  readonly #clients = new Map<string, Redis>()
  readonly #lost = Promise.withResolvers<Error>()
  #pings: NodeJS.Timeout | null = null
  #isClosed = false

  constructor(options: RedisConnectionOptions, owner: RedisClientOwner) {
    this.#options = options
    this.#owner = owner
  }

  /** Resolves with the error when a connection is lost, and never after `close`. */
  get lost(): Promise<Error> {
    return this.#lost.promise
  }

  /** Subscribes on one server: of a cluster on any node, as published messages go to all of them. */
  async open(subscribed: Subscribed, take: TakeMessage): Promise<void> {
    if (this.#options.mode !== 'cluster') return await this.#subscribe(this.#options, subscribed, take)
    let last: unknown
    for (const node of this.#options.nodes) {
      try {
        return await this.#subscribe(this.#only(node), subscribed, take)
      } catch (error) {
        last = error
      }
    }
    throw last
  }

  /**
   * Subscribes on each master of a cluster, as events of keys are told by the node of the key alone; called again, on those that have
   * become masters since, which it returns. A node that is no master any more is left.
   */
  async openOnMasters(cluster: Cluster, subscribed: Subscribed, take: TakeMessage): Promise<RedisNode[]> {
    await new Promise<void>((resolve, reject) => cluster.refreshSlotsCache((error) => (error ? reject(error) : resolve())))
    const masters = new Map(cluster.nodes('master').map(({ options }) => [addressOf(options), options] as const))
    for (const [address, client] of this.#clients) {
      if (masters.has(address)) continue
      this.#clients.delete(address)
      client.disconnect()
    }
    const joined: RedisNode[] = []
    for (const [address, { host, port }] of masters) {
      if (this.#clients.has(address)) continue
      const node = { host: host!, port: port! }
      await this.#subscribe(this.#only(node), subscribed, take)
      joined.push(node)
    }
    return joined
  }

  #only(node: RedisNode): RedisConnectionOptions {
    return { ...this.#options, mode: 'standalone', nodes: [node] }
  }

  async #subscribe(options: RedisConnectionOptions, { channels, patterns }: Subscribed, take: TakeMessage): Promise<void> {
    const client = (await createRedisClient(options, this.#owner)) as Redis
    const address = addressOf(options.nodes[0]!)
    this.#clients.set(address, client)
    let last: Error | null = null
    client.on('error', (error: Error) => {
      last = error
    })
    client.on('messageBuffer', (channel: Buffer, message: Buffer) => take(channel, message, null))
    client.on('pmessageBuffer', (pattern: Buffer, channel: Buffer, message: Buffer) => take(channel, message, pattern))
    try {
      await connectRedisClient(client, options)
      client.once('end', () => {
        if (!this.#isClosed && this.#clients.get(address) === client)
          this.#lost.resolve(explainedRedisError(last ?? new Error('the connection was closed'), options))
      })
      if (channels.length > 0) await client.subscribe(...channels)
      if (patterns.length > 0) await client.psubscribe(...patterns)
    } catch (error) {
      this.#clients.delete(address)
      client.disconnect()
      throw explainedRedisError(error, options)
    }
    this.#pings ??= setInterval(() => this.#ping(), PING_INTERVAL_MS)
    if (this.#isClosed) this.close()
  }

  #ping(): void {
    // A failure closes the connection, which `lost` tells.
    for (const client of this.#clients.values()) client.ping().catch(() => client.disconnect())
  }

  close(): void {
    this.#isClosed = true
    if (this.#pings) clearInterval(this.#pings)
    for (const client of this.#clients.values()) client.disconnect()
  }
}
