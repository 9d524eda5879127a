/**
 * Whether one connection is read from. It is muted, as Kafka calls it, while what it has sent is over a limit, while its client is
 * throttled, and while the requests of all connections need too much memory.
 */
import type { Socket } from 'node:net'
import type { RequestMemory } from './connection-context.ts'

/** The connection, as its muting sees it. */
export interface MutableConnection {
  /** Limits of its own, its throttling among them. */
  readonly isOverLimit: boolean
  /** No request is in flight. */
  readonly isQuiet: boolean
  /** False once no further request is wanted. */
  readonly readsOn: boolean
}

export class ConnectionMute {
  readonly #socket: Pick<Socket, 'pause' | 'resume'>
  readonly #memory: RequestMemory
  readonly #connection: MutableConnection
  #isMuted = false
  #waitsForMemory = false

  constructor(socket: Pick<Socket, 'pause' | 'resume'>, memory: RequestMemory, connection: MutableConnection) {
    this.#socket = socket
    this.#memory = memory
    this.#connection = connection
  }

  /** More may have been received, or the client throttled: mutes the connection where it must be. */
  check(): void {
    if (this.#isMuted || !this.#connection.readsOn || !(this.#connection.isOverLimit || this.#lacksMemory())) return
    this.#isMuted = true
    this.#socket.pause()
    this.recheck()
  }

  /** A reason to be muted may have ended: reads on where nothing else forbids it. */
  recheck(): void {
    if (!this.#isMuted || this.#connection.isOverLimit) return
    if (this.#lacksMemory()) {
      this.#awaitMemory()
      return
    }
    this.#isMuted = false
    if (this.#connection.readsOn) this.#socket.resume()
  }

  /**
   * A connection without requests in flight may always send one: otherwise a few clients that do not read their responses would block all
   * other clients.
   */
  #lacksMemory(): boolean {
    return !this.#connection.isQuiet && this.#memory.isExhausted
  }

  #awaitMemory(): void {
    if (this.#waitsForMemory) return
    this.#waitsForMemory = true
    this.#memory.onceAvailable(() => {
      this.#waitsForMemory = false
      this.recheck()
    })
  }
}
