/**
 * The connection of a task to Redis: opened when it is needed, and again after it was lost. Commands that were sent then fail, and are not
 * repeated: their outcome is unknown.
 */
import { Retriable } from '../../connect/sdk/index.ts'
import { connectRedisClient, createRedisClient, type RedisClient, type RedisClientOwner } from './client.ts'
import { type RedisConnectionOptions, redisAddress } from './connection-settings.ts'
import { explainedRedisError, redisErrorCode, redisErrorKind } from './errors.ts'

export class RedisConnection {
  readonly options: RedisConnectionOptions
  readonly #owner: RedisClientOwner
  readonly #afterMs: number | undefined
  #client: RedisClient | null = null
  #opening: Promise<RedisClient> | null = null
  #isClosed = false

  /** `afterMs`: when the runtime tries again after an error that may pass. */
  constructor(options: RedisConnectionOptions, owner: RedisClientOwner, afterMs?: number) {
    this.options = options
    this.#owner = owner
    this.#afterMs = afterMs
  }

  /**
   * Runs commands on a client that is connected.
   * @throws Retriable, RedisRejected (another command may succeed) or RedisRefused
   */
  async run<T>(work: (client: RedisClient) => Promise<T>): Promise<T> {
    const client = await this.client()
    try {
      return await work(client)
    } catch (error) {
      throw this.explained(error, client)
    }
  }

  /** The error of a command as that of a connector. A client that is of no use any more is dropped. */
  explained(error: unknown, client: RedisClient | null = this.#client): Error {
    // A replica answers where a master is wanted: the next client asks for the master again.
    if (redisErrorKind(error) === 'lost' || ['READONLY', 'MASTERDOWN', 'MOVED'].includes(redisErrorCode(error))) this.#drop(client)
    return explainedRedisError(error, this.options, this.#afterMs)
  }

  async client(): Promise<RedisClient> {
    if (this.#isClosed) throw new Retriable(`The connection to Redis at ${redisAddress(this.options)} is closed.`)
    // 'end' is after a loss that no command has noticed.
    if (this.#client && this.#client.status !== 'end' && this.#client.status !== 'close') return this.#client
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null
    })
    return this.#opening
  }

  async #open(): Promise<RedisClient> {
    const client = await createRedisClient(this.options, this.#owner)
    await connectRedisClient(client, this.options, this.#afterMs)
    this.#client = client
    if (this.#isClosed) this.close()
    return client
  }

  #drop(client: RedisClient | null): void {
    if (!client || this.#client !== client) return
    this.#client = null
    client.disconnect()
  }

  /** Commands that wait fail. */
  close(): void {
    this.#isClosed = true
    this.#drop(this.#client)
  }
}
