/**
 * One request of one connection, from its frame to its answer: what a handler is called with, and what the connection keeps in order by.
 */

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
  /** What it holds while it is under way: its frame, and what was made of it. */
  readonly bytes: number
  done = false
  /** The response's fields; null where nothing is sent. */
  answer: unknown = null
  #releases: (() => void)[] | null = null

  constructor(
    api: AnyServedApi,
    request: ReturnType<AnyServedApi['readRequest']>,
    header: { apiVersion: number; correlationId: number; clientId: string | null },
    peer: Peer,
    broker: BrokerServices,
    bytes: number,
  ) {
    this.api = api
    this.request = request
    this.version = header.apiVersion
    this.correlationId = header.correlationId
    this.clientId = header.clientId
    this.peer = peer
    this.broker = broker
    this.bytes = bytes
  }

  onSent(release: () => void): void {
    this.#releases ??= []
    this.#releases.push(release)
  }

  takeReleases(): (() => void)[] | null {
    const releases = this.#releases
    this.#releases = null
    return releases
  }
}
