/**
 * Internal requests between workers: a follower sends the leader the task configs that its connector has generated, or asks it to fence the
 * older tasks of a source, signed with the session key of the group (KIP-507), as Kafka Connect's workers do.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { InterWorkerClient } from '../../core/network/inter-worker-client.ts'
import type { SessionKey } from '../storage/config-backing-store.ts'
import { ConnectError, type ConnectorConfig } from '../types.ts'

export const SIGNATURE_HEADER = 'X-Connect-Authorization'
export const ALGORITHM_HEADER = 'X-Connect-Request-Signature-Algorithm'

/** The digests of Java's signature algorithms. */
const digests: Readonly<Record<string, string>> = { HmacSHA256: 'sha256', HmacSHA384: 'sha384', HmacSHA512: 'sha512', HmacSHA1: 'sha1' }

export function sign(body: Buffer, key: Buffer, algorithm: string): Buffer {
  const digest = digests[algorithm]
  if (!digest)
    throw new Error(
      `the signature algorithm ${algorithm} is unknown: set inter.worker.signature.algorithm to one of ${Object.keys(digests).join(', ')}`,
    )
  return createHmac(digest, key).update(body).digest()
}

export interface Signature {
  key: string | null
  algorithm: string | null
  /** Null while it has not arrived: whether the signature is right is not checked then. */
  body: Buffer | null
}

/** Throws Kafka Connect's error where a request is not signed, or not with the session key. */
export function verify(signature: Signature, session: SessionKey | null, algorithms: readonly string[]): void {
  // Kafka Connect knows no signature without its algorithm.
  if (signature.key === null || signature.algorithm === null) throw new ConnectError(400, 'Internal request missing required signature')
  if (!algorithms.includes(signature.algorithm) || !digests[signature.algorithm])
    throw new ConnectError(
      400,
      `This worker does not support the '${signature.algorithm}' key signing algorithm used by other workers. ` +
        `This worker is currently configured to use: [${algorithms.join(', ')}]. ` +
        "Check that all workers' configuration files permit the same set of signature algorithms, and correct any misconfigured worker and restart it.",
    )
  if (!session)
    throw new ConnectError(503, 'This worker is still starting up and has not been able to read a session key from the config topic yet')
  if (signature.body === null) return
  const expected = sign(signature.body, session.key, signature.algorithm)
  const received = Buffer.from(signature.key, 'base64')
  if (received.length !== expected.length || !timingSafeEqual(received, expected))
    throw new ConnectError(403, 'Internal request contained invalid signature.')
}

/** How requests to the leader are sent and signed. */
export interface LeaderRequests {
  client: InterWorkerClient
  /** Null where requests are not signed. */
  session: SessionKey | null
  algorithm: string
}

/** Sends the leader the task configs of a connector. Throws where the leader refuses them. */
export async function forwardTaskConfigs(
  requests: LeaderRequests,
  leaderUrl: string,
  name: string,
  configs: readonly ConnectorConfig[],
  signal: AbortSignal,
): Promise<void> {
  const body = Buffer.from(JSON.stringify(configs))
  await send(requests, leaderUrl, { method: 'POST', path: pathOf(name, 'tasks'), body, what: `the task configs of ${name}`, signal })
}

/** Asks the leader for a round of zombie fencing (KIP-618). Throws where it refuses or fails. */
export async function forwardFencing(requests: LeaderRequests, leaderUrl: string, name: string, signal: AbortSignal): Promise<void> {
  const body = Buffer.alloc(0)
  await send(requests, leaderUrl, { method: 'PUT', path: pathOf(name, 'fence'), body, what: `to fence the tasks of ${name}`, signal })
}

const pathOf = (connector: string, what: string) => `/connectors/${encodeURIComponent(connector)}/${what}`

async function send(
  { client, session, algorithm }: LeaderRequests,
  leaderUrl: string,
  { method, path, body, what, signal }: { method: string; path: string; body: Buffer; what: string; signal: AbortSignal },
): Promise<void> {
  const signed: Record<string, string> = session
    ? { [SIGNATURE_HEADER]: sign(body, session.key, algorithm).toString('base64'), [ALGORITHM_HEADER]: algorithm }
    : {}
  const headers = body.length > 0 ? { 'content-type': 'application/json', ...signed } : signed
  const response = await client.request(new URL(leaderUrl.replace(/\/$/, '') + path), { method, body, headers, signal })
  if (response.status >= 200 && response.status < 300) return
  throw new ConnectError(
    response.status,
    `the leader at ${leaderUrl} refused ${what}: ${response.status} ${response.body.toString('utf8')}`,
  )
}
