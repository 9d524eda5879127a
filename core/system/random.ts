/**
 * Randomness as an interface: a simulation uses a seeded implementation.
 */
import { randomBytes, randomInt } from 'node:crypto'

export interface Random {
  bytes(length: number): Buffer
  /** A whole number from 0 up to but not including `below`. */
  below(below: number): number
  /** A new Kafka Uuid: 16 bytes as 22 characters of base64url. It never begins with "-": a command line would read that as an option. */
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
