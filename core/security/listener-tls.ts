/**
 * TLS of one listener, with settings that may be altered on a running broker: the stores are read again then, and when their files change.
 * Open connections stay as they are.
 */
import type { SecureContextOptions, TLSSocket, TlsOptions } from 'node:tls'
import type { Properties } from './listener-settings.ts'
import { ServerTls } from './tls/server-tls.ts'
import type { TlsSystem } from './tls/tls-stores.ts'

/** Throws where OpenSSL does not take the options: a key that is not that of the certificate, for example. */
export type CheckOptions = (options: SecureContextOptions) => void

const isOfTls = (name: string): boolean => name.startsWith('ssl.')

export class ListenerTls {
  readonly #system: TlsSystem
  #properties: Properties
  #tls: ServerTls
  #unwatch: () => void
  #onChange: (options: SecureContextOptions) => void = () => {}

  /** @throws KafkaError INVALID_CONFIG. */
  constructor(properties: Properties, system: TlsSystem, check: CheckOptions) {
    this.#system = system
    this.#properties = properties
    this.#tls = new ServerTls(properties, system)
    check(this.#tls.options)
    this.#unwatch = this.#watch()
  }

  /** For `createServer` of node:tls. */
  get options(): TlsOptions {
    return this.#tls.options
  }

  /** The options of new connections have changed. */
  onChange(listener: (options: SecureContextOptions) => void): void {
    this.#onChange = listener
  }

  /** Null without a certificate. @throws where it is not trusted, or no rule of ssl.principal.mapping.rules matches. */
  principal(socket: TLSSocket): string | null {
    const name = this.#tls.principal(socket)
    return name === null ? null : `User:${name}`
  }

  /** New settings. Returns what puts them into effect; null where they are the same. @throws KafkaError INVALID_CONFIG. */
  prepare(properties: Properties, check: CheckOptions): (() => void) | null {
    const names = new Set([...Object.keys(properties), ...Object.keys(this.#properties)].filter(isOfTls))
    if (![...names].some((name) => properties[name] !== this.#properties[name])) return null
    const tls = new ServerTls(properties, this.#system)
    check(tls.options)
    return () => {
      this.#unwatch()
      this.#properties = properties
      this.#tls = tls
      this.#unwatch = this.#watch()
      this.#onChange(tls.options)
    }
  }

  close(): void {
    this.#unwatch()
  }

  #watch(): () => void {
    return this.#tls.watch((options) => this.#onChange(options))
  }
}
