/** The transport of a client's security settings: TCP or TLS, then SASL, and what their failures mean. */
import type { ClientSecurity } from '../../security/client-security.ts'
import type { System } from '../../system/index.ts'
import { CLOSED_BY_BROKER, connectTcp, connectTls } from './connection.ts'
import type { Transport } from './connection-pool.ts'
import { authenticateSasl } from './sasl-authentication.ts'

export function secureTransport(security: ClientSecurity | null, system: Pick<System, 'clock' | 'random'>): Transport {
  const { tls, sasl, protocol } = security ?? { tls: null, sasl: null, protocol: 'PLAINTEXT' }
  return {
    connect: tls ? connectTls(tls) : connectTcp,
    ...(sasl && { authenticate: (connection, timeoutMs) => authenticateSasl(connection, sasl, protocol, timeoutMs, system) }),
    explain: (error, { host, port }) =>
      tls ? (tls.explain(error, host, port) ?? explainClosed(error, tls.certificateHint)) : explainPlain(error, protocol),
  }
}

const isClosed = ({ cause }: Error): boolean => cause instanceof Error && cause.message === CLOSED_BY_BROKER

/** With TLS 1.3 a client certificate is checked when the handshake is over for the client. */
function explainClosed(error: unknown, hint: string): Error | null {
  if (hint === '' || !isClosed(error as Error)) return null
  return new Error(`${CLOSED_BY_BROKER} at the first request.${hint}`, { cause: error })
}

/** A listener with TLS hangs up on a client without. So does a broker that stops: it is retried. */
function explainPlain(error: unknown, protocol: string): Error | null {
  if (!isClosed(error as Error)) return null
  return new Error(`${CLOSED_BY_BROKER} at the first request: is its listener one of ${protocol}, or does it speak TLS?`, { cause: error })
}
