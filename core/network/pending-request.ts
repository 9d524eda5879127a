/**
 * One request of one connection, from its frame until its response is sent: the context of its handler, and its entry in the connection's
 * queue.
 */
import { type Access, AuthorizedAccess, unrestricted } from '../apis/access.ts'
import type { AnyServedApi } from '../apis/define-api.ts'
import type { Peer, RequestContext } from '../apis/request-context.ts'
import type { BrokerServices } from '../broker-services.ts'

export class PendingRequest implements RequestContext {
  readonly api: AnyServedApi
  readonly request: ReturnType<AnyServedApi['readRequest']>
  readonly version: number
  readonly correlationId: number
  readonly clientId: string | null
  readonly peer: Peer
  readonly broker: BrokerServices
  /** Memory of the frame and of the values that were read from it. */
  readonly sizeBytes: number
  /** Of the request without its header. */
  readonly bodyBytes: number
  /** The time that it has taken so far, while somebody has a client quota. */
  handlingMs = 0
  /** By a quota on a byte rate. */
  bandwidthThrottleMs = 0
  /** As in Kafka, a login counts for no quota: whose it is, is not known yet. */
  isOfLogin = false
  /** True once `response` is set. */
  isCompleted = false
  /** The response's fields; null where nothing is sent. */
  response: unknown = null
  #releases: (() => void)[] | null = null
  #access: Access | null = null

  constructor(
    api: AnyServedApi,
    request: ReturnType<AnyServedApi['readRequest']>,
    header: { apiVersion: number; correlationId: number; clientId: string | null },
    peer: Peer,
    broker: BrokerServices,
    { sizeBytes, bodyBytes }: { sizeBytes: number; bodyBytes: number },
  ) {
    this.api = api
    this.request = request
    this.version = header.apiVersion
    this.correlationId = header.correlationId
    this.clientId = header.clientId
    this.peer = peer
    this.broker = broker
    this.sizeBytes = sizeBytes
    this.bodyBytes = bodyBytes
  }

  get access(): Access {
    const { authorizer } = this.broker
    this.#access ??= authorizer ? new AuthorizedAccess(authorizer, this.peer, this.api) : unrestricted
    return this.#access
  }

  complete(response: unknown): void {
    this.response = response
    this.isCompleted = true
  }

  onSent(release: () => void): void {
    this.#releases ??= []
    this.#releases.push(release)
  }

  /** Runs the callbacks now: what they are for is not sent. */
  release(): void {
    for (const release of this.releases) release()
    this.#releases = null
  }

  /** The callbacks that `onSent` has registered; the caller runs them. */
  get releases(): readonly (() => void)[] {
    return this.#releases ?? NO_RELEASES
  }
}

const NO_RELEASES: readonly (() => void)[] = []
