/**
 * Tells Redis of entries that are in Kafka (XACK), one request at a time. What cannot be told because the connection is lost stays in the
 * ledger, for the next read.
 */
import type { RedisConnection } from '../redis-driver/connection.ts'
import type { Acknowledgements } from './acknowledgements.ts'

const IDS_A_COMMAND = 1000
/** A task that stops waits no longer for a server that does not respond. */
const FINISH_MS = 2_000

export class AckSender {
  readonly #connection: RedisConnection
  readonly #group: string
  readonly #ledger: Acknowledgements
  #sending: Promise<void> | null = null
  #isDue = false
  #isFinished = false
  #failure: Error | null = null

  constructor(connection: RedisConnection, group: string, ledger: Acknowledgements) {
    this.#connection = connection
    this.#group = group
    this.#ledger = ledger
  }

  /** Sends what there is, and what comes meanwhile. */
  begin(): void {
    // The next read sends what is in the ledger.
    if (this.#isFinished) return
    this.#isDue = true
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = null
    })
  }

  /** Resolves when Redis has all that is in Kafka now. Throws why it cannot. */
  async send(): Promise<void> {
    this.begin()
    await this.#sending
    this.throwFailure()
  }

  /** Of a request in the background. */
  throwFailure(): void {
    const failure = this.#failure
    this.#failure = null
    if (failure) throw failure
  }

  async finish(): Promise<void> {
    this.begin()
    this.#isFinished = true
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, FINISH_MS)
    await Promise.race([this.#sending, promise])
    clearTimeout(timer)
  }

  async #sendAll(): Promise<void> {
    // The acknowledgements of one turn of the event loop go together.
    await Promise.resolve()
    try {
      while (this.#isDue) {
        this.#isDue = false
        await this.#connection.run(async (client) => {
          for (const [stream, ids] of this.#ledger.unsent()) {
            for (let from = 0; from < ids.length; from += IDS_A_COMMAND) {
              const part = ids.slice(from, from + IDS_A_COMMAND)
              await client.xack(stream, this.#group, ...part)
              this.#ledger.sent(stream, part)
            }
          }
        })
      }
    } catch (error) {
      // What was not sent stays in the ledger, for the next read.
      this.#failure = error as Error
    }
  }
}
