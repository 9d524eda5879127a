/**
 * The encryption of PKCS#12 stores: PBES2 (Java since 8u301, OpenSSL 3) and the older algorithms of PKCS#12 itself, with Triple DES or RC2.
 * The number of iterations comes from the file and is bounded (Invariant 13).
 */
import { createDecipheriv, hash as hashOnce, pbkdf2Sync } from 'node:crypto'
import { child, type DerElement, DerError, integer, octets, oid } from './der.ts'
import { decryptRc2 } from './rc2.ts'

/** As Java: a store with more was not made by a tool. */
const MAX_ITERATIONS = 5_000_000

const PBES2 = '1.2.840.113549.1.5.13'
const PBKDF2 = '1.2.840.113549.1.5.12'

const pseudoRandom: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
}

const ciphers: Readonly<Record<string, { name: string; keyBytes: number }>> = {
  '2.16.840.1.101.3.4.1.2': { name: 'aes-128-cbc', keyBytes: 16 },
  '2.16.840.1.101.3.4.1.22': { name: 'aes-192-cbc', keyBytes: 24 },
  '2.16.840.1.101.3.4.1.42': { name: 'aes-256-cbc', keyBytes: 32 },
  '1.2.840.113549.3.7': { name: 'des-ede3-cbc', keyBytes: 24 },
}

/** By the last number of 1.2.840.113549.1.12.1.N. */
const oldCiphers: Readonly<Record<string, { cipher: 'des-ede3-cbc' | 'rc2'; keyBytes: number }>> = {
  '3': { cipher: 'des-ede3-cbc', keyBytes: 24 },
  '5': { cipher: 'rc2', keyBytes: 16 },
  '6': { cipher: 'rc2', keyBytes: 5 },
}
const OLD_PREFIX = '1.2.840.113549.1.12.1.'
const IV_BYTES = 8

/** What a key of PKCS#12 is derived for. */
export const purpose = { key: 1, iv: 2, mac: 3 } as const

export function iterationsOf(element: DerElement | undefined): number {
  const iterations = element ? integer(element) : 1
  if (iterations < 1 || iterations > MAX_ITERATIONS) throw new DerError(`${iterations} iterations, at most ${MAX_ITERATIONS} are read`)
  return iterations
}

/** @throws where the password is wrong: the padding is, or what comes out is not what the caller expects. */
export function decryptPkcs12(algorithm: DerElement, encrypted: Buffer, password: string): Buffer {
  const name = oid(child(algorithm, 0))
  const parameters = child(algorithm, 1)
  if (name === PBES2) return decryptPbes2(parameters, encrypted, password)
  const old = name.startsWith(OLD_PREFIX) ? oldCiphers[name.slice(OLD_PREFIX.length)] : undefined
  if (!old) throw new DerError(`encryption by ${name} is not supported: convert the store with keytool -importkeystore of a newer Java`)
  const salt = octets(child(parameters, 0))
  const iterations = iterationsOf(child(parameters, 1))
  const derive = (use: number, bytes: number) => deriveKey('sha1', password, salt, use, iterations, bytes)
  const key = derive(purpose.key, old.keyBytes)
  const iv = derive(purpose.iv, IV_BYTES)
  return old.cipher === 'rc2' ? decryptRc2(key, iv, encrypted) : decipher(old.cipher, key, iv, encrypted)
}

function decryptPbes2(parameters: DerElement, encrypted: Buffer, password: string): Buffer {
  const derivation = child(parameters, 0)
  if (oid(child(derivation, 0)) !== PBKDF2) throw new DerError(`key derivation by ${oid(child(derivation, 0))} is not supported`)
  const [salt, iterations, ...optional] = child(derivation, 1).children
  if (!salt) throw new DerError('the key derivation has no salt')
  const prf = optional.find(({ children }) => children.length > 0)
  const hash = prf ? pseudoRandom[oid(child(prf, 0))] : 'sha1'
  const scheme = child(parameters, 1)
  const cipher = ciphers[oid(child(scheme, 0))]
  if (!hash || !cipher) throw new DerError(`encryption by ${oid(child(scheme, 0))} is not supported`)
  const key = pbkdf2Sync(Buffer.from(password, 'utf8'), octets(salt), iterationsOf(iterations), cipher.keyBytes, hash)
  return decipher(cipher.name, key, octets(child(scheme, 1)), encrypted)
}

function decipher(cipher: string, key: Buffer, iv: Buffer, encrypted: Buffer): Buffer {
  const decryption = createDecipheriv(cipher, key, iv)
  return Buffer.concat([decryption.update(encrypted), decryption.final()])
}

const blockBytes = (hash: string) => (hash === 'sha384' || hash === 'sha512' ? 128 : 64)

/** Repeats the bytes up to a multiple of the block. */
function filled(bytes: Buffer, block: number): Buffer {
  return bytes.length === 0 ? bytes : Buffer.alloc(Math.ceil(bytes.length / block) * block, bytes)
}

/** RFC 7292, appendix B.2: keys, initialization vectors and MAC keys from a password. */
export function deriveKey(hash: string, password: string, salt: Buffer, use: number, iterations: number, bytes: number): Buffer {
  const block = blockBytes(hash)
  const text = Buffer.from(`${password}\0`, 'utf16le').swap16()
  const input = Buffer.concat([filled(salt, block), filled(text, block)])
  const diversifier = Buffer.alloc(block, use)
  const output: Buffer[] = []
  for (let length = 0; length < bytes; ) {
    let digest = hashOnce(hash, Buffer.concat([diversifier, input]), 'buffer')
    for (let round = 1; round < iterations; round++) digest = hashOnce(hash, digest, 'buffer')
    output.push(digest)
    length += digest.length
    const addend = Buffer.alloc(block, digest)
    for (let start = 0; start < input.length; start += block) {
      let carry = 1
      for (let index = block - 1; index >= 0; index--) {
        carry += input[start + index]! + addend[index]!
        input[start + index] = carry & 0xff
        carry >>= 8
      }
    }
  }
  return Buffer.concat(output).subarray(0, bytes)
}
