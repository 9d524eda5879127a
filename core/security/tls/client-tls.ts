/**
 * TLS as a client uses it: the options of its stores, and what its failures mean. A certificate that is not trusted, and what the broker
 * refuses, is an AuthenticationError; what may be a matter of the network stays an error of the network, with a hint.
 */
import type { PeerCertificate, SecureContextOptions } from 'node:tls'
import { type AuthenticationError, sslError } from '../authentication-error.ts'
import type { SettingStrings, StoreSettings } from './tls-settings.ts'
import { TlsStores, type TlsSystem } from './tls-stores.ts'

/** How deep the causes of an error are searched. */
const MAX_CAUSES = 8

const EXPIRED = 'CERT_HAS_EXPIRED'
const NOT_YET_VALID = 'CERT_NOT_YET_VALID'
const WRONG_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID'
/** What comes back is no TLS: a listener of another protocol, or no broker. */
const NOT_TLS = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|RECORD_LAYER_FAILURE|BAD_RECORD_TYPE|DATA_LENGTH_TOO_LONG/
const NO_COMMON_VERSION = /ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS_AVAILABLE/
const NO_CERTIFICATE = /ALERT_CERTIFICATE_REQUIRED/
const CERTIFICATE_REFUSED =
  /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|ACCESS_DENIED|DECRYPT_ERROR)/
const ANY_ALERT = /^ERR_SSL_.*ALERT_|NO_CIPHERS_AVAILABLE|NO_SHARED_CIPHER|NO_CIPHER_MATCH/

export class ClientTls {
  readonly #protocol: string
  readonly #stores: TlsStores

  /** @throws KafkaError INVALID_CONFIG. */
  constructor(protocol: string, settings: SettingStrings, system: TlsSystem) {
    this.#protocol = protocol
    this.#stores = new TlsStores(settings, 'client', system)
  }

  /** The same value until a store has changed. */
  get options(): SecureContextOptions {
    return this.#stores.options
  }

  get checksHostName(): boolean {
    return this.#stores.settings.checksHostName
  }

  /** For a broker that closes the connection without an alert; empty where this client shows no certificate. */
  get certificateHint(): string {
    return this.#stores.settings.keyStore ? ` It may not accept the client certificate: ${this.#keyAdvice('check')}` : ''
  }

  /** Why the certificate of the broker is not accepted. `code` is OpenSSL's, or Node's for the host name. */
  certificateRejected(code: string, certificate: PeerCertificate, host: string, port: number): AuthenticationError {
    const { subject, issuer, valid_from: from, valid_to: to, subjectaltname: names } = certificate
    const name = commonName(subject)
    const issuerName = commonName(issuer)
    switch (code) {
      case EXPIRED: {
        // OpenSSL names no certificate of the chain: that of the broker is in doubt first.
        const own = Date.parse(to) < Date.parse(from) || Date.parse(to) <= this.#stores.now()
        const which = own
          ? `certificate ${name} of the broker has expired on ${to}`
          : `certificate of the issuer ${issuerName}, or above, has expired`
        return this.#error(host, port, `the ${which}: renew it, and check the clock of this machine`)
      }
      case NOT_YET_VALID:
        return this.#error(
          host,
          port,
          `the certificate ${name} of the broker, or of an issuer, is not valid yet (${from}): check the clocks`,
        )
      case WRONG_NAME: {
        const has = names ? `it is for ${names}` : `it is for ${name}`
        const advice = `reach the broker by such a name (advertised.listeners), renew the certificate with ${host}, or, on a network that you trust, set ssl.endpoint.identification.algorithm to nothing`
        return this.#error(host, port, `the certificate of the broker is not for ${host}, ${has}: ${advice}`)
      }
      default:
        return this.#error(
          host,
          port,
          `the certificate ${name} of the broker is not trusted (${code}), its issuer is ${issuerName}: ${this.#trustAdvice()}`,
        )
    }
  }

  /** What the failure of a connection, or of its first request, means. Null where TLS has no part in it. */
  explain(error: unknown, host: string, port: number): Error | null {
    const code = codesOf(error).find((entry) => entry.startsWith('ERR_SSL_') || entry === 'ECONNRESET' || entry === 'EPROTO')
    if (!code) return null
    if (code === 'ECONNRESET')
      return messagesOf(error).some((message) => message.includes('before secure TLS connection'))
        ? new Error(
            `the broker closed the connection in the TLS handshake: is its listener one of ${this.#protocol}?${this.certificateHint}`,
            { cause: error },
          )
        : null
    if (NOT_TLS.test(code))
      return this.#error(host, port, `the listener does not speak TLS: use the port of its ${this.#protocol} listener`, error)
    if (NO_COMMON_VERSION.test(code)) {
      const { minVersion, maxVersion } = this.#stores.settings
      return this.#error(
        host,
        port,
        `no common version of TLS, this client has ${minVersion} to ${maxVersion}: check ssl.enabled.protocols`,
        error,
      )
    }
    if (NO_CERTIFICATE.test(code))
      return this.#error(
        host,
        port,
        `the broker requires a client certificate (ssl.client.auth=required): ${this.#keyAdvice('check')}`,
        error,
      )
    if (CERTIFICATE_REFUSED.test(code)) {
      const alert = code.slice(code.lastIndexOf('ALERT_'))
      const why = `the broker does not accept the client certificate, or there is none (${alert})`
      return this.#error(host, port, `${why}: its trust store needs the issuer; ${this.#keyAdvice('check')}`, error)
    }
    if (ANY_ALERT.test(code)) {
      const advice = `check ssl.cipher.suites and ssl.enabled.protocols of both sides, and that the broker has a certificate; if it requires one of clients, ${this.#keyAdvice('check')}`
      return this.#error(host, port, `the TLS handshake failed (${code}): ${advice}`, error)
    }
    return null
  }

  #error(host: string, port: number, what: string, cause?: unknown): AuthenticationError {
    return sslError(`${host}:${port} (${this.#protocol}): ${what}`, cause)
  }

  #trustAdvice(): string {
    const { trustStore } = this.#stores.settings
    return trustStore
      ? `add the issuer to ${placeOf(trustStore)}`
      : 'there is no trust store, so only public authorities are trusted: set ssl.truststore.location to one that has the issuer'
  }

  #keyAdvice(verb: string): string {
    const { keyStore } = this.#stores.settings
    return keyStore ? `${verb} ${placeOf(keyStore)}` : 'set ssl.keystore.location, this client has no certificate'
  }
}

const placeOf = ({ setting, location }: StoreSettings) => (location === null ? setting : `${setting} ${location}`)

/** Node gives several values of one type as a list. */
const commonName = (name: PeerCertificate['subject'] | undefined): string => {
  const entries = Object.entries(name ?? {})
  const [type, value] = entries.find(([key]) => key === 'CN') ?? entries[0] ?? ['', 'without a name']
  return type === '' ? String(value) : `${type}=${value}`
}

const chainOf = (error: unknown): Error[] => {
  const chain: Error[] = []
  for (let current = error; current instanceof Error && chain.length < MAX_CAUSES; current = current.cause) chain.push(current)
  return chain
}
/** Those of Node and OpenSSL; Kafka's are numbers. */
const codesOf = (error: unknown): string[] =>
  chainOf(error).flatMap((entry) => {
    const { code } = entry as { code?: unknown }
    return typeof code === 'string' ? code : []
  })
const messagesOf = (error: unknown): string[] => chainOf(error).map(({ message }) => message)
