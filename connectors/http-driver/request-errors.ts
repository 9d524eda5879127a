/**
 * Why a request has no response, as sentences that say what to do. RequestFailed may pass; RequestRefused does not, without a change of the
 * settings or of the server.
 */

/** No response came: the server is away, slow or overloaded. */
export class RequestFailed extends Error {
  override name = 'RequestFailed'
  /** Whether there was a connection, so that the address and the certificates are right. */
  readonly wasConnected: boolean
  /** The setting to change, where it is not that of the URL. */
  readonly setting: string | null

  constructor(message: string, options?: ErrorOptions & { wasConnected?: boolean; setting?: string }) {
    super(message, options)
    this.wasConnected = options?.wasConnected ?? false
    this.setting = options?.setting ?? null
  }
}

/** The request is not sent, or the server cannot be trusted. */
export class RequestRefused extends Error {
  override name = 'RequestRefused'
  readonly about: 'address' | 'authorization' | 'certificate' | 'token-url' | 'url'
  /** The setting to change, where it is not the one that `about` is about. */
  readonly setting: string | null

  constructor(about: RequestRefused['about'], message: string, options?: ErrorOptions & { setting?: string }) {
    super(message, options)
    this.about = about
    this.setting = options?.setting ?? null
  }
}

/** OpenSSL's reasons why a certificate is not trusted, and Node's for another host name. */
const CERTIFICATE = /^CERT|SIGNATURE|ISSUER|ERR_TLS_CERT|SELF_SIGNED|UNABLE_TO_VERIFY/
const NOT_TLS = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|RECORD_LAYER_FAILURE|BAD_RECORD_TYPE/
const CLIENT_CERTIFICATE = /ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|ACCESS_DENIED)/

/** How deep the causes of an error are searched. */
const MAX_CAUSES = 4

function codeOf(error: unknown): string {
  let cause = error
  for (let depth = 0; depth < MAX_CAUSES && cause instanceof Error; depth++) {
    const { code, errors } = cause as { code?: unknown; errors?: unknown[] }
    if (typeof code === 'string') return code
    cause = cause.cause ?? errors?.[0]
  }
  return ''
}

/** A URL as errors show it: its query and its user may be secrets. */
export const shownUrl = (url: URL): string => `${url.origin}${url.pathname}`

/** `timeoutMs` is that of a connection. */
export function explainedError(error: unknown, url: URL, timeoutMs: number): Error {
  if (error instanceof RequestFailed || error instanceof RequestRefused) return error
  const where = shownUrl(url)
  const code = codeOf(error)
  const options = { cause: error }
  if (CERTIFICATE.test(code))
    return new RequestRefused(
      'certificate',
      `The certificate of ${url.host} is not accepted (${code}): check its host name and dates, and that https.ssl.truststore.location has its issuer`,
      options,
    )
  if (CLIENT_CERTIFICATE.test(code))
    return new RequestRefused(
      'certificate',
      `${url.host} does not accept the client certificate (${code}): set https.ssl.keystore.location to one that it trusts`,
      options,
    )
  if (NOT_TLS.test(code))
    return new RequestRefused('url', `${url.host} does not speak TLS on this port: use http:// in the URL, or the port of https`, options)
  switch (code) {
    case 'ECONNREFUSED':
      return new RequestFailed(`Nothing listens at ${url.host}: check the host and the port, and that the server runs`, options)
    case 'ENOTFOUND':
      return new RequestFailed(`The host ${url.hostname} is unknown: check its name`, options)
    case 'EAI_AGAIN':
      return new RequestFailed(`DNS does not answer for ${url.hostname}: check the resolver of this machine`, options)
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return new RequestFailed(`There is no route to ${url.host}: check the network and its firewalls`, options)
    case 'ETIMEDOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return new RequestFailed(`${url.host} accepts no connection within ${timeoutMs} ms: check the host, the port and firewalls`, options)
    case 'UND_ERR_HEADERS_OVERFLOW':
    case 'HPE_HEADER_OVERFLOW':
      return new RequestFailed(`${where} sends response headers that are too large`, options)
    default:
      return code.startsWith('HPE_') || (error as Error).name === 'HTTPParserError'
        ? new RequestFailed(`${where} does not answer with HTTP: check the port, and whether it is one of https`, options)
        : new RequestFailed(`${where}: the connection was lost before the response was complete (${code || (error as Error).message})`, {
            ...options,
            wasConnected: true,
          })
  }
}
