/**
 * Reads JKS stores, Java's format before Java 9. The store's digest shows whether the password is right. They are never written: keytool
 * converts them to PKCS#12.
 */
import { createHash, createPrivateKey, timingSafeEqual, X509Certificate } from 'node:crypto'
import { child, DerError, octets, readDer } from './der.ts'
import { type KeyEntry, type StoreEntries, WrongPasswordError } from './key-entry.ts'

export const JKS_MAGIC = 0xfeedfeed
/** Part of the digest of every store. */
const WHITENER = 'Mighty Aphrodite'
const DIGEST_BYTES = 20
const [KEY_ENTRY, TRUSTED_ENTRY] = [1, 2]

const sha1 = (...parts: (Buffer | string)[]) => {
  const hash = createHash('sha1')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
const passwordBytes = (password: string) => Buffer.from(password, 'utf16le').swap16()

/** Reads from front to back; what is not there is an error. */
class Cursor {
  readonly #bytes: Buffer
  #position = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  take(length: number): Buffer {
    if (length < 0 || length > this.#bytes.length - this.#position) throw new DerError('the store is truncated')
    this.#position += length
    return this.#bytes.subarray(this.#position - length, this.#position)
  }

  int(): number {
    return this.take(4).readInt32BE(0)
  }

  text(): string {
    return this.take(this.take(2).readUInt16BE(0)).toString('utf8')
  }
}

/** Without a password the digest is not checked, as in Java: trust stores may have none. */
export function readJks(bytes: Buffer, password: string | null): StoreEntries {
  const content = bytes.subarray(0, bytes.length - DIGEST_BYTES)
  if (password !== null) {
    const digest = sha1(passwordBytes(password), WHITENER, content)
    if (bytes.length < DIGEST_BYTES || !timingSafeEqual(digest, bytes.subarray(-DIGEST_BYTES)))
      throw new WrongPasswordError('the password is wrong, or the store is damaged')
  }
  const cursor = new Cursor(content)
  cursor.int()
  const version = cursor.int()
  if (version !== 1 && version !== 2) throw new DerError(`version ${version} of JKS is not known`)
  const certificate = () => {
    if (version === 2) cursor.text()
    return new X509Certificate(cursor.take(cursor.int()))
  }
  const entries: StoreEntries = { keys: [], trusted: [] }
  for (let left = cursor.int(); left > 0; left--) {
    const tag = cursor.int()
    const alias = cursor.text()
    cursor.take(8)
    if (tag === TRUSTED_ENTRY) entries.trusted.push(certificate())
    else if (tag === KEY_ENTRY) {
      const encrypted = cursor.take(cursor.int())
      const chain: X509Certificate[] = []
      for (let count = cursor.int(); count > 0; count--) chain.push(certificate())
      entries.keys.push(keyEntry(alias, encrypted, chain))
    } else throw new DerError(`entry ${alias} is neither a key nor a certificate`)
  }
  return entries
}

function keyEntry(alias: string, encrypted: Buffer, chain: X509Certificate[]): KeyEntry {
  return {
    alias,
    chain,
    key: (password) => createPrivateKey({ key: decryptKey(octets(child(readDer(encrypted), 1)), password), format: 'der', type: 'pkcs8' }),
  }
}

/** Sun's key protector: a key stream of SHA-1 digests, and the digest of what comes out. */
function decryptKey(bytes: Buffer, password: string): Buffer {
  if (bytes.length <= DIGEST_BYTES * 2) throw new DerError('a key is truncated')
  const text = passwordBytes(password)
  const plain = Buffer.from(bytes.subarray(DIGEST_BYTES, bytes.length - DIGEST_BYTES))
  let digest = bytes.subarray(0, DIGEST_BYTES)
  for (let start = 0; start < plain.length; start += DIGEST_BYTES) {
    digest = sha1(text, digest)
    for (let index = 0; index < DIGEST_BYTES && start + index < plain.length; index++) plain[start + index]! ^= digest[index]!
  }
  if (!timingSafeEqual(sha1(text, plain), bytes.subarray(-DIGEST_BYTES))) throw new WrongPasswordError('the password of the key is wrong')
  return plain
}
