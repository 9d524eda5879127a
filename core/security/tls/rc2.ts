/**
 * RC2 in CBC mode, decryption only (RFC 2268): Java before 8u301 and OpenSSL 1 encrypt the certificates of a PKCS#12 store with it, and
 * OpenSSL 3 has it no more. Those certificates are public; nothing is ever encrypted with it here.
 */
import { DerError } from './der.ts'

const BLOCK_BYTES = 8
const EXPANDED_BYTES = 128
/** The rotation of each of the four words. */
const ROTATIONS = [1, 2, 3, 5]

/** The permutation of RFC 2268, from the digits of pi. */
const permutation = Buffer.from(
  [
    'd978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82',
    '54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb6266fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7',
    '08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ecc2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731',
    '2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a90d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad',
  ].join(''),
  'hex',
)

/** 64 words of 16 bits. The effective length is that of the key. */
function expandedKey(key: Buffer): number[] {
  const bytes = Buffer.alloc(EXPANDED_BYTES)
  key.copy(bytes)
  for (let index = key.length; index < EXPANDED_BYTES; index++)
    bytes[index] = permutation[(bytes[index - 1]! + bytes[index - key.length]!) & 0xff]!
  bytes[EXPANDED_BYTES - key.length] = permutation[bytes[EXPANDED_BYTES - key.length]!]!
  for (let index = EXPANDED_BYTES - key.length - 1; index >= 0; index--)
    bytes[index] = permutation[bytes[index + 1]! ^ bytes[index + key.length]!]!
  return Array.from({ length: EXPANDED_BYTES / 2 }, (_, index) => bytes.readUInt16LE(index * 2))
}

function decryptBlock(words: number[], key: readonly number[]): void {
  const at = (index: number) => words[(index + 4) % 4]!
  for (let round = 15; round >= 0; round--) {
    if (round === 10 || round === 4) for (let i = 3; i >= 0; i--) words[i] = (at(i) - key[at(i - 1) & 63]!) & 0xffff
    for (let i = 3; i >= 0; i--) {
      const rotated = ((at(i) >>> ROTATIONS[i]!) | (at(i) << (16 - ROTATIONS[i]!))) & 0xffff
      words[i] = (rotated - key[round * 4 + i]! - (at(i - 1) & at(i - 2)) - (~at(i - 1) & at(i - 3))) & 0xffff
    }
  }
}

/** @throws DerError where the padding is wrong: so is the key. */
export function decryptRc2(key: Buffer, iv: Buffer, encrypted: Buffer): Buffer {
  if (encrypted.length === 0 || encrypted.length % BLOCK_BYTES !== 0) throw new DerError('encrypted bytes are not whole blocks')
  const words = expandedKey(key)
  const output = Buffer.alloc(encrypted.length)
  let previous = iv
  for (let start = 0; start < encrypted.length; start += BLOCK_BYTES) {
    const block = Array.from({ length: 4 }, (_, index) => encrypted.readUInt16LE(start + index * 2))
    decryptBlock(block, words)
    block.forEach((word, index) => void output.writeUInt16LE(word, start + index * 2))
    for (let index = 0; index < BLOCK_BYTES; index++) output[start + index]! ^= previous[index]!
    previous = encrypted.subarray(start, start + BLOCK_BYTES)
  }
  const padding = output.at(-1)!
  if (padding < 1 || padding > BLOCK_BYTES || !output.subarray(-padding).every((byte) => byte === padding))
    throw new DerError('the padding is wrong')
  return output.subarray(0, -padding)
}
