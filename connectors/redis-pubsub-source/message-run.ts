/**
 * Subscribes, and yields the messages that come, until the connection is lost. What waits for Kafka is bounded: further messages are
 * dropped and counted, as Redis cannot wait.
 */
import { type SourceBatch, type SourceContext, type SourceRecord, schemas, sourceRecord } from '../../connect/sdk/index.ts'
import { redisConnectionOptions } from '../redis-driver/connection-settings.ts'
import { SubscriptionGaps } from '../redis-driver/gaps.ts'
import { RedisSubscription } from '../redis-driver/subscription.ts'
import { CHANNEL_TOKEN, type PubSubConfig, subscribedOf } from './settings.ts'

/** What a message takes besides its bytes, about. */
const MESSAGE_OVERHEAD = 100

const keySchema = schemas.string()
const valueSchemas = { string: schemas.string(), bytes: schemas.bytes() }

interface Message {
  channel: Buffer
  message: Buffer
  pattern: Buffer | null
  atMs: number
}

const sizeOf = ({ channel, message }: Message): number => channel.length + message.length + MESSAGE_OVERHEAD

export class MessageRun {
  readonly #context: SourceContext<PubSubConfig>
  readonly #subscription: RedisSubscription
  readonly #gaps: SubscriptionGaps
  #waiting: Message[] = []
  #bytes = 0
  #dropped = 0
  #read = 0
  #failure: Error | null = null
  #wake: () => void = () => {}

  constructor(context: SourceContext<PubSubConfig>) {
    this.#context = context
    this.#gaps = new SubscriptionGaps(context)
    this.#subscription = new RedisSubscription(redisConnectionOptions(context.config), context)
    context.gauge?.('messages-dropped', 0)
  }

  close(): void {
    this.#subscription.close()
    this.#wake()
  }

  async *batches(): AsyncGenerator<SourceBatch, void, void> {
    const { signal, config } = this.#context
    await this.#subscription.open(subscribedOf(config), (channel, message, pattern) => this.#take(channel, message, pattern))
    this.#gaps.subscribed(Date.now(), 'what was published meanwhile is lost.')
    void this.#subscription.lost.then((error) => {
      if (signal.aborted) return
      this.#gaps.lost(Date.now())
      this.#failure = error
      this.#wake()
    })
    try {
      while (!signal.aborted) {
        if (this.#waiting.length > 0) yield this.#batch()
        else if (this.#failure) throw this.#failure
        else await this.#next()
      }
    } finally {
      // Whatever ends this, nobody is subscribed until the next read, which has other messages.
      this.#gaps.lost(Date.now())
      if (!signal.aborted && this.#waiting.length > 0) {
        this.#context.log.warn(
          `${this.#waiting.length} messages that waited for Kafka are dropped: it does not take them, and the task reads anew.`,
        )
        this.#drop(this.#waiting.length)
      }
    }
  }

  #next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    return promise
  }

  #take(channel: Buffer, message: Buffer, pattern: Buffer | null): void {
    const taken = { channel, message, pattern, atMs: Date.now() }
    const size = sizeOf(taken)
    if (this.#bytes + size > this.#context.config['redis.buffer.bytes']) {
      if (this.#dropped === 0)
        this.#context.log.warn(
          'Kafka takes messages more slowly than Redis sends them, and redis.buffer.bytes is used up: messages are dropped. The metric messages-dropped counts them.',
        )
      this.#drop(1)
      return
    }
    this.#bytes += size
    this.#waiting.push(taken)
    this.#wake()
  }

  #drop(count: number): void {
    this.#dropped += count
    this.#context.gauge?.('messages-dropped', this.#dropped)
  }

  #batch(): SourceBatch {
    const { config } = this.#context
    const messages = this.#waiting.splice(0, config['batch.size'])
    for (const message of messages) this.#bytes -= sizeOf(message)
    this.#read += messages.length
    this.#context.gauge?.('messages-read', this.#read)
    return { records: messages.map((message) => this.#record(message)), positions: [] }
  }

  #record({ channel, message, pattern, atMs }: Message): SourceRecord {
    const { config } = this.#context
    const name = channel.toString()
    const form = config['redis.message']
    return sourceRecord({
      topic: config.topic.replaceAll(CHANNEL_TOKEN, name),
      key: name,
      keySchema,
      value: form === 'bytes' ? message : message.toString(),
      valueSchema: valueSchemas[form],
      timestamp: atMs,
      headers: pattern ? [{ key: 'redis.pattern', value: pattern.toString(), schema: keySchema }] : [],
    })
  }
}
