/**
 * Internal requests between workers: a follower sends the leader the task configs that its connector has generated, signed with the session
 * key of the group (KIP-507), as Kafka Connect's workers do.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
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
  body: Buffer
}

/** Throws Kafka Connect's error where a request is not signed, or not with the session key. */
export function verify(signature: Signature, session: SessionKey | null, algorithms: readonly string[]): void {
  if (signature.key === null) throw new ConnectError(400, 'Internal request missing required signature')
  if (signature.algorithm === null) throw new ConnectError(400, 'Internal request missing required signature algorithm')
  if (!algorithms.includes(signature.algorithm) || !digests[signature.algorithm])
    throw new ConnectError(400, `This worker does not support the '${signature.algorithm}' key signing algorithm used by other workers.`)
  if (!session)
    throw new ConnectError(503, 'This worker is still starting up and has not been able to read a session key from the config topic yet')
  const expected = sign(signature.body, session.key, signature.algorithm)
  const received = Buffer.from(signature.key, 'base64')
  if (received.length !== expected.length || !timingSafeEqual(received, expected))
    throw new ConnectError(403, 'Internal request contained invalid signature.')
}

/** Sends the leader the task configs of a connector. Throws where the leader refuses them. */
export async function forwardTaskConfigs(
  leaderUrl: string,
  name: string,
  configs: readonly ConnectorConfig[],
  session: SessionKey | null,
  algorithm: string,
  signal: AbortSignal,
): Promise<void> {
  const body = Buffer.from(JSON.stringify(configs))
  const signed: Record<string, string> = session
    ? { [SIGNATURE_HEADER]: sign(body, session.key, algorithm).toString('base64'), [ALGORITHM_HEADER]: algorithm }
    : {}
  const url = `${leaderUrl.replace(/\/$/, '')}/connectors/${encodeURIComponent(name)}/tasks`
  const response = await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...signed }, signal })
  if (response.ok) {
    await response.body?.cancel()
    return
  }
  throw new ConnectError(
    response.status,
    `the leader at ${leaderUrl} refused the task configs of ${name}: ${response.status} ${await response.text()}`,
  )
}
