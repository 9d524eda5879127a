/**
 * Reads the key store and the trust store that the settings name: in PEM, PKCS#12 or JKS. Java reads a PKCS#12 store also where the type
 * says JKS, and the reverse: the first bytes decide. Every failure is a sentence with the setting, the file and what to do.
 */
import type { KeyObject, X509Certificate } from 'node:crypto'
import { KafkaError } from '../../errors.ts'
import type { Disk } from '../../system/disk.ts'
import { configError } from './config-error.ts'
import { JKS_MAGIC, readJks } from './jks.ts'
import { type StoreEntries, WrongPasswordError } from './key-entry.ts'
import { looksLikePem, pemCertificates, pemPrivateKey } from './pem.ts'
import { readPkcs12 } from './pkcs12.ts'
import type { KeyStoreSettings, StoreSettings } from './tls-settings.ts'

/** Of one store. All authorities of a JVM are about 200 KB. */
const MAX_STORE_BYTES = 16 * 1024 * 1024
const JCEKS_MAGIC = 0xcececece
const SEQUENCE = 0x30

export interface KeyAndChain {
  key: KeyObject
  /** The certificate of the key first. */
  chain: X509Certificate[]
}

/** Another setting of the same client: with the same prefix. */
const beside = ({ setting }: StoreSettings, name: string): string => setting.replace(/ssl\..*$/, `ssl.${name}`)

const whereOf = ({ location }: StoreSettings): string => location ?? 'its value'

function bytesOf(store: StoreSettings, disk: Disk): Buffer {
  if (store.text !== null) return Buffer.from(store.text)
  const location = store.location!
  let bytes: Buffer | null
  try {
    const size = disk.stat(location)?.bytes ?? 0
    if (size > MAX_STORE_BYTES) throw configError(store.setting, `${location} has ${size} bytes, at most ${MAX_STORE_BYTES} are read`)
    bytes = disk.readFile(location)
  } catch (error) {
    if (error instanceof KafkaError) throw error
    throw configError(store.setting, `${location} cannot be read (${(error as NodeJS.ErrnoException).code}): check its permissions`, error)
  }
  if (!bytes) throw configError(store.setting, `${location} does not exist: check the path`)
  return bytes
}

const isPem = (store: StoreSettings, bytes: Buffer): boolean => (store.type === null ? looksLikePem(bytes) : store.type === 'PEM')

/** Runs `read` and says which store it was about. */
function explained<T>(store: StoreSettings, passwordSetting: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof KafkaError) throw error
    if (error instanceof WrongPasswordError)
      throw configError(passwordSetting, `${whereOf(store)}: ${error.message}: check the password`, error)
    const advice = 'check that the file is whole, or write it again'
    throw configError(
      store.setting,
      `${whereOf(store)} cannot be read as ${store.type ?? 'a store'}: ${(error as Error).message}: ${advice}`,
      error,
    )
  }
}

function binaryEntries(store: StoreSettings, bytes: Buffer): StoreEntries {
  const typeSetting = beside(store, store.setting.includes('truststore') ? 'truststore.type' : 'keystore.type')
  const where = whereOf(store)
  if (looksLikePem(bytes)) throw configError(typeSetting, `${where} is PEM, the type is ${store.type}: set it to PEM`)
  const magic = bytes.length >= 4 ? bytes.readUInt32BE(0) : 0
  if (magic === JCEKS_MAGIC)
    throw configError(typeSetting, `${where} is JCEKS, which is not read: convert it with keytool -importkeystore -deststoretype PKCS12`)
  if (magic === JKS_MAGIC) return readJks(bytes, store.password)
  if (bytes[0] !== SEQUENCE) throw configError(typeSetting, `${where} is neither PKCS12 nor JKS nor PEM: check that it is a store`)
  return readPkcs12(bytes, store.password)
}

export function readKeyStoreFile(store: KeyStoreSettings, disk: Disk): KeyAndChain {
  const bytes = bytesOf(store, disk)
  const found = isPem(store, bytes) ? pemKey(store, bytes.toString('utf8')) : binaryKey(store, bytes)
  const where = whereOf(store)
  const [own] = found.chain
  if (!own) throw configError(store.setting, `${where} has no certificate for its private key: add the chain to it`)
  if (!own.checkPrivateKey(found.key)) throw configError(store.setting, `${where}: the first certificate is not that of the private key`)
  return found
}

function pemKey(store: KeyStoreSettings, text: string): KeyAndChain {
  return explained(store, beside(store, 'key.password'), () => {
    const key = pemPrivateKey(text, store.keyPassword)
    if (!key) throw configError(store.setting, `${whereOf(store)} has no private key in PEM: it needs one, then its certificate chain`)
    return { key, chain: pemCertificates(text) }
  })
}

function binaryKey(store: KeyStoreSettings, bytes: Buffer): KeyAndChain {
  const [entry] = explained(store, store.passwordSetting, () => binaryEntries(store, bytes)).keys
  if (!entry) throw configError(store.setting, `${whereOf(store)} has no private key: a key store needs one with its certificate`)
  const passwordSetting = store.keyPassword === null ? store.passwordSetting : beside(store, 'key.password')
  return { key: explained(store, passwordSetting, () => entry.key(store.keyPassword ?? store.password ?? '')), chain: entry.chain }
}

/** As in Java, the certificates of keys are trusted as well. */
export function readTrustStoreFile(store: StoreSettings, disk: Disk): X509Certificate[] {
  const bytes = bytesOf(store, disk)
  const trusted = explained(store, store.passwordSetting, () => {
    if (isPem(store, bytes)) return pemCertificates(bytes.toString('utf8'))
    const { keys, trusted } = binaryEntries(store, bytes)
    return [...trusted, ...keys.flatMap(({ chain }) => chain.slice(0, 1))]
  })
  if (trusted.length > 0) return trusted
  const why = isPem(store, bytes)
    ? 'add the certificates of the authorities'
    : 'add them with keytool -importcert; one that openssl writes needs -jdktrust, and an encrypted one its password'
  throw configError(store.setting, `${whereOf(store)} has no trusted certificate: ${why}`)
}
