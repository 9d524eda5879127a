/**
 * Randomness, as the engine sees it: a simulation gives a seeded one.
 */
import { randomBytes, randomInt } from 'node:crypto'

export interface Random {
  bytes(length: number): Buffer
  /** A whole number from 0 up to but not including `below`. */
  below(below: number): number
  /** A new id of 16 bytes, as 22 characters of base64url; never one that begins with "-", which a command line would take for an option. */
  uuid(): string
}

export const realRandom: Random = {
  bytes: (length) => randomBytes(length),
  below: (below) => randomInt(below),
  uuid() {
    for (;;) {
      const id = randomBytes(16).toString('base64url')
      if (!id.startsWith('-')) return id
    }
  },
}
