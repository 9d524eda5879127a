/**
 * What one connection holds of a request that is not complete: before its login it counts among the logins, afterwards among the requests.
 */
import type { ConnectionContext } from './connection-context.ts'
import type { FrameAssembler } from './frame-assembler.ts'

export class PartialRequest {
  readonly #connection: { close(reason: string): void }
  readonly #all: Pick<ConnectionContext, 'partialLogins' | 'partialRequests'>
  #loginBytes = 0
  #bytes = 0

  constructor(connection: { close(reason: string): void }, all: Pick<ConnectionContext, 'partialLogins' | 'partialRequests'>) {
    this.#connection = connection
    this.#all = all
  }

  /** After a chunk. The connection may be closed for it. */
  hold(frames: Pick<FrameAssembler, 'heldBytes' | 'receivedBytes'>, isLoggingIn: boolean): void {
    this.#set(isLoggingIn ? frames.heldBytes : 0, isLoggingIn ? 0 : frames.receivedBytes)
  }

  /** The one that was incomplete is there: another one begins later. */
  release(): void {
    this.#set(0, 0)
  }

  #set(loginBytes: number, bytes: number): void {
    const { partialLogins, partialRequests } = this.#all
    if (loginBytes !== this.#loginBytes) {
      this.#loginBytes = loginBytes
      partialLogins.hold(this.#connection, loginBytes)
    }
    if (bytes !== this.#bytes) {
      this.#bytes = bytes
      partialRequests.hold(this.#connection, bytes)
    }
  }
}
