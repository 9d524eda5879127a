/**
 * One request on its way through a handler.
 */
import type { BrokerServices } from '../broker-services.ts'

export interface Peer {
  /** Unique for the life of the process. */
  readonly id: string
  /** The address of the client, as Kafka prints it: `/127.0.0.1`. */
  readonly host: string
  /** The name of the listener that took the connection. */
  readonly listener: string
  /** Who the peer is; `User:ANONYMOUS` without authentication. */
  readonly principal: string
  /** True once the connection is gone: what waits for it should stop. */
  readonly closed: boolean
  /** Bytes that an answer may take now: the less, the more of what was answered to all is not sent yet (Invariant 13). */
  readonly answerBytes: number
  /** Runs when the connection goes, or at once when it is gone. Returns how to forget it. */
  onClose(task: () => void): () => void
  /** Ends the connection and says why in the log: the only answer to a request that has none (Produce with acks=0). */
  close(why: string): void
}

export interface RequestContext<Q = unknown> {
  readonly request: Q
  readonly version: number
  readonly clientId: string | null
  readonly peer: Peer
  readonly broker: BrokerServices
  /** Runs once the response has left the process, or never will: gives pooled buffers back. */
  onSent(release: () => void): void
}
