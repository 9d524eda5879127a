/**
 * Reads PKCS#12 stores: keys with their chains, and trusted certificates. A certificate alone is trusted only where Java's attribute says
 * so, as in Java. Node itself reads the keys of such a store, but not its trusted certificates, and none that Java 8 has written.
 */
import { createHmac, createPrivateKey, timingSafeEqual, X509Certificate } from 'node:crypto'
import { child, type DerElement, DerError, derTag, octets, oid, readDer } from './der.ts'
import { type KeyEntry, type StoreEntries, WrongPasswordError } from './key-entry.ts'
import { decryptPkcs12, deriveKey, iterationsOf, purpose } from './pkcs12-encryption.ts'

const DATA = '1.2.840.113549.1.7.1'
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6'
const BAG = '1.2.840.113549.1.12.10.1.'
const X509 = '1.2.840.113549.1.9.22.1'
const FRIENDLY_NAME = '1.2.840.113549.1.9.20'
const LOCAL_KEY_ID = '1.2.840.113549.1.9.21'
/** Java's trustedKeyUsage. */
const TRUSTED = '2.16.840.1.113894.746875.1.1'
/** A chain that has more certificates has a circle. */
const MAX_CHAIN = 32

const digests: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}
const digestBytes: Readonly<Record<string, number>> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 }

interface KeyBag {
  alias: string
  keyId: string
  decrypt(password: string): Buffer
}

interface CertificateBag {
  keyId: string
  trusted: boolean
  certificate: X509Certificate
}

interface Bags {
  keys: KeyBag[]
  certificates: CertificateBag[]
}

/** Without a password only what is not encrypted is read: the trust store of a Java that was told to write no passwords. */
export function readPkcs12(bytes: Buffer, password: string | null): StoreEntries {
  const store = readDer(bytes)
  const content = octets(child(child(child(store, 1), 1), 0))
  const mac = store.children[2]
  if (mac && password !== null) checkMac(mac, content, password)
  const bags: Bags = { keys: [], certificates: [] }
  for (const safe of readDer(content).children) {
    const contents = safeContents(safe, password)
    if (contents) readBags(readDer(contents), bags)
  }
  const issuers = bags.certificates.map(({ certificate }) => certificate)
  const own = (bag: KeyBag) => bags.certificates.find(({ keyId }) => keyId !== '' && keyId === bag.keyId)
  return {
    keys: bags.keys.map((bag) => keyEntry(bag, own(bag)?.certificate, issuers)),
    trusted: bags.certificates.filter(({ trusted }) => trusted).map(({ certificate }) => certificate),
  }
}

function checkMac(mac: DerElement, content: Buffer, password: string): void {
  const info = child(mac, 0)
  const algorithm = oid(child(child(info, 0), 0))
  const digest = digests[algorithm]
  if (!digest) throw new DerError(`a MAC by ${algorithm} is not supported: convert the store with keytool -importkeystore`)
  const expected = octets(child(info, 1))
  const key = deriveKey(digest, password, octets(child(mac, 1)), purpose.mac, iterationsOf(mac.children[2]), digestBytes[digest]!)
  const actual = createHmac(digest, key).update(content).digest()
  if (actual.length !== expected.length || !timingSafeEqual(actual, expected))
    throw new WrongPasswordError('the password is wrong, or the store is damaged')
}

/** Null for what is encrypted where there is no password. */
function safeContents(safe: DerElement, password: string | null): Buffer | null {
  const type = oid(child(safe, 0))
  const content = child(child(safe, 1), 0)
  if (type === DATA) return octets(content)
  if (type !== ENCRYPTED_DATA) throw new DerError(`content of type ${type} is not supported`)
  if (password === null) return null
  const encrypted = child(content, 1)
  return decrypted(() => decryptPkcs12(child(encrypted, 1), octets(child(encrypted, 2)), password))
}

/** A wrong password shows as wrong padding. */
function decrypted(decrypt: () => Buffer): Buffer {
  try {
    return decrypt()
  } catch (error) {
    if (error instanceof DerError && !error.message.includes('padding')) throw error
    throw new WrongPasswordError('the password is wrong', { cause: error })
  }
}

function readBags(contents: DerElement, bags: Bags): void {
  for (const bag of contents.children) {
    const type = oid(child(bag, 0))
    const value = child(child(bag, 1), 0)
    const attributes = bag.children[2]?.children ?? []
    const attribute = (name: string) => attributes.find((entry) => oid(child(entry, 0)) === name)?.children[1]?.children[0]
    const name = attribute(FRIENDLY_NAME)
    const alias = name?.tag === derTag.bmpString ? Buffer.from(name.content).swap16().toString('utf16le') : ''
    const id = attribute(LOCAL_KEY_ID)
    const keyId = id ? octets(id).toString('hex') : ''
    switch (type) {
      case `${BAG}1`:
        bags.keys.push({ alias, keyId, decrypt: () => value.bytes })
        break
      case `${BAG}2`: {
        const [algorithm, encrypted] = [child(value, 0), octets(child(value, 1))]
        bags.keys.push({ alias, keyId, decrypt: (password) => decrypted(() => decryptPkcs12(algorithm, encrypted, password)) })
        break
      }
      case `${BAG}3`:
        if (oid(child(value, 0)) === X509) {
          const certificate = new X509Certificate(octets(child(child(value, 1), 0)))
          bags.certificates.push({ keyId, trusted: attribute(TRUSTED) !== undefined, certificate })
        }
        break
      case `${BAG}6`:
        readBags(value, bags)
    }
  }
}

function keyEntry({ alias, decrypt }: KeyBag, own: X509Certificate | undefined, issuers: readonly X509Certificate[]): KeyEntry {
  const chain: X509Certificate[] = []
  for (let next = own; next && chain.length < MAX_CHAIN; ) {
    const current: X509Certificate = next
    chain.push(current)
    next = issuers.find((issuer) => !chain.includes(issuer) && current.checkIssued(issuer))
  }
  return { alias, chain, key: (password) => createPrivateKey({ key: decrypt(password), format: 'der', type: 'pkcs8' }) }
}
