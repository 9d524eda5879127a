/**
 * The producer id of an idempotent producer without transactions: one request at a time, repeated with back-off while its error is
 * retriable.
 */
import { KafkaError } from '../../errors.ts'
import { initProducerId, type ProducerIdAndEpoch } from '../producer-id.ts'
import type { RequestRouter } from '../transport/request-router.ts'

interface IdempotentIdOptions {
  signal: AbortSignal
  /** A request has ended: batches may be sent, or another request made. */
  onSettled(): void
  /** A permanent error: no batch can be sent any more. */
  onFailed(error: Error): void
}

export class IdempotentId {
  /** Null while there is none, or the last one cannot be used any more. */
  current: ProducerIdAndEpoch | null = null
  readonly #router: RequestRouter
  readonly #options: IdempotentIdOptions
  #requesting = false
  #attempts = 0

  constructor(router: RequestRouter, options: IdempotentIdOptions) {
    this.#router = router
    this.#options = options
  }

  /** Requests an id, unless a request is in flight. Never rejects. */
  request(): void {
    const { signal, onSettled, onFailed } = this.#options
    if (this.#requesting) return
    this.#requesting = true
    initProducerId(this.#router, signal)
      .then(
        (producer) => {
          this.current = producer
          this.#attempts = 0
        },
        async (error: unknown) => {
          if (signal.aborted) return
          if (error instanceof KafkaError && error.retriable) await this.#router.sleep(this.#router.backoffMs(this.#attempts++), signal)
          else onFailed(error as Error)
        },
      )
      .finally(() => {
        this.#requesting = false
        onSettled()
      })
  }
}
