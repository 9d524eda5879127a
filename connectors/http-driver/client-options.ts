/** What a client of HTTP needs to know: limits, addresses, certificates and how it is authorized. */

export type RequestHeaders = Readonly<Record<string, string>>

export interface TlsFiles {
  /** A file with the certificates of authorities: PEM, PKCS12 or JKS. Null for those of Node. */
  readonly truststore: { readonly path: string; readonly password: string | null } | null
  /** A file with the client's certificate and key: PEM, PKCS12 or JKS. */
  readonly keystore: { readonly path: string; readonly password: string | null; readonly keyPassword: string | null } | null
  readonly checksHostName: boolean
}

export interface HttpProxy {
  readonly host: string
  readonly port: number
  /** The value of the header Proxy-Authorization. */
  readonly authorization: string | null
}

export interface HttpClientOptions {
  /** The proxy that requests go through; it resolves names. Absent for none. */
  readonly proxy?: HttpProxy | null
  readonly tls: TlsFiles
  readonly connectTimeoutMs: number
  /** From the request to the end of its response. */
  readonly requestTimeoutMs: number
  readonly maxResponseBytes: number
  readonly maxRedirects: number
  /** Networks, addresses and hosts that are not public and may be reached. */
  readonly allowedAddresses: readonly string[]
  /** What of them the worker lets connectors reach; absent for all. */
  readonly addressLimit?: readonly string[] | undefined
  /** The most connections to one origin. */
  readonly connections: number
}

export interface ClientCredentials {
  readonly tokenUrl: string
  readonly id: string
  readonly secret: string
  readonly scope: string | null
  /** Where the id and the secret are sent: in the Authorization header, or in the body of the form. */
  readonly mode: 'header' | 'url'
  /** The field of the response that has the token. */
  readonly tokenProperty: string
  readonly headers: RequestHeaders
}

export type Authorization =
  | { readonly type: 'none' }
  /** A value of the Authorization header. */
  | { readonly type: 'static'; readonly value: string }
  | { readonly type: 'oauth2'; readonly credentials: ClientCredentials }
