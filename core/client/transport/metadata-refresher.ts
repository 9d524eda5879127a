/**
 * Refreshes metadata for the fetcher or the sender when partitions have no leader or another leader: one refresh at a time, with back-off
 * until a request to a leader succeeds. It never rejects.
 */
import { AuthenticationError } from '../../security/authentication-error.ts'
import type { RequestRouter } from './request-router.ts'

interface MetadataRefresherOptions {
  /** Whether the broker may create topics that do not exist. */
  allowCreation: boolean
  signal: AbortSignal
  /** A refresh has ended: the caller may retry. */
  onRefreshed: () => void
  /** No broker accepts this client, or can be trusted: what waits for `topics` should fail. */
  onRefused: (topics: readonly string[], error: AuthenticationError) => void
  /** A request was ignored during back-off: it should be repeated at `time` (monotonic ms). */
  onDelayed: (time: number) => void
}

export class MetadataRefresher {
  readonly #router: RequestRouter
  readonly #options: MetadataRefresherOptions
  #inFlight = false
  #attempts = 0
  /** Monotonic ms. */
  #notBefore = 0

  constructor(router: RequestRouter, options: MetadataRefresherOptions) {
    this.#router = router
    this.#options = options
  }

  /** Starts a refresh of `topics`, unless one is in flight. */
  request(topics: readonly string[]): void {
    const { allowCreation, signal, onRefreshed, onRefused, onDelayed } = this.#options
    const { clock, logger } = this.#router.system
    if (this.#inFlight || signal.aborted) return
    if (this.#notBefore > clock.monotonic()) {
      onDelayed(this.#notBefore)
      return
    }
    this.#inFlight = true
    this.#router.metadata
      .refresh([...new Set(topics)], { allowCreation, signal })
      .catch((error) => {
        logger.debug({ err: error }, 'metadata of partitions without a known leader could not be refreshed')
        if (error instanceof AuthenticationError) onRefused(topics, error)
      })
      .finally(() => {
        this.#inFlight = false
        this.#notBefore = clock.monotonic() + this.#router.backoffMs(this.#attempts++)
        onRefreshed()
      })
  }

  /** A request to a leader has succeeded: the next refresh has the shortest back-off again. */
  succeeded(): void {
    this.#attempts = 0
  }
}
