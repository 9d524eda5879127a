/**
 * A keyed hash of 128 bits for the keys of records: two HalfSipHash-1-3 of 64 bits with independent secrets, in 32-bit arithmetic. Equal
 * hashes count as equal keys and an older record is dropped, so a hash without a secret would not do: a producer could craft two keys with
 * the same hash and remove the records of another one. The secret is new for each cleaning.
 */
export const SECRET_BYTES = 16

/** Constants of HalfSipHash for an output of 64 bits. */
const V2 = 0x6c796765
const V3 = 0x74656462
const LONG_OUTPUT = 0xee
const SECOND_HALF = 0xdd

export class KeyHash {
  readonly #secret: Int32Array
  /** The hash of the key that was hashed last, as signed 32-bit integers: V8 keeps these without a box. */
  h0 = 0
  h1 = 0
  h2 = 0
  h3 = 0

  constructor(secret: Uint8Array) {
    this.#secret = new Int32Array(4)
    const view = new DataView(secret.buffer, secret.byteOffset, SECRET_BYTES)
    for (let index = 0; index < 4; index++) this.#secret[index] = view.getInt32(index * 4, true)
  }

  /** Hashes the bytes from `start` to `end`. */
  hash(bytes: Uint8Array, start: number, end: number): void {
    const secret = this.#secret
    let a0 = secret[0]!
    let a1 = secret[1]! ^ LONG_OUTPUT
    let a2 = V2 ^ a0
    let a3 = V3 ^ secret[1]!
    let b0 = secret[2]!
    let b1 = secret[3]! ^ LONG_OUTPUT
    let b2 = V2 ^ b0
    let b3 = V3 ^ secret[3]!
    const length = end - start
    const wordsEnd = end - (length & 3)
    let position = start
    // One step for each word, the last one for the rest and the length, then twice three steps of finalization.
    for (let step = 0; step < 7; ) {
      let word = 0
      if (position < wordsEnd) {
        word = bytes[position]! | (bytes[position + 1]! << 8) | (bytes[position + 2]! << 16) | (bytes[position + 3]! << 24)
        position += 4
      } else if (step === 0) {
        word = length << 24
        if (position < end) word |= bytes[position]!
        if (position + 1 < end) word |= bytes[position + 1]! << 8
        if (position + 2 < end) word |= bytes[position + 2]! << 16
        step = 1
      } else {
        if (step === 1) {
          a2 ^= LONG_OUTPUT
          b2 ^= LONG_OUTPUT
        } else if (step === 4) {
          this.h0 = a1 ^ a3
          this.h2 = b1 ^ b3
          a1 ^= SECOND_HALF
          b1 ^= SECOND_HALF
        }
        step++
      }
      a3 ^= word
      b3 ^= word
      a0 = (a0 + a1) | 0
      a1 = ((a1 << 5) | (a1 >>> 27)) ^ a0
      a0 = (a0 << 16) | (a0 >>> 16)
      a2 = (a2 + a3) | 0
      a3 = ((a3 << 8) | (a3 >>> 24)) ^ a2
      a0 = (a0 + a3) | 0
      a3 = ((a3 << 7) | (a3 >>> 25)) ^ a0
      a2 = (a2 + a1) | 0
      a1 = ((a1 << 13) | (a1 >>> 19)) ^ a2
      a2 = (a2 << 16) | (a2 >>> 16)
      b0 = (b0 + b1) | 0
      b1 = ((b1 << 5) | (b1 >>> 27)) ^ b0
      b0 = (b0 << 16) | (b0 >>> 16)
      b2 = (b2 + b3) | 0
      b3 = ((b3 << 8) | (b3 >>> 24)) ^ b2
      b0 = (b0 + b3) | 0
      b3 = ((b3 << 7) | (b3 >>> 25)) ^ b0
      b2 = (b2 + b1) | 0
      b1 = ((b1 << 13) | (b1 >>> 19)) ^ b2
      b2 = (b2 << 16) | (b2 >>> 16)
      a0 ^= word
      b0 ^= word
    }
    this.h1 = a1 ^ a3
    this.h3 = b1 ^ b3
  }
}
