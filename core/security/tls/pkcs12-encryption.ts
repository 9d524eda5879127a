/**
 * The encryption of PKCS#12 stores: PBES2 (Java since 8u301, OpenSSL 3) by OpenSSL, and the older algorithms of PKCS#12 itself, with Triple
 * DES or RC2, by node-forge. The number of iterations comes from the file and is bounded (Invariant 13).
 */
import { createDecipheriv, getCipherInfo, pbkdf2Sync } from 'node:crypto'
import type { cipher, rc2 } from 'node-forge'
import { child, children, type DerElement, DerError, integer, octets, oid } from './der.ts'
import { forge, fromForge, toForge } from './forge.ts'
import { WrongPasswordError } from './key-entry.ts'

/** As Java: a store with more was not made by a tool. */
const MAX_ITERATIONS = 5_000_000

const PBES2 = '1.2.840.113549.1.5.13'
const PBKDF2 = '1.2.840.113549.1.5.12'
const RC2_128 = '1.2.840.113549.1.12.1.5'
const [RC2_KEY_BYTES, RC2_BLOCK_BYTES] = [16, 8]
/** RFC 7292, appendix B.3: what bytes are derived for. */
const [KEY, IV] = [1, 2]
const CONVERT = 'convert the store with keytool -importkeystore of a newer Java'

export function iterationsOf(element: DerElement | undefined): number {
  const iterations = element ? integer(element) : 1
  if (iterations < 1 || iterations > MAX_ITERATIONS) throw new DerError(`${iterations} iterations, at most ${MAX_ITERATIONS} are read`)
  return iterations
}

/** @throws WrongPasswordError where the padding is wrong. By chance it may be right: then the bytes are not what the caller expects. */
export function decryptPkcs12(algorithm: DerElement, encrypted: Buffer, password: string): Buffer {
  const name = oid(child(algorithm, 0))
  const parameters = child(algorithm, 1)
  return name === PBES2 ? decryptPbes2(parameters, encrypted, password) : decryptOld(name, parameters, encrypted, password)
}

/** By OpenSSL, because PBKDF2 in JavaScript would stop the event loop for long. It knows ciphers by their object identifiers. */
function decryptPbes2(parameters: DerElement, encrypted: Buffer, password: string): Buffer {
  const derivation = child(parameters, 0)
  if (oid(child(derivation, 0)) !== PBKDF2) throw new DerError(`key derivation by ${oid(child(derivation, 0))} is not supported`)
  const [salt, iterations, ...optional] = children(child(derivation, 1))
  if (!salt) throw new DerError('the key derivation has no salt')
  const prf = optional.find(({ constructed }) => constructed)
  const hash = prf ? /^hmacWith(SHA\d+)$/.exec(forge().pki.oids[oid(child(prf, 0))] ?? '')?.[1] : 'SHA1'
  const scheme = child(parameters, 1)
  const cipher = getCipherInfo(oid(child(scheme, 0)))
  if (!hash || cipher?.mode !== 'cbc') throw new DerError(`encryption by ${oid(child(scheme, 0))} is not supported: ${CONVERT}`)
  const key = pbkdf2Sync(Buffer.from(password, 'utf8'), octets(salt), iterationsOf(iterations), cipher.keyLength, hash)
  const decryption = createDecipheriv(cipher.name, key, octets(child(scheme, 1)))
  try {
    return Buffer.concat([decryption.update(encrypted), decryption.final()])
  } catch (error) {
    throw new WrongPasswordError('the password is wrong', { cause: error })
  }
}

function decryptOld(name: string, parameters: DerElement, encrypted: Buffer, password: string): Buffer {
  const iterations = iterationsOf(child(parameters, 1))
  const cipher = name === RC2_128 ? rc2Cipher(octets(child(parameters, 0)), iterations, password) : forgeCipher(name, parameters, password)
  cipher.update(toForge(encrypted))
  if (!cipher.finish()) throw new WrongPasswordError('the password is wrong')
  return fromForge(cipher.output)
}

function forgeCipher(name: string, parameters: DerElement, password: string): cipher.BlockCipher {
  try {
    return forge().pki.pbe.getCipher(name, parameters, password)
  } catch (error) {
    throw new DerError(`encryption by ${name} is not supported: ${CONVERT}`, { cause: error })
  }
}

/** With 128 bits: node-forge has it, and no name for it in PKCS#12. */
function rc2Cipher(salt: Buffer, iterations: number, password: string): rc2.cipher {
  const derive = (use: number, bytes: number) => forge().pkcs12.generateKey(password, toForge(salt), use, iterations, bytes)
  const decryption = forge().rc2.createDecryptionCipher(derive(KEY, RC2_KEY_BYTES), RC2_KEY_BYTES * 8)
  decryption.start(derive(IV, RC2_BLOCK_BYTES))
  return decryption
}
