/**
 * TLS as a listener uses it: the options of its stores, which follow their files, and who a client is by its certificate. A certificate
 * that is not verified authenticates nobody: such a connection is to be closed.
 */
import type { SecureContextOptions, TLSSocket, TlsOptions } from 'node:tls'
import { subjectName } from './distinguished-name.ts'
import { type PrincipalMapping, principalMapping } from './principal-mapping.ts'
import type { SettingStrings } from './tls-settings.ts'
import { TlsStores, type TlsSystem } from './tls-stores.ts'

export class ServerTls {
  readonly #stores: TlsStores
  readonly #mapping: PrincipalMapping

  /** @throws KafkaError INVALID_CONFIG where a setting or a store is not usable. */
  constructor(settings: SettingStrings, system: TlsSystem) {
    this.#stores = new TlsStores(settings, 'server', system)
    this.#mapping = principalMapping(settings['ssl.principal.mapping.rules'])
  }

  /** For `createServer` of node:tls. */
  get options(): TlsOptions {
    const { clientAuth } = this.#stores.settings
    return { ...this.#stores.options, requestCert: clientAuth !== 'none', rejectUnauthorized: clientAuth === 'required' }
  }

  /** Calls `listener` with what `setSecureContext` of the server takes when a store has changed. Returns a function that ends it. */
  watch(listener: (options: SecureContextOptions) => void): () => void {
    return this.#stores.watch(listener)
  }

  /**
   * The name of the principal, without `User:`; null where the client has shown no certificate: User:ANONYMOUS.
   * @throws where its certificate is not trusted, or no rule of ssl.principal.mapping.rules matches.
   */
  principal(socket: Pick<TLSSocket, 'authorized' | 'authorizationError' | 'getPeerX509Certificate'>): string | null {
    if (this.#stores.settings.clientAuth === 'none') return null
    const certificate = socket.getPeerX509Certificate()
    if (!certificate) return null
    if (!socket.authorized) {
      const advice = 'its issuer has to be in the trust store of the listener'
      throw new Error(`the client certificate ${subjectName(certificate.raw)} is not trusted (${socket.authorizationError}): ${advice}`)
    }
    return this.#mapping(subjectName(certificate.raw))
  }
}
