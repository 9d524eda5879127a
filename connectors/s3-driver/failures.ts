/**
 * What a failed request means: a sentence that says what to do, the setting to change, and whether the same request may succeed later.
 * Pure: it knows the errors of the SDK by their properties and loads nothing of it.
 */
import { Retriable, type SettingProblem } from '../../connect/sdk/index.ts'
import type { S3Connection } from './connection-settings.ts'

/** The store refuses a request, and would again. */
export class S3Refused extends Error {
  override name = 'S3Refused'
  /** The store's own code, such as NoSuchBucket. */
  readonly code: string
  /** The setting to change; null where it is none. */
  readonly setting: string | null

  constructor(code: string, setting: string | null, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.setting = setting
  }
}

interface SdkError extends Error {
  code?: string
  Code?: string
  Region?: string
  Endpoint?: string
  $metadata?: { httpStatusCode?: number; attempts?: number }
  $response?: { headers?: Readonly<Record<string, string>>; statusCode?: number }
}

/** What a request was about, for the sentence: `write topics/orders/…`. */
export interface RequestSubject {
  what: string
  /** What the policy of the user must allow: `s3:PutObject`. */
  action: string
}

const passing = new Set([
  'RequestTimeout',
  'RequestTimeoutException',
  'SlowDown',
  'InternalError',
  'ServiceUnavailable',
  'Throttling',
  'ThrottlingException',
  'TooManyRequests',
  'OperationAborted',
  'TimeoutError',
  'BadDigest',
  'IncompleteBody',
  'ConditionalRequestConflict',
])
const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_SOCKET',
])
const networkMessage = /socket hang up|other side closed|premature close|connection.*(closed|reset)|aborted/i
const certificateCode = /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_\w+|ERR_TLS_\w+)$/

/** Of an error, or of the one that it was caused by. */
function codeOf(error: SdkError): string {
  const code = error.Code ?? (error.name && error.name !== 'Error' && error.name !== 'AggregateError' ? error.name : undefined)
  return code && code !== 'Unknown' && code !== 'UnknownError'
    ? code
    : (error.code ?? (error.cause as SdkError | undefined)?.code ?? 'Unknown')
}

const statusOf = (error: SdkError): number => error.$metadata?.httpStatusCode ?? error.$response?.statusCode ?? 0

/** The status of a request without a body in its response, such as of HEAD, as the code that other requests get. */
const statusCodes: Readonly<Record<number, string>> = { 301: 'PermanentRedirect', 403: 'AccessDenied', 404: 'NotFound' }

/** The error to throw for an error of the SDK: Retriable or S3Refused. Another error, such as an aborted signal's, is returned as it is. */
export function s3Failure(error: unknown, connection: S3Connection, { what, action }: RequestSubject): Error {
  if (error instanceof Retriable || error instanceof S3Refused) return error
  const failed = error as SdkError
  if (failed.name === 'AbortError') return failed
  const status = statusOf(failed)
  const named = codeOf(failed)
  const code = /^(\d+|Unknown|Error|Forbidden|NotFound|Redirect)$/.test(named) ? (statusCodes[status] ?? named) : named
  const { bucket, region, endpoint } = connection
  const store = endpoint ?? `S3 in ${region}`
  const refused = (setting: string | null, sentence: string) =>
    new S3Refused(code, setting, `Cannot ${what}: ${sentence}`, { cause: error })
  const retriable = (sentence: string) => new Retriable(`Cannot ${what}: ${sentence}`, { cause: error })

  const network = failed.code ?? (failed.cause as SdkError | undefined)?.code ?? ''
  if (status === 0 && (networkCodes.has(network) || networkMessage.test(failed.message))) {
    if (network === 'ENOTFOUND') return retriable(`the host of ${store} is not known. Check store.url and s3.region.`)
    return retriable(`${store} does not respond (${failed.message || network}). Check store.url and the network.`)
  }
  if (status === 0 && certificateCode.test(network))
    return refused(
      'store.url',
      `the certificate of ${store} is not trusted (${network}). Start the worker with NODE_EXTRA_CA_CERTS naming the file of its authority.`,
    )
  switch (code) {
    case 'NoSuchBucket':
      return refused('s3.bucket.name', `the bucket ${bucket} does not exist in ${store}. Create it, or change s3.bucket.name.`)
    case 'InvalidBucketName':
      return refused('s3.bucket.name', `${store} accepts no bucket of the name ${bucket}. Change s3.bucket.name.`)
    case 'AccessDenied':
    case 'AllAccessDisabled':
    case 'AccountProblem':
      return refused(
        's3.bucket.name',
        `${store} denies it. Allow the user of the access key ${action} on the bucket ${bucket}, or change the keys or s3.bucket.name.`,
      )
    case 'InvalidAccessKeyId':
    // Versitygw's name of it.
    case 'XAdminUserNotFound':
      return refused('aws.access.key.id', `${store} does not know the access key. Change aws.access.key.id.`)
    case 'SignatureDoesNotMatch':
      return refused('aws.secret.access.key', `the secret does not belong to the access key. Change aws.secret.access.key.`)
    case 'ExpiredToken':
    case 'ExpiredTokenException':
    case 'InvalidToken':
      return refused('s3.credentials.provider.class', 'the session of the keys has ended. Give the worker new keys.')
    case 'CredentialsProviderError':
      return refused(
        'aws.access.key.id',
        `there are no keys (${failed.message}). Set aws.access.key.id and aws.secret.access.key, or give the worker keys as the AWS tools have them.`,
      )
    case 'PermanentRedirect':
    case 'TemporaryRedirect':
    case 'AuthorizationHeaderMalformed':
    case 'IllegalLocationConstraintException': {
      const actual = failed.Region ?? failed.$response?.headers?.['x-amz-bucket-region'] ?? /expecting '([^']+)'/.exec(failed.message)?.[1]
      return refused(
        's3.region',
        actual
          ? `the bucket ${bucket} is in ${actual}. Set s3.region=${actual}.`
          : `the bucket ${bucket} is in another region. Change s3.region.`,
      )
    }
    case 'RequestTimeTooSkewed':
      return retriable('the clock of this machine differs from that of the store by more than 15 minutes. Set the clock.')
    case 'NotImplemented':
    case 'XNotImplemented':
      return refused(null, `${store} does not support it (${failed.message}). Leave out the setting that asks for it.`)
  }
  // Proxies respond without the store's code.
  const said = code === 'Unknown' && status > 0 ? `HTTP ${status}` : `${code}${status ? ` (${status})` : ''}: ${failed.message}`
  // A response of success that cannot be read was cut off, or is a page of something between.
  if (status >= 200 && status < 300)
    return retriable(`the response of ${store} cannot be read (${failed.message}). Check store.url and the proxy.`)
  if (passing.has(code) || status >= 500 || status === 429) return retriable(`${store} says ${said}`)
  return refused(null, `${store} says ${said}`)
}

/**
 * Of a response of success, what every store sends. Where it is missing, something else has responded, such as the page of a proxy, and
 * nothing was done: the error makes `S3Store.request` send again.
 */
export function requireOf<T>(response: T | undefined, what: string): T {
  if (response !== undefined) return response
  throw Object.assign(new Error(`its response has no ${what}: something between has responded`), { name: 'IncompleteBody' })
}

/** The problem of a setting that a check of the system has found; null where the error says nothing about the config. */
export function settingProblem(error: unknown): SettingProblem | null {
  if (error instanceof S3Refused) return { setting: error.setting ?? 's3.bucket.name', why: error.message }
  if (error instanceof Retriable && (error.cause as SdkError | undefined)?.code === 'ENOTFOUND')
    return { setting: 'store.url', why: error.message }
  return null
}
