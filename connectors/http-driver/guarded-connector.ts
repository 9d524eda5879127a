/**
 * Connects only to addresses that are allowed, by the config of the connector and within the limit of the worker. A host name is resolved
 * here once, so that DNS cannot answer otherwise after the check.
 */
import { type LookupAddress, lookup } from 'node:dns'
import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { buildConnector } from 'undici'
import { AddressRules } from '../../connect/sdk/address-rules.ts'
import type { HttpClientOptions } from './client-options.ts'
import { RequestRefused } from './request-errors.ts'

const unbracketed = (host: string) => (host.startsWith('[') ? host.slice(1, -1) : host)
/** Resolvers know it, and DNS does not. */
const LOOPBACK_NAME = /(?:^|\.)localhost\.?$/i

export class AddressGuard {
  readonly #rules: AddressRules
  readonly #timeoutMs: number

  constructor({ allowedAddresses, addressLimit, connectTimeoutMs }: HttpClientOptions) {
    this.#rules = new AddressRules(allowedAddresses, addressLimit)
    this.#timeoutMs = connectTimeoutMs
  }

  /** For a host that a proxy resolves: only an address, and the names of loopback, can be checked. Throws RequestRefused. */
  requireAllowed(hostname: string): void {
    const host = unbracketed(hostname)
    const address = LOOPBACK_NAME.test(host) ? '127.0.0.1' : host
    if (isIP(address) !== 0 && !this.#rules.allows(host, address)) throw this.#refused(host, address)
  }

  #refused(host: string, address: string): RequestRefused {
    const what = `${host} ${host === address ? 'is' : `leads to ${address}, which is`} an address inside of a network`
    return new RequestRefused(
      'address',
      this.#rules.refusal(host, address) === 'limit'
        ? `${what}, which this worker does not let connectors reach: use another URL, or add it to connector.private.addresses.allowlist of the workers`
        : `${what}: requests to it are refused unless http.allow.private.addresses has it`,
    )
  }

  connector(tls: ConnectionOptions): buildConnector.connector {
    const connect = buildConnector({
      ...tls,
      timeout: this.#timeoutMs,
      allowH2: false,
      lookup: (
        host: string,
        lookupOptions: object,
        callback: (error: Error | null, address: string | LookupAddress[], family?: number) => void,
      ) =>
        lookup(host, { ...lookupOptions, all: true }, (error, found) => {
          if (error) return callback(error, '')
          const allowed = found.filter(({ address }) => this.#rules.allows(host, address))
          if (allowed.length === 0) return callback(this.#refused(host, found[0]!.address), '')
          if ((lookupOptions as { all?: boolean }).all) return callback(null, allowed)
          callback(null, allowed[0]!.address, allowed[0]!.family)
        }),
    } as buildConnector.BuildOptions)
    return (target, callback) => {
      // No lookup is made for an address.
      const host = unbracketed(target.hostname)
      if (isIP(host) !== 0 && !this.#rules.allows(host, host)) return callback(this.#refused(host, host), null)
      connect(target, callback)
    }
  }
}
