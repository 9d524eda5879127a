/**
 * Subscribes to the events of keys, reads all keys where the mode asks for it, and then those that change. Several changes of a key that
 * waits are read once: what counts is its value when it is read.
 */
import type { Cluster } from 'ioredis'
import { EndOfSource, type SourceBatch, type SourceContext } from '../../connect/sdk/index.ts'
import type { RedisClient } from '../redis-driver/client.ts'
import { RedisConnection } from '../redis-driver/connection.ts'
import { redisConnectionOptions } from '../redis-driver/connection-settings.ts'
import { SubscriptionGaps } from '../redis-driver/gaps.ts'
import { ReadSize } from '../redis-driver/read-size.ts'
import { RedisSubscription, type Subscribed, type TakeMessage } from '../redis-driver/subscription.ts'
import { type ChangedKeys, changedKeysOf } from './changed-keys.ts'
import { eventPattern, keyOfChannel } from './event-channel.ts'
import { readKeys } from './key-values.ts'
import { type KeysConfig, LOSS } from './settings.ts'
import { eventFlags } from './system-check.ts'

export class KeysRun {
  readonly #context: SourceContext<KeysConfig>
  readonly #connection: RedisConnection
  readonly #subscription: RedisSubscription
  readonly #subscribed: Subscribed
  readonly #take: TakeMessage
  readonly #gaps: SubscriptionGaps
  readonly #changed: ChangedKeys
  readonly #size: ReadSize
  #readCount = 0
  #failure: Error | null = null
  #mastersDue = false
  #activeAtMs = Date.now()
  #wake: () => void = () => {}

  constructor(context: SourceContext<KeysConfig>) {
    const { config } = context
    const options = redisConnectionOptions(config)
    this.#context = context
    this.#connection = new RedisConnection(options, context)
    this.#subscription = new RedisSubscription(options, context)
    this.#subscribed = { channels: [], patterns: [eventPattern(config['redis.keys.pattern'], options.database)] }
    this.#take = (channel) => this.#add(keyOfChannel(channel, options.database))
    this.#gaps = new SubscriptionGaps(context)
    this.#changed = changedKeysOf(config)
    this.#size = new ReadSize(config['batch.size'])
    context.gauge?.('events-dropped', this.#changed.dropped)
  }

  close(): void {
    this.#subscription.close()
    this.#connection.close()
    this.#wake()
  }

  async *batches(): AsyncGenerator<SourceBatch, void, void> {
    const { config, signal } = this.#context
    const isLive = config.mode === 'LIVE'
    await this.#connection.run(async (client) => {
      await this.#warnWithoutEvents(client)
      if (client.isCluster) await this.#subscription.openOnMasters(client as Cluster, this.#subscribed, this.#take)
      else await this.#subscription.open(this.#subscribed, this.#take)
    })
    this.#gaps.subscribed(
      Date.now(),
      isLive
        ? 'keys that were deleted meanwhile, and values in between, are lost. All keys are read again.'
        : 'keys that were changed meanwhile are lost until they change again.',
    )
    void this.#subscription.lost.then((error) => {
      if (signal.aborted) return
      this.#gaps.lost(Date.now())
      this.#failure = error
      this.#wake()
    })
    const masters = this.#connection.options.mode === 'cluster' ? this.#followMasters() : null
    try {
      if (isLive) yield* this.#snapshot()
      while (!signal.aborted) {
        if (this.#failure) throw this.#failure
        if (this.#mastersDue) yield* this.#joinedMasters()
        else if (this.#changed.size > 0) yield await this.#readChanged()
        else if (await this.#isIdle())
          throw new EndOfSource(`no key has changed for ${config['redis.keys.timeout']} ms (redis.keys.timeout)`)
      }
    } finally {
      if (masters) clearInterval(masters)
      // Whatever ends this, nobody is subscribed until the next read.
      this.#gaps.lost(Date.now())
    }
  }

  async #warnWithoutEvents(client: RedisClient): Promise<void> {
    const flags = await eventFlags(client)
    if (flags !== null && !flags.includes('K'))
      this.#context.log.warn(`The server sends no keyspace events (notify-keyspace-events is "${flags}"): set it to KEA. ${LOSS}`)
  }

  #add(key: Buffer): void {
    const { log, gauge } = this.#context
    if (!this.#changed.add(key)) {
      if (this.#changed.dropped === 1)
        log.warn(
          'Keys change faster than they are read, and redis.keys.buffer is used up: events are dropped. The metric events-dropped counts them.',
        )
      gauge?.call(this.#context, 'events-dropped', this.#changed.dropped)
    }
    this.#wake()
  }

  async #readChanged(): Promise<SourceBatch> {
    const keys = this.#changed.take(this.#size.count)
    try {
      return await this.#read(keys)
    } catch (error) {
      // Redis does not tell of them again: the next read has them.
      for (const key of keys) this.#add(key)
      throw error
    }
  }

  async #read(keys: readonly Buffer[]): Promise<SourceBatch> {
    const { config, gauge } = this.#context
    const read = (client: RedisClient) =>
      readKeys(client, keys, { topic: config.topic, sortedSets: config['redis.keys.zset'], nowMs: Date.now() })
    const { records, changed, bytes } = await this.#connection.run(read)
    for (const key of changed) this.#add(key)
    this.#size.took(keys.length, bytes)
    this.#activeAtMs = Date.now()
    this.#readCount += records.length
    gauge?.call(this.#context, 'keys-read', this.#readCount)
    return { records, positions: [] }
  }

  async *#snapshot(): AsyncGenerator<SourceBatch, void, void> {
    const { config, signal, log } = this.#context
    const client = await this.#connection.client()
    let count = 0
    for (const node of client.isCluster ? (client as Cluster).nodes('master') : [client]) count += yield* this.#scan(node)
    if (!signal.aborted) log.info(`All ${count} keys that match ${config['redis.keys.pattern']} are read: changes follow.`)
  }

  /** The keys of one server. Returns how many. */
  async *#scan(node: RedisClient): AsyncGenerator<SourceBatch, number, void> {
    const { config, signal } = this.#context
    let count = 0
    let cursor = '0'
    do {
      const scan = ['SCAN', cursor, 'MATCH', config['redis.keys.pattern'], 'COUNT', String(config['batch.size'])] as const
      const [next, keys] = (await this.#connection.run(() => node.callBuffer(...scan))) as [Buffer, Buffer[]]
      cursor = next.toString('latin1')
      // Redis may give more than it was asked for.
      for (let from = 0; from < keys.length && !signal.aborted; ) {
        const part = keys.slice(from, from + this.#size.count)
        from += part.length
        count += part.length
        yield await this.#read(part)
        if (this.#failure) throw this.#failure
        // They must not use up the buffer during a long snapshot.
        if (this.#changed.size >= config['batch.size']) yield await this.#readChanged()
      }
    } while (cursor !== '0' && !signal.aborted)
    return count
  }

  #followMasters(): NodeJS.Timeout {
    return setInterval(() => {
      this.#mastersDue = true
      this.#wake()
    }, this.#context.config['redis.keys.watch.interval.ms'])
  }

  /** Of a master that has joined nothing was heard before. */
  async *#joinedMasters(): AsyncGenerator<SourceBatch, void, void> {
    this.#mastersDue = false
    const isLive = this.#context.config.mode === 'LIVE'
    const subscribe = (cluster: RedisClient) => this.#subscription.openOnMasters(cluster as Cluster, this.#subscribed, this.#take)
    for (const { host, port } of await this.#connection.run(subscribe)) {
      this.#gaps.joined(
        `The master ${host}:${port} of the cluster is new, and until now`,
        isLive
          ? 'keys that were deleted there, and values in between, are lost. All its keys are read.'
          : 'keys that were changed there are lost until they change again.',
      )
      if (!isLive) continue
      const cluster = (await this.#connection.client()) as Cluster
      const node = cluster.nodes('master').find(({ options }) => options.host === host && options.port === port)
      if (node) yield* this.#scan(node)
    }
  }

  /** Waits for a change, or until something is due. True where no key has changed within the idle timeout. */
  async #isIdle(): Promise<boolean> {
    const idleMs = this.#context.config['redis.keys.timeout']
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.#wake = () => resolve(false)
    const timer = idleMs > 0 ? setTimeout(() => resolve(true), Math.max(0, this.#activeAtMs + idleMs - Date.now())) : null
    const isIdle = await promise
    if (timer) clearTimeout(timer)
    return isIdle
  }
}
