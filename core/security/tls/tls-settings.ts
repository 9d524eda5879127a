/**
 * The settings of TLS by Kafka's names, as values: read from strings, with Kafka's defaults, and checked against each other. Settings that
 * choose a part of the JVM must have their default. It reads no file.
 */
import { cipherList } from './cipher-suites.ts'
import { configError } from './config-error.ts'

export type SettingStrings = Readonly<Record<string, string | undefined>>
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'
export type ClientAuth = 'required' | 'requested' | 'none'
type StoreType = 'PEM' | 'JKS' | 'PKCS12'

/** A store in a file, or its text in PEM. */
export interface StoreSettings {
  /** Null: what the file holds decides. */
  type: StoreType | null
  /** The settings that say where it is, for errors. */
  setting: string
  passwordSetting: string
  location: string | null
  text: string | null
  password: string | null
}

export interface KeyStoreSettings extends StoreSettings {
  keyPassword: string | null
}

export interface TlsSettings {
  /** Null: no certificate of its own. */
  keyStore: KeyStoreSettings | null
  /** Null: the certificate authorities that Node has. */
  trustStore: StoreSettings | null
  minVersion: TlsVersion
  maxVersion: TlsVersion
  /** OpenSSL's list; undefined: its default. */
  ciphers: string | undefined
  /** ssl.endpoint.identification.algorithm=https; read by clients. */
  checksHostName: boolean
  /** Read by servers. */
  clientAuth: ClientAuth
}

/** Kafka's defaults of what the JVM would be asked for. */
const jvmSettings: Readonly<Record<string, { default: string; instead: string }>> = {
  'ssl.provider': { default: '', instead: 'TLS comes from OpenSSL' },
  'ssl.keymanager.algorithm': { default: 'SunX509', instead: 'keys come from the key store' },
  'ssl.trustmanager.algorithm': { default: 'PKIX', instead: 'certificates are verified by OpenSSL' },
  'ssl.secure.random.implementation': { default: '', instead: 'random numbers come from OpenSSL' },
  'ssl.engine.factory.class': { default: '', instead: 'TLS comes from OpenSSL' },
}
const VERSIONS: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3']
const STORE_TYPES: readonly string[] = ['PEM', 'JKS', 'PKCS12']
const CLIENT_AUTH: readonly string[] = ['required', 'requested', 'none']

/** An empty value is none, as in a file of properties. */
const text = (settings: SettingStrings, name: string): string | null => settings[name] || null

const list = (settings: SettingStrings, name: string): string[] =>
  (settings[name] ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')

/** All that is read here, without the prefix that a listener may have. */
export const tlsSettingNames: readonly string[] = [
  ...Object.keys(jvmSettings),
  'ssl.cipher.suites',
  'ssl.client.auth',
  'ssl.enabled.protocols',
  'ssl.endpoint.identification.algorithm',
  'ssl.key.password',
  'ssl.keystore.certificate.chain',
  'ssl.keystore.key',
  'ssl.keystore.location',
  'ssl.keystore.password',
  'ssl.keystore.type',
  'ssl.protocol',
  'ssl.truststore.certificates',
  'ssl.truststore.location',
  'ssl.truststore.password',
  'ssl.truststore.type',
]

/** @throws KafkaError INVALID_CONFIG. */
export function readTlsSettings(settings: SettingStrings, role: 'client' | 'server'): TlsSettings {
  for (const [name, jvm] of Object.entries(jvmSettings)) {
    const value = text(settings, name) ?? jvm.default
    if (value !== jvm.default) throw configError(name, `it chooses a part of the JVM, and ${jvm.instead}: leave it out`)
  }
  const clientAuth = (text(settings, 'ssl.client.auth') ?? 'none').toLowerCase()
  if (!CLIENT_AUTH.includes(clientAuth)) throw configError('ssl.client.auth', `"${clientAuth}" is none of ${CLIENT_AUTH.join(', ')}`)
  const keyStore = readKeyStore(settings)
  if (role === 'server' && !keyStore)
    throw configError(
      'ssl.keystore.location',
      'a listener with TLS needs a certificate: name the key store that has it and its private key',
    )
  return {
    keyStore,
    trustStore: readTrustStore(settings),
    ...readVersions(settings, role),
    ciphers: cipherList(list(settings, 'ssl.cipher.suites')),
    checksHostName: readIdentification(settings),
    clientAuth: clientAuth as ClientAuth,
  }
}

/** Https where it is not set; set and empty it is off. */
function readIdentification(settings: SettingStrings): boolean {
  const name = 'ssl.endpoint.identification.algorithm'
  const value = (settings[name] ?? 'https').trim().toLowerCase()
  if (value !== 'https' && value !== '')
    throw configError(name, `"${value}" is not supported: use https, or leave it empty to check no host name`)
  return value === 'https'
}

function readVersions(settings: SettingStrings, role: 'client' | 'server'): Pick<TlsSettings, 'minVersion' | 'maxVersion'> {
  const protocol = text(settings, 'ssl.protocol') ?? 'TLSv1.3'
  if (protocol !== 'TLS' && !VERSIONS.includes(protocol as TlsVersion))
    throw configError('ssl.protocol', `"${protocol}" is not supported: use ${VERSIONS.join(' or ')}`)
  const named = list(settings, 'ssl.enabled.protocols')
  const unknown = named.find((version) => !VERSIONS.includes(version as TlsVersion))
  if (unknown) throw configError('ssl.enabled.protocols', `"${unknown}" is not supported: use ${VERSIONS.join(', ')}`)
  // A client with ssl.protocol=TLSv1.2 uses TLS 1.3 in no case, Kafka's documentation says; a server has the enabled ones.
  const enabled = VERSIONS.filter(
    (version) => (named.length === 0 || named.includes(version)) && !(role === 'client' && protocol === 'TLSv1.2' && version === 'TLSv1.3'),
  )
  if (enabled.length === 0)
    throw configError('ssl.enabled.protocols', `none of ${named.join(', ')} is possible with ssl.protocol=${protocol}`)
  return { minVersion: enabled[0]!, maxVersion: enabled.at(-1)! }
}

function readType(settings: SettingStrings, name: string): StoreType {
  const type = (text(settings, name) ?? 'JKS').toUpperCase()
  if (!STORE_TYPES.includes(type))
    throw configError(name, `"${type}" is not supported: use ${STORE_TYPES.join(', ')}; keytool -importkeystore converts a store to PKCS12`)
  return type as StoreType
}

function readKeyStore(settings: SettingStrings): KeyStoreSettings | null {
  const type = readType(settings, 'ssl.keystore.type')
  const [location, password, keyPassword, key, chain] = [
    'ssl.keystore.location',
    'ssl.keystore.password',
    'ssl.key.password',
    'ssl.keystore.key',
    'ssl.keystore.certificate.chain',
  ].map((name) => text(settings, name)) as [string | null, string | null, string | null, string | null, string | null]
  if (key !== null || chain !== null) {
    if (key === null) throw configError('ssl.keystore.key', 'there is a certificate chain and no private key: set both')
    if (chain === null) throw configError('ssl.keystore.certificate.chain', 'there is a private key and no certificate chain: set both')
    if (type !== 'PEM') throw configError('ssl.keystore.key', `a private key in a setting needs ssl.keystore.type=PEM, it is ${type}`)
    if (location !== null) throw configError('ssl.keystore.location', 'the private key is in ssl.keystore.key already: set one of them')
    rejectStorePassword(password)
    return {
      type,
      setting: 'ssl.keystore.key',
      passwordSetting: 'ssl.key.password',
      location,
      text: `${key}\n${chain}`,
      password,
      keyPassword,
    }
  }
  if (location === null) {
    if (password !== null) throw configError('ssl.keystore.password', 'there is a password and no key store: set ssl.keystore.location')
    return null
  }
  if (type === 'PEM') rejectStorePassword(password)
  else if (password === null) throw configError('ssl.keystore.password', `the key store ${location} needs a password`)
  const passwordSetting = type === 'PEM' ? 'ssl.key.password' : 'ssl.keystore.password'
  return { type, setting: 'ssl.keystore.location', passwordSetting, location, text: null, password, keyPassword }
}

function rejectStorePassword(password: string | null): void {
  if (password !== null)
    throw configError(
      'ssl.keystore.password',
      'a key store in PEM has no password of its own: ssl.key.password is that of an encrypted key',
    )
}

function readTrustStore(settings: SettingStrings): StoreSettings | null {
  const type = readType(settings, 'ssl.truststore.type')
  const location = text(settings, 'ssl.truststore.location')
  const password = text(settings, 'ssl.truststore.password')
  const certificates = text(settings, 'ssl.truststore.certificates')
  const passwordSetting = 'ssl.truststore.password'
  if (certificates !== null) {
    if (type !== 'PEM')
      throw configError('ssl.truststore.certificates', `certificates in a setting need ssl.truststore.type=PEM, it is ${type}`)
    if (location !== null) throw configError('ssl.truststore.location', 'there are ssl.truststore.certificates already: set one of them')
    if (password !== null) throw configError(passwordSetting, 'certificates in a setting have no password: leave it out')
    return { type, setting: 'ssl.truststore.certificates', passwordSetting, location, text: certificates, password }
  }
  if (location === null) {
    if (password !== null) throw configError(passwordSetting, 'there is a password and no trust store: set ssl.truststore.location')
    return null
  }
  if (type === 'PEM' && password !== null) throw configError(passwordSetting, 'a trust store in PEM has no password: leave it out')
  return { type, setting: 'ssl.truststore.location', passwordSetting, location, text: null, password }
}
