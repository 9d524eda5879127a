/**
 * What an error of Redis or of its connection means: whether a later attempt may succeed, whether a record is the reason, which setting to
 * change; as a sentence that says what to do. Pure.
 */
import { Retriable } from '../../connect/sdk/index.ts'
import { type RedisConnectionOptions, redisAddress } from './connection-settings.ts'

/**
 * What an error is about. lost: the connection, or its server, is gone; passing: the server refuses for a while; record: this command is
 * wrong for this key or value; login, address: a setting is wrong; right: the user may not; fatal: anything else.
 */
export type RedisErrorKind = 'lost' | 'passing' | 'record' | 'login' | 'address' | 'right' | 'fatal'

/** An error that a setting or an administrator must mend. */
export class RedisRefused extends Error {
  override name = 'RedisRefused'
  readonly kind: RedisErrorKind
  /** The setting to change; null where it is none of the connection. */
  readonly setting: string | null

  constructor(message: string, kind: RedisErrorKind, setting: string | null, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
    this.setting = setting
  }
}

/** A command is wrong for its key or value: another one is not affected. */
export class RedisRejected extends Error {
  override name = 'RedisRejected'
}

const isReply = (error: unknown): boolean => (error as Error).name === 'ReplyError'

/** Before version 7 Redis puts the error of a command in a script behind where in the script it was. */
const IN_SCRIPT = /^ERR Error running script .*: -?([A-Z][A-Z0-9]*) /

/** The first word of an error that Redis sends, as WRONGTYPE; empty where Redis has not answered, and where a module has none. */
export function redisErrorCode(error: unknown): string {
  const { message } = error as Error
  if (!isReply(error)) return ''
  const inScript = IN_SCRIPT.exec(message)?.[1]
  if (inScript !== undefined) return inScript
  return /^([A-Z][A-Z0-9]*)(\s|$)/.exec(message)?.[1] ?? ''
}

/** Why a transaction was given up: EXECABORT says only that one of its commands was refused. */
export function transactionError(error: unknown): unknown {
  const { previousErrors } = error as { previousErrors?: readonly Error[] }
  return previousErrors?.[0] ?? error
}

const PASSING = new Set([
  'LOADING',
  'BUSY',
  'OOM',
  'READONLY',
  'MASTERDOWN',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'NOREPLICAS',
  'MISCONF',
  'ASK',
  'UNBLOCKED',
])
const RECORD = new Set(['WRONGTYPE', 'NOSCRIPT'])
const ADDRESS_CODES = new Set(['ENOTFOUND', 'EAI_AGAIN'])

/** Errors of TLS that come again at each attempt. */
const isCertificateError = (code: string, message: string): boolean =>
  /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|ERR_TLS_|ERR_OSSL|ERR_SSL)/.test(code) ||
  /certificate|wrong version number|unsupported protocol|packet length too long/i.test(message)

const detailsOf = (error: unknown): { code: string; message: string } => {
  const { code, message, errors } = error as NodeJS.ErrnoException & { errors?: Error[] }
  // Node tries each address of a name, and the error of all has no text of its own.
  if (errors?.[0] && !message) return detailsOf(errors[0])
  return { code: code ?? '', message: message || code || 'no reason was given' }
}

/** Which kind of error it is. */
export function redisErrorKind(error: unknown): RedisErrorKind {
  const { code, message } = detailsOf(error)
  const redis = redisErrorCode(error)
  // A module refuses the value: RedisJSON says only what it expected where.
  if (redis === '' && isReply(error)) return 'record'
  if (redis === '') {
    if (isCertificateError(code, message)) return 'login'
    if (ADDRESS_CODES.has(code)) return 'address'
    return 'lost'
  }
  if (redis === 'WRONGPASS' || redis === 'NOAUTH' || /invalid (username-)?password|without any password configured/i.test(message))
    return 'login'
  if (redis === 'NOPERM') return 'right'
  if (redis === 'MOVED' || /SELECT is not allowed in cluster mode|DB index is out of range|cluster support disabled/.test(message))
    return 'address'
  if (/max number of clients/.test(message)) return 'passing'
  if (PASSING.has(redis)) return 'passing'
  if (RECORD.has(redis)) return 'record'
  if (
    redis === 'ERR' &&
    /is not (an integer|a valid float|a float)|not a valid|syntax error|increment or decrement|string exceeds maximum|equal or smaller than the target|must be greater than 0-0|wrong number of arguments|Protocol error: invalid (multi)?bulk length|expected/i.test(
      message,
    )
  )
    return 'record'
  return 'fatal'
}

const ADVICE: Readonly<Record<string, string>> = {
  LOADING: 'it loads its data',
  OOM: 'its memory is used up (maxmemory): raise it, or let it evict keys',
  READONLY: 'it is a replica: name the master, or use sentinels',
  MASTERDOWN: 'its master is down',
  CLUSTERDOWN: 'the cluster does not serve this slot',
  MISCONF: 'it cannot save to its disk, and refuses writes: look at its log',
  NOREPLICAS: 'too few replicas are connected',
  BUSY: 'a script runs: end it with SCRIPT KILL',
}

const NOAUTH_ADVICE = 'Set redis.password, and redis.username for an ACL user.'

/** Of code: a later attempt fails as this one did. */
const isBug = (error: unknown): boolean => error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError

/** The error that a connector throws: Retriable, RedisRejected or RedisRefused. */
export function explainedRedisError(error: unknown, options: RedisConnectionOptions, afterMs?: number): Error {
  if (error instanceof Retriable || error instanceof RedisRefused || error instanceof RedisRejected || isBug(error)) return error as Error
  const kind = redisErrorKind(error)
  const { code, message: whole } = detailsOf(error)
  const message = whole.replace(/\.$/, '')
  const redis = redisErrorCode(error)
  const address = redisAddress(options)
  const cause = { cause: error }
  const retry = { ...cause, ...(afterMs !== undefined && { afterMs }) }
  if (kind === 'lost') {
    const hint = options.tls && code === 'ETIMEDOUT' ? '. It may have no TLS on this port: check redis.tls' : ''
    return new Retriable(`Redis at ${address} cannot be reached: ${message}${hint}`, retry)
  }
  // A name may be gone while its server is replaced.
  if (ADDRESS_CODES.has(code))
    return new Retriable(`The host of Redis is unknown (${address}): ${message}. Check ${options.addressSetting}.`, retry)
  // A slot has moved, and the client has not learned where to in time.
  if (redis === 'MOVED' && options.mode === 'cluster')
    return new Retriable(`Redis at ${address}: the slots of the cluster move (${message})`, retry)
  if (kind === 'passing') {
    const why = ADVICE[redis]
    return new Retriable(`Redis at ${address}: ${why === undefined ? message : `${why} (${message})`}`, retry)
  }
  if (kind === 'record') return new RedisRejected(`Redis: ${message}`, cause)
  if (kind === 'right')
    return new RedisRefused(
      `Redis refuses the command: ${message}. Give the user this right with ACL SETUSER.`,
      kind,
      options.settingOf.username,
      cause,
    )
  if (kind === 'login') {
    if (redis === '')
      return new RedisRefused(
        `The TLS connection to Redis at ${address} fails: ${message} (${code || 'TLS'}). Check redis.tls, redis.cacert, redis.key.cert and redis.key.file.`,
        kind,
        /certificate required|handshake failure/i.test(message) ? 'redis.key.cert' : 'redis.cacert',
        cause,
      )
    const isInUri = options.settingOf.password === 'redis.uri'
    const advice =
      redis === 'NOAUTH'
        ? NOAUTH_ADVICE
        : `Check ${isInUri ? 'the user and the password in redis.uri' : 'redis.username and redis.password'}.`
    return new RedisRefused(`Redis at ${address} refuses the login: ${message}. ${advice}`, kind, options.settingOf.password, cause)
  }
  if (kind === 'address') return addressError(message, address, options, cause)
  return new RedisRefused(`Redis at ${address}: ${message}`, kind, null, cause)
}

function addressError(message: string, address: string, options: RedisConnectionOptions, cause: ErrorOptions): RedisRefused {
  if (/cluster support disabled/.test(message))
    return new RedisRefused(`Redis at ${address} is no cluster: set redis.cluster=false.`, 'address', 'redis.cluster', cause)
  if (/DB index is out of range/.test(message))
    return new RedisRefused(
      `Redis at ${address} has no database ${options.database}: ${message}.`,
      'address',
      options.settingOf.database,
      cause,
    )
  return new RedisRefused(
    `Redis at ${address} is a node of a cluster: set redis.cluster=true (${message}).`,
    'address',
    'redis.cluster',
    cause,
  )
}
