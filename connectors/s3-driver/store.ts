/**
 * A bucket of a store: sends requests through the SDK of AWS, sends them again after errors that may pass, and throws errors that say what
 * to do. It loads the SDK, so connectors import it only where they read or write.
 */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { Retriable, sleep } from '../../connect/sdk/index.ts'
import type { CredentialsSource, S3Connection } from './connection-settings.ts'
import { type RequestSubject, s3Failure } from './failures.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** A request without a response after this time has lost its network: a part takes less on a slow line. */
const REQUEST_TIMEOUT_MS = 120_000
/** Connections of a task (Invariant 13). */
const MAX_SOCKETS = 16
const MAX_BACKOFF_MS = 30_000

export class S3Store {
  readonly connection: S3Connection
  readonly #client: S3Client
  readonly #signal: AbortSignal | undefined

  /** Requests end, and nothing is sent again, when `signal` aborts. */
  constructor(connection: S3Connection, signal?: AbortSignal) {
    this.connection = connection
    this.#signal = signal
    this.#client = new S3Client(clientConfig(connection))
  }

  get bucket(): string {
    return this.connection.bucket
  }

  /**
   * Sends a request: `store.request(subject, (client, options) => client.send(new GetObjectCommand({…}), options))`. Throws Retriable after
   * the last try, S3Refused, or the reason of the signal.
   */
  async request<T>(subject: RequestSubject, send: (client: S3Client, options: { abortSignal?: AbortSignal }) => Promise<T>): Promise<T> {
    const { retries, backoffMs } = this.connection
    const options = this.#signal ? { abortSignal: this.#signal } : {}
    for (let attempt = 0; ; attempt++) {
      this.#signal?.throwIfAborted()
      try {
        return await send(this.#client, options)
      } catch (error) {
        this.#signal?.throwIfAborted()
        const failure = s3Failure(error, this.connection, subject)
        if (!(failure instanceof Retriable) || attempt >= retries) throw failure
        await sleep(Math.min(backoffMs * 2 ** attempt, MAX_BACKOFF_MS), this.#signal)
      }
    }
  }

  close(): void {
    this.#client.destroy()
  }
}

/** The options of the SDK's client for the settings of a connector. */
export function clientConfig(connection: S3Connection): S3ClientConfig {
  const { region, endpoint, pathStyle, accelerated, expectContinue } = connection
  const agents = { keepAlive: true, maxSockets: MAX_SOCKETS, ...proxyOf(connection) }
  return {
    region,
    ...(endpoint !== null && { endpoint }),
    forcePathStyle: pathStyle,
    useAccelerateEndpoint: accelerated,
    expectContinueHeader: expectContinue,
    // This class sends again itself, so that each error has a sentence, and so that it ends with the task.
    maxAttempts: 1,
    // Stores other than AWS refuse checksums that they do not know.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      httpAgent: new HttpAgent(agents),
      httpsAgent: new HttpsAgent(agents),
    },
    ...credentialsConfig(connection.credentials, region),
  }
}

/** Node's agents speak to HTTP proxies themselves. */
function proxyOf({ proxy }: S3Connection): object {
  if (!proxy) return {}
  const url = new URL(proxy.url)
  url.username = encodeURIComponent(proxy.user ?? '')
  url.password = encodeURIComponent(proxy.password ?? '')
  return { proxyEnv: { HTTP_PROXY: url.href, HTTPS_PROXY: url.href } }
}

function credentialsConfig(source: CredentialsSource, region: string): S3ClientConfig {
  switch (source.kind) {
    case 'keys':
      return { credentials: { accessKeyId: source.accessKeyId, secretAccessKey: source.secretAccessKey } }
    case 'chain':
      return {}
    case 'anonymous':
      return { credentials: { accessKeyId: '', secretAccessKey: '' }, signer: { sign: async (request) => request } }
    case 'role':
      return {
        async credentials() {
          const { fromTemporaryCredentials } = await import('@aws-sdk/credential-providers')
          const { arn, sessionName, externalId, keys } = source
          return fromTemporaryCredentials({
            params: { RoleArn: arn, RoleSessionName: sessionName, ...(externalId !== null && { ExternalId: externalId }) },
            ...(keys && { masterCredentials: keys }),
            clientConfig: { region },
          })()
        },
      }
  }
}
