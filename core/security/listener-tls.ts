/**
 * TLS of one listener: the options of its stores, and the principal of a client certificate. The stores are read again when their files
 * change, and when their settings are altered; open connections stay as they are.
 */
import type { SecureContextOptions } from 'node:tls'
import type { Properties } from './listener-settings.ts'
import { subjectName } from './tls/distinguished-name.ts'
import { type PrincipalMapping, principalMapping } from './tls/principal-mapping.ts'
import type { ClientAuth } from './tls/tls-settings.ts'
import { TlsStores, type TlsSystem } from './tls/tls-stores.ts'

/** Throws where OpenSSL does not take the options: a key that is not that of the certificate, for example. */
export type CheckOptions = (options: SecureContextOptions) => void

const isOfTls = (name: string): boolean => name.startsWith('ssl.')

export class ListenerTls {
  readonly clientAuth: ClientAuth
  readonly #system: TlsSystem
  readonly #principalOf: PrincipalMapping
  #properties: Properties
  #stores: TlsStores
  #unwatch: () => void
  #onChange: (options: SecureContextOptions) => void = () => {}

  /** @throws KafkaError INVALID_CONFIG. */
  constructor(properties: Properties, system: TlsSystem, check: CheckOptions) {
    this.#system = system
    this.#properties = properties
    this.#principalOf = principalMapping(properties['ssl.principal.mapping.rules'])
    this.#stores = new TlsStores(properties, 'server', system)
    check(this.#stores.options)
    this.clientAuth = this.#stores.settings.clientAuth
    this.#unwatch = this.#watch()
  }

  get options(): SecureContextOptions {
    return this.#stores.options
  }

  /** The options of new connections have changed. */
  onChange(listener: (options: SecureContextOptions) => void): void {
    this.#onChange = listener
  }

  /** `certificate` in DER. Throws where no rule of ssl.principal.mapping.rules matches. */
  principal(certificate: Buffer): string {
    return `User:${this.#principalOf(subjectName(certificate))}`
  }

  /** New settings. Returns what puts them into effect; null where they are the same. @throws KafkaError INVALID_CONFIG. */
  prepare(properties: Properties, check: CheckOptions): (() => void) | null {
    const names = new Set([...Object.keys(properties), ...Object.keys(this.#properties)].filter(isOfTls))
    if (![...names].some((name) => properties[name] !== this.#properties[name])) return null
    const stores = new TlsStores(properties, 'server', this.#system)
    check(stores.options)
    return () => {
      this.#unwatch()
      this.#properties = properties
      this.#stores = stores
      this.#unwatch = this.#watch()
      this.#onChange(stores.options)
    }
  }

  close(): void {
    this.#unwatch()
  }

  #watch(): () => void {
    return this.#stores.watch((options) => this.#onChange(options))
  }
}
