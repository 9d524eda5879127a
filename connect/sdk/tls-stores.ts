/**
 * Certificates and keys from the files that settings of a connector name: PEM, PKCS12 or JKS, as what the file holds says. They are read as
 * those of Kafka's clients are. Load it where a connection is made: most connectors need none.
 */
import { readKeyStoreFile, readTrustStoreFile } from '../../core/security/tls/store-files.ts'
import { realDisk } from '../../core/system/disk.ts'

export interface StoreFile {
  /** The setting with its path: `https.ssl.truststore.location`. Those of the type and of passwords have its prefix. */
  readonly setting: string
  readonly path: string
  readonly password: string | null
}

const storeOf = ({ setting, path, password }: StoreFile) => ({
  type: null,
  setting,
  passwordSetting: setting.replace(/location$/, 'password'),
  location: path,
  text: null,
  password,
})

/** The certificates of a trust store, as PEM. Throws Error with the setting, the file and what to do. */
export const trustedCertificates = (store: StoreFile): string[] => readTrustStoreFile(storeOf(store), realDisk).map(String)

/** The first key of a key store and its certificates, as PEM. Throws Error with the setting, the file and what to do. */
export function keyAndCertificates(store: StoreFile & { readonly keyPassword: string | null }): { key: string; cert: string } {
  const { key, chain } = readKeyStoreFile({ ...storeOf(store), keyPassword: store.keyPassword }, realDisk)
  return { key: key.export({ type: 'pkcs8', format: 'pem' }) as string, cert: chain.map(String).join('') }
}
