/**
 * The numbers of java.util.Random: the generator and its methods are part of Java's documented interface, so that one seed gives the
 * data that Confluent's connector gives. The 48 bits of its state are two numbers of 24.
 */
const HALF = 2 ** 24
const MULTIPLIER_HIGH = 0x5de
const MULTIPLIER_LOW = 0xece66d
const INCREMENT = 0xb

export class JavaRandom {
  #high = 0
  #low = 0

  /** Of a seed of 64 bits only the lowest 48 count. */
  constructor(seed: number) {
    this.seed(seed)
  }

  /** `seed` is a safe integer. */
  seed(seed: number): void {
    const bits = BigInt.asUintN(48, BigInt(seed) ^ 0x5deece66dn)
    this.#high = Number(bits >> 24n)
    this.#low = Number(bits & 0xffffffn)
  }

  /** The next seed of 64 bits, less all but its lowest 48: as a seed it is the same. */
  nextSeed(): number {
    const high = this.#next(32)
    const low = this.#next(32)
    // A negative half takes one from the other.
    return ((high - (low < 0 ? 1 : 0)) & 0xffff) * 2 ** 32 + (low >>> 0)
  }

  nextInt(): number {
    return this.#next(32)
  }

  /** From 0 to below a bound of at most 2^31 - 1. */
  nextBelow(bound: number): number {
    if ((bound & -bound) === bound) return Math.floor((bound * this.#next(31)) / 2 ** 31)
    for (;;) {
      const bits = this.#next(31)
      const value = bits % bound
      if (bits - value + (bound - 1) < 2 ** 31) return value
    }
  }

  nextLong(): bigint {
    return BigInt.asIntN(64, (BigInt(this.#next(32)) << 32n) + BigInt(this.#next(32)))
  }

  nextBoolean(): boolean {
    return this.#next(1) !== 0
  }

  nextFloat(): number {
    return this.#next(24) / 2 ** 24
  }

  nextDouble(): number {
    return (this.#next(26) * 2 ** 27 + this.#next(27)) / 2 ** 53
  }

  nextBytes(length: number): Buffer {
    const bytes = Buffer.alloc(length)
    for (let index = 0; index < length; ) {
      let bits = this.nextInt()
      for (let count = Math.min(length - index, 4); count > 0; count--, bits >>= 8) bytes[index++] = bits & 0xff
    }
    return bytes
  }

  /** With 32 bits it is signed. */
  #next(bits: number): number {
    const low = this.#low * MULTIPLIER_LOW + INCREMENT
    const high = this.#high * MULTIPLIER_LOW + this.#low * MULTIPLIER_HIGH + Math.floor(low / HALF)
    this.#low = low % HALF
    this.#high = high % HALF
    const value = Math.floor((this.#high * HALF + this.#low) / 2 ** (48 - bits))
    return bits === 32 ? value | 0 : value
  }
}
