/**
 * TLS of one listener, with settings that may be altered on a running broker: the stores are read again then, and when their files change.
 * Open connections stay as they are.
 */
import { X509Certificate } from 'node:crypto'
import type { SecureContextOptions, TLSSocket, TlsOptions } from 'node:tls'
import type { Properties } from './listener-settings.ts'
import { configError } from './tls/config-error.ts'
import { subjectName } from './tls/distinguished-name.ts'
import { ServerTls } from './tls/server-tls.ts'
import type { TlsSystem } from './tls/tls-stores.ts'

/** Throws where OpenSSL does not take the options: a key that is not that of the certificate, for example. */
export type CheckOptions = (options: SecureContextOptions) => void

interface Names {
  readonly subject: string
  readonly hosts: readonly string[]
}

function namesOf({ cert }: TlsOptions): Names {
  const certificate = new X509Certificate(cert as string)
  return { subject: subjectName(certificate.raw), hosts: certificate.subjectAltName?.split(', ') ?? [] }
}

/** As Kafka: clients that check the name of the broker must not be locked out by a wrong file. Throws KafkaError. */
function checkSameNames(before: Names, after: Names, properties: Properties): void {
  const allows = (name: string) => properties[name]?.trim().toLowerCase() === 'true'
  if (before.subject !== after.subject && !allows('ssl.allow.dn.changes'))
    throw configError(
      'ssl.keystore.location',
      `Keystore DistinguishedName does not match: existing={DN=${before.subject}}, new={DN=${after.subject}}: set ssl.allow.dn.changes=true to change it`,
    )
  if (before.hosts.some((host) => !after.hosts.includes(host)) && !allows('ssl.allow.san.changes'))
    throw configError(
      'ssl.keystore.location',
      `Keystore SubjectAltNames do not match: existing={SAN=${before.hosts}}, new={SAN=${after.hosts}}: set ssl.allow.san.changes=true to change them`,
    )
}

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
    checkSameNames(namesOf(this.#tls.options), namesOf(tls.options), properties)
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
