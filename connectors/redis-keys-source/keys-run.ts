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
import { RedisSubscription } from '../redis-driver/subscription.ts'
import { eventPattern, keyOfChannel } from './event-channel.ts'
import { readKeys } from './key-values.ts'
import { type KeysConfig, LOSS } from './settings.ts'
import { eventFlags } from './system-check.ts'

export class KeysRun {
  readonly #context: SourceContext<KeysConfig>
  readonly #connection: RedisConnection
  readonly #subscription: RedisSubscription
  readonly #gaps: SubscriptionGaps
  /** The keys that have changed, in order, by their bytes as text. */
  readonly #changed = new Map<string, Buffer>()
  readonly #counts = { read: 0, dropped: 0 }
  #failure: Error | null = null
  #wake: () => void = () => {}

  constructor(context: SourceContext<KeysConfig>) {
    const options = redisConnectionOptions(context.config)
    this.#context = context
    this.#connection = new RedisConnection(options, context)
    this.#subscription = new RedisSubscription(options, context)
    this.#gaps = new SubscriptionGaps(context)
    context.gauge?.('events-dropped', 0)
  }

  close(): void {
    this.#subscription.close()
    this.#connection.close()
    this.#wake()
  }

  async *batches(): AsyncGenerator<SourceBatch, void, void> {
    const { config, signal } = this.#context
    const { database } = this.#connection.options
    const subscribed = { channels: [], patterns: [eventPattern(config['redis.keys.pattern'], database)] }
    const take = (channel: Buffer) => this.#take(keyOfChannel(channel, database))
    await this.#connection.run(async (client) => {
      await this.#warnWithoutEvents(client)
      if (client.isCluster) await this.#subscription.openOnMasters(client as Cluster, subscribed, take)
      else await this.#subscription.open(subscribed, take)
    })
    this.#gaps.subscribed(
      Date.now(),
      config.mode === 'LIVE'
        ? 'keys that were deleted meanwhile, and values in between, are lost. All keys are read again.'
        : 'keys that were changed meanwhile are lost until they change again.',
    )
    void this.#subscription.lost.then((error) => {
      if (signal.aborted) return
      this.#gaps.lost(Date.now())
      this.#failure = error
      this.#wake()
    })
    if (config.mode === 'LIVE') yield* this.#snapshot()
    while (!signal.aborted) {
      if (this.#failure) throw this.#failure
      if (this.#changed.size > 0) yield await this.#read(this.#nextChanged())
      else if (await this.#isIdle()) throw new EndOfSource(`no key has changed for ${config['redis.keys.timeout']} ms (redis.keys.timeout)`)
    }
  }

  async #warnWithoutEvents(client: RedisClient): Promise<void> {
    const flags = await eventFlags(client)
    if (flags !== null && !flags.includes('K'))
      this.#context.log.warn(`The server sends no keyspace events (notify-keyspace-events is "${flags}"): set it to KEA. ${LOSS}`)
  }

  #take(key: Buffer): void {
    const text = key.toString('latin1')
    if (!this.#changed.has(text) && this.#changed.size >= this.#context.config['redis.keys.buffer']) {
      if (this.#counts.dropped++ === 0)
        this.#context.log.warn(
          'Keys change faster than they are read, and redis.keys.buffer is used up: events are dropped. The metric events-dropped counts them.',
        )
      this.#context.gauge?.('events-dropped', this.#counts.dropped)
      return
    }
    this.#changed.set(text, key)
    this.#wake()
  }

  #nextChanged(): Buffer[] {
    const keys: Buffer[] = []
    for (const [text, key] of this.#changed) {
      if (keys.length >= this.#context.config['batch.size']) break
      keys.push(key)
      this.#changed.delete(text)
    }
    return keys
  }

  async #read(keys: readonly Buffer[]): Promise<SourceBatch> {
    const { config, gauge } = this.#context
    const { records, changed } = await this.#connection.run((client) =>
      readKeys(client, keys, { topic: config.topic, sortedSets: config['redis.keys.zset'], nowMs: Date.now() }),
    )
    for (const key of changed) this.#take(key)
    this.#counts.read += records.length
    gauge?.call(this.#context, 'keys-read', this.#counts.read)
    return { records, positions: [] }
  }

  async *#snapshot(): AsyncGenerator<SourceBatch, void, void> {
    const { config, signal, log } = this.#context
    const client = await this.#connection.client()
    const nodes = client.isCluster ? (client as Cluster).nodes('master') : [client]
    let count = 0
    for (const node of nodes) {
      let cursor = '0'
      do {
        const scan = ['SCAN', cursor, 'MATCH', config['redis.keys.pattern'], 'COUNT', String(config['batch.size'])] as const
        const [next, keys] = (await this.#connection.run(() => (node as RedisClient).callBuffer(...scan))) as [Buffer, Buffer[]]
        cursor = next.toString('latin1')
        // Redis may give more than it was asked for.
        for (let from = 0; from < keys.length && !signal.aborted; from += config['batch.size']) {
          const part = keys.slice(from, from + config['batch.size'])
          count += part.length
          yield await this.#read(part)
        }
      } while (cursor !== '0' && !signal.aborted)
    }
    if (!signal.aborted) log.info(`All ${count} keys that match ${config['redis.keys.pattern']} are read: changes follow.`)
  }

  /** Waits for a change. True where none came within the idle timeout. */
  async #isIdle(): Promise<boolean> {
    const idleMs = this.#context.config['redis.keys.timeout']
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.#wake = () => resolve(false)
    const timer = idleMs > 0 ? setTimeout(() => resolve(true), idleMs) : null
    const isIdle = await promise
    if (timer) clearTimeout(timer)
    return isIdle
  }
}
