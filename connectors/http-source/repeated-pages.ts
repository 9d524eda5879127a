/**
 * Notices a server that does not look at the number of the page or of the items: it responds to each with the same, without an end. Pure.
 */
import { createHash } from 'node:crypto'

/** Items may be alike: so many responses in a row are not the same by chance. */
const MAX_ALIKE = 10

export class RepeatedPages {
  #last = ''
  #alike = 0

  /** Whether `body` is the last of too many that are the same, for different offsets. */
  isEndless(body: Buffer): boolean {
    const digest = createHash('sha256').update(body).digest('base64')
    this.#alike = digest === this.#last ? this.#alike + 1 : 1
    this.#last = digest
    return this.#alike > MAX_ALIKE
  }
}
