/**
 * The options of TLS from key store and trust store, read again when one of their files changes: certificates are renewed without a
 * restart. A store that became unreadable leaves the options as they were, and the log says what to do.
 */
import type { X509Certificate } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'
import type { System } from '../../system/index.ts'
import { readKeyStoreFile, readTrustStoreFile } from './store-files.ts'
import { readTlsSettings, type SettingStrings, type StoreSettings, type TlsSettings } from './tls-settings.ts'

/** How often the files are looked at. */
export const STORE_CHECK_MS = 5_000

export type TlsSystem = Pick<System, 'clock' | 'disk' | 'logger'>

export class TlsStores {
  readonly settings: TlsSettings
  readonly #system: TlsSystem
  readonly #files: readonly string[]
  #options: SecureContextOptions
  #signature: string
  /** Monotonic ms. */
  #checkedAt: number

  /** @throws KafkaError INVALID_CONFIG where a setting or a store is not usable. */
  constructor(settings: SettingStrings, role: 'client' | 'server', system: TlsSystem) {
    this.settings = readTlsSettings(settings, role)
    this.#system = system
    const stores: (StoreSettings | null)[] = [this.settings.keyStore, this.settings.trustStore]
    this.#files = stores.flatMap((store) => store?.location ?? [])
    this.#signature = this.#signatureOfFiles()
    this.#options = this.#read()
    this.#checkedAt = system.clock.monotonic()
  }

  /** The same value until a store has changed. Looks at the files if the last look was STORE_CHECK_MS ago. */
  get options(): SecureContextOptions {
    if (this.#files.length > 0 && this.#system.clock.monotonic() - this.#checkedAt >= STORE_CHECK_MS) this.#check()
    return this.#options
  }

  /** Wall time: for the dates of certificates. */
  now(): number {
    return this.#system.clock.now()
  }

  /** Calls `listener` when the options have changed. Returns a function that ends it. */
  watch(listener: (options: SecureContextOptions) => void): () => void {
    let known = this.#options
    const timer = this.#system.clock.every(STORE_CHECK_MS, () => {
      this.#check()
      if (this.#options === known) return
      known = this.#options
      listener(known)
    })
    return () => timer.cancel()
  }

  #check(): void {
    this.#checkedAt = this.#system.clock.monotonic()
    const signature = this.#signatureOfFiles()
    if (signature === this.#signature) return
    this.#signature = signature
    const files = this.#files.join(', ')
    try {
      this.#options = this.#read()
      this.#system.logger.info({ files }, 'TLS stores have changed and were read again; new connections use them')
    } catch (error) {
      const advice = 'TLS stores have changed and cannot be used: new connections use the old ones; repair the file, it is read again'
      this.#system.logger.error({ files, err: error }, advice)
    }
  }

  /** A file that cannot be looked at has another signature: reading it says why. */
  #signatureOfFiles(): string {
    return this.#files
      .map((file) => {
        try {
          const stat = this.#system.disk.stat(file)
          return stat ? `${stat.modifiedMs}/${stat.bytes}` : 'missing'
        } catch (error) {
          return (error as NodeJS.ErrnoException).code
        }
      })
      .join(' ')
  }

  /** Everybody refuses it: those who do often do not say why. */
  #warnOfDates(certificate: X509Certificate | undefined, file: string | null): void {
    if (!certificate) return
    const { validFromDate, validToDate, subject } = certificate
    const now = this.now()
    if (validFromDate.getTime() <= now && now <= validToDate.getTime()) return
    const dates = { validFrom: validFromDate.toISOString(), validTo: validToDate.toISOString() }
    const advice = 'the certificate of the key store has expired, or is not valid yet: others refuse it; renew it, or check the clock'
    this.#system.logger.warn({ file, subject, ...dates }, advice)
  }

  #read(): SecureContextOptions {
    const { keyStore, trustStore, minVersion, maxVersion, ciphers } = this.settings
    const { disk } = this.#system
    const own = keyStore && readKeyStoreFile(keyStore, disk)
    if (own) this.#warnOfDates(own.chain[0], keyStore.location)
    return {
      minVersion,
      maxVersion,
      // Java trusts every certificate of the trust store, also one that another authority has issued.
      allowPartialTrustChain: true,
      ...(ciphers !== undefined && { ciphers }),
      ...(own && { key: own.key.export({ type: 'pkcs8', format: 'pem' }), cert: own.chain.map(String).join('') }),
      ...(trustStore && { ca: readTrustStoreFile(trustStore, disk).map(String) }),
    }
  }
}
