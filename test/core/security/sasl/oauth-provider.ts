/**
 * An OAuth provider for tests: signs tokens with keys of its own, and serves a token endpoint and a JWKS endpoint on 127.0.0.1, by TLS
 * where it has a certificate.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import type { TestCertificate } from '../../../certificates.ts'

export interface SigningKey {
  readonly privateKey: CryptoKey
  readonly publicJwk: JWK
  readonly alg: string
}

export async function newKey(kid: string | undefined, alg = 'RS256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(publicKey)
  return { privateKey, alg, publicJwk: { ...jwk, ...(kid === undefined ? {} : { kid }) } }
}

export const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds

/** Valid for an hour, for the user alice. */
export const goodClaims = (): JWTPayload => ({ sub: 'alice', scope: 'kafka', iat: inSeconds(0), exp: inSeconds(3600) })

export function signed(key: SigningKey, claims: JWTPayload, header: Record<string, unknown> = {}): Promise<string> {
  const { kid } = key.publicJwk
  return new SignJWT(claims).setProtectedHeader({ alg: key.alg, ...(kid === undefined ? {} : { kid }), ...header }).sign(key.privateKey)
}

export interface HttpEndpoint {
  readonly url: string
  /** The bodies and headers of the requests, in their order. */
  readonly requests: { readonly headers: IncomingMessage['headers']; readonly body: string }[]
  close(): Promise<void>
}

/** `answer` writes the response to the n-th request, from 0. */
export async function httpEndpoint(
  path: string,
  answer: (response: ServerResponse, index: number) => void,
  certificate: TestCertificate | null = null,
): Promise<HttpEndpoint> {
  const requests: HttpEndpoint['requests'] = []
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      requests.push({ headers: request.headers, body })
      answer(response, requests.length - 1)
    })
  }
  const server = certificate ? createTlsServer({ key: certificate.key, cert: certificate.certificate }, serve) : createServer(serve)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `${certificate ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
