/**
 * Requests in progress that nobody has logged in for: those of other workers, and what `access.control.allow.anonymous` opens. Bounded are
 * their number and the bytes of bodies that have not arrived. Beyond that, those are closed first that have waited longest for their client
 * to send the body or to read the response: clients that mean it are done in a moment, and must not wait for those that do not.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'

export class AnonymousRequests {
  readonly #max: number
  readonly #maxBytes: number
  /** In the order of arrival. */
  readonly #requests = new Map<FastifyReply['raw'], { request: FastifyRequest['raw']; bytes: number }>()

  constructor(max: number, maxBytes: number) {
    this.#max = max
    this.#maxBytes = maxBytes
  }

  /** `bytes` is the length of the body. False where there are too many requests in progress, and none that waits for its client. */
  add({ raw: request }: FastifyRequest, { raw: response }: FastifyReply, bytes: number): boolean {
    this.#closeLate(bytes)
    if (this.#requests.size >= this.#max) return false
    this.#requests.set(response, { request, bytes })
    response.once('close', () => this.#requests.delete(response))
    return true
  }

  #closeLate(more: number): void {
    let arriving = more
    for (const [response, { request, bytes }] of this.#requests) {
      // A connection may have been closed before anybody listened for it.
      if (response.closed || response.destroyed || response.writableFinished) this.#requests.delete(response)
      else if (!request.complete) arriving += bytes
    }
    for (const [response, { request, bytes }] of this.#requests) {
      if (this.#requests.size < this.#max && arriving <= this.#maxBytes) return
      if (request.complete && !response.writableEnded) continue
      if (!request.complete) arriving -= bytes
      this.#requests.delete(response)
      request.socket.destroy()
    }
  }
}
