/**
 * The settings of Aiven's HTTP sink, with its names and defaults. Texts are sent as they are, and all else as JSON.
 * It has no settings of TLS and no placeholders.
 */
import { type ConfigOf, type SettingProblem, setting, type WorkerLimits } from '../../connect/sdk/index.ts'
import type { Authorization } from '../http-driver/client-options.ts'
import { addressSettings, checkProxy, proxyOf, proxySettings, urlProblem } from '../http-driver/client-settings.ts'
import { headersOf, headersProblem, isHeaderValue } from '../http-driver/header-list.ts'
import type { HttpSinkOptions } from './options.ts'
import { deliverySettings, MAX_RESPONSE_BYTES } from './settings.ts'
import { rangesOf } from './statuses.ts'
import { unescaped } from './unescaped.ts'

const MAX_BACKOFF_MS = 86_400_000
/** Aiven's sink retries all errors. */
const RETRIED = ['400-']
const SEPARATOR = ','

export const aivenSettings = {
  'http.url': setting.string({ doc: 'The URL to send data to', importance: 'HIGH', group: 'Connection', check: urlProblem }),
  'http.authorization.type': setting.oneOf(['none', 'oauth2', 'static'], {
    doc: "How requests are authorized: 'none', 'static' by http.headers.authorization, or 'oauth2' by client credentials",
    importance: 'HIGH',
    group: 'Connection',
  }),
  'http.headers.authorization': setting.password({
    doc: 'The Authorization header, with http.authorization.type=static',
    default: null,
    group: 'Connection',
  }),
  'http.headers.content.type': setting.string({
    doc: 'The Content-Type header',
    default: null,
    importance: 'LOW',
    group: 'Connection',
    check: (type) => (type === '' || !isHeaderValue(type) ? 'String must be non-blank' : undefined),
  }),
  'http.headers.additional': setting.list({
    doc: 'Further headers, as name:value, separated by commas',
    default: [],
    importance: 'LOW',
    group: 'Connection',
    check: (entries) => headersProblem(entries.join(SEPARATOR), SEPARATOR),
  }),
  'http.ssl.trust.all.certs': setting.boolean({
    doc: 'Accepted where it is false: certificates are always checked',
    default: false,
    importance: 'LOW',
    group: 'Connection',
    check: (trusts) => (trusts ? 'certificates are always checked: trust the authority of the server (NODE_EXTRA_CA_CERTS)' : undefined),
  }),
  'http.timeout': setting.int({
    doc: 'The time from a request to the end of its response, in seconds',
    default: 30,
    importance: 'LOW',
    group: 'Timeout',
    check: (seconds) => (seconds < 1 || seconds > 86_400 ? 'Value must be between 1 and 86400' : undefined),
  }),
  'oauth2.access.token.url': setting.string({ doc: 'The URL that gives tokens', default: null, group: 'Connection', check: urlProblem }),
  'oauth2.client.id': setting.string({ doc: 'The id of the client', default: null, group: 'Connection' }),
  'oauth2.client.secret': setting.password({ doc: 'The secret of the client', default: null, group: 'Connection' }),
  'oauth2.client.authorization.mode': setting.oneOf(['HEADER', 'URL'], {
    doc: "Where the id and the secret are sent: 'HEADER' is the Authorization header, 'URL' are fields of the form",
    default: 'HEADER',
    group: 'Connection',
  }),
  'oauth2.client.scope': setting.string({ doc: 'The scope of the token', default: null, importance: 'LOW', group: 'Connection' }),
  'oauth2.response.token.property': setting.string({
    doc: 'The field of the response that has the token',
    default: 'access_token',
    importance: 'LOW',
    group: 'Connection',
  }),
  'batching.enabled': setting.boolean({
    doc: 'Whether a request has several records',
    default: false,
    importance: 'HIGH',
    group: 'Batching',
  }),
  'batch.max.size': setting.int({
    doc: 'The maximum number of records of a request, with batching.enabled',
    default: 500,
    group: 'Batching',
    check: (count) => (count < 1 || count > 1_000_000 ? 'Value must be between 1 and 1000000' : undefined),
  }),
  'batch.prefix': setting.string({
    doc: 'What is written before the records of a batch; \\n is a line feed',
    default: '',
    group: 'Batching',
  }),
  'batch.suffix': setting.string({ doc: 'What is written after them. Without it, a line feed.', default: null, group: 'Batching' }),
  'batch.separator': setting.string({ doc: 'What is written between them. Without it, a line feed.', default: null, group: 'Batching' }),
  'max.retries': setting.int({
    doc: 'How often a batch is retried in a row before the task fails',
    default: 1,
    group: 'Delivery',
    least: 0,
  }),
  'retry.backoff.ms': setting.int({ doc: 'The delay before a batch is retried', default: 3000, group: 'Delivery', least: 0 }),
  'kafka.retry.backoff.ms': setting.long({
    doc: 'The same, where it is set: all retries wait in the worker, which stays in its group meanwhile',
    default: null,
    group: 'Delivery',
    check: (ms) => (ms < 0 || ms > MAX_BACKOFF_MS ? `Value must be between 0 and ${MAX_BACKOFF_MS}` : undefined),
  }),
  ...addressSettings,
  ...proxySettings,
  ...deliverySettings,
}

export type AivenConfig = ConfigOf<typeof aivenSettings>

export function checkAiven(config: AivenConfig): SettingProblem[] {
  const problems = checkProxy(config)
  const type = config['http.authorization.type']
  const needs = (...names: (keyof AivenConfig & string)[]) => {
    for (const name of names)
      if (config[name] === null || config[name] === '') problems.push({ setting: name, why: `http.authorization.type=${type} needs it` })
  }
  if (type === 'static') needs('http.headers.authorization')
  if (type === 'oauth2') needs('oauth2.access.token.url', 'oauth2.client.id', 'oauth2.client.secret')
  const given = headersOf(config['http.headers.additional'].join(SEPARATOR), SEPARATOR)
  const idempotency = config['idempotency.key.header'].toLowerCase()
  if (idempotency !== '' && idempotency in given)
    problems.push({
      setting: 'http.headers.additional',
      why: `the header ${idempotency} is written by the sink: leave it out, or set idempotency.key.header to nothing`,
    })
  if (type !== 'none' && 'authorization' in given)
    problems.push({
      setting: 'http.headers.additional',
      why: 'the header authorization is written by http.authorization.type: leave out one of them',
    })
  const header = config['http.headers.authorization']
  if (header !== null && type !== 'static')
    problems.push({ setting: 'http.headers.authorization', why: 'it is for http.authorization.type=static only' })
  if (header !== null && !isHeaderValue(header))
    problems.push({ setting: 'http.headers.authorization', why: 'It has characters that no header may have' })
  return problems
}

function authorizationOf(config: AivenConfig): Authorization {
  switch (config['http.authorization.type']) {
    case 'none':
      return { type: 'none' }
    case 'static':
      return { type: 'static', value: config['http.headers.authorization']! }
    case 'oauth2':
      return {
        type: 'oauth2',
        credentials: {
          tokenUrl: config['oauth2.access.token.url']!,
          id: config['oauth2.client.id']!,
          secret: config['oauth2.client.secret']!,
          scope: config['oauth2.client.scope'],
          mode: config['oauth2.client.authorization.mode'] === 'HEADER' ? 'header' : 'url',
          tokenProperty: config['oauth2.response.token.property'],
          headers: {},
        },
      }
  }
}

export function aivenOptions(config: AivenConfig, limits: WorkerLimits | undefined): HttpSinkOptions {
  const isBatched = config['batching.enabled']
  const timeoutMs = config['http.timeout'] * 1000
  const concurrency = config['max.concurrent.requests']
  const contentType = config['http.headers.content.type']
  return {
    client: {
      proxy: proxyOf(config),
      tls: { truststore: null, keystore: null, checksHostName: true },
      connectTimeoutMs: timeoutMs,
      requestTimeoutMs: timeoutMs,
      maxResponseBytes: MAX_RESPONSE_BYTES,
      maxRedirects: config['http.redirects.max'],
      allowedAddresses: config['http.allow.private.addresses'],
      addressLimit: limits?.privateAddresses,
      connections: concurrency,
    },
    authorization: authorizationOf(config),
    names: {
      url: 'http.url',
      tokenUrl: 'oauth2.access.token.url',
      authorization: config['http.authorization.type'] === 'oauth2' ? 'oauth2.client.secret' : 'http.headers.authorization',
      addresses: 'http.allow.private.addresses',
      certificates: 'http.url',
    },
    method: 'POST',
    url: config['http.url'],
    headers: {
      ...headersOf(config['http.headers.additional'].join(SEPARATOR), SEPARATOR),
      ...(contentType === null ? {} : { 'content-type': contentType }),
    },
    forwardedHeaders: [],
    idempotencyHeader: config['idempotency.key.header'].toLowerCase() || null,
    format: 'raw',
    bodyTemplate: null,
    replacements: [],
    batch: {
      maxRecords: isBatched ? config['batch.max.size'] : 1,
      maxBytes: config['batch.max.bytes'],
      prefix: isBatched ? unescaped(config['batch.prefix']) : '',
      suffix: isBatched ? unescaped(config['batch.suffix'] ?? '\n') : '',
      separator: unescaped(config['batch.separator'] ?? '\n'),
      splits: config['batch.split.on.error'],
    },
    nullValues: 'fail',
    onError: 'fail',
    retry: {
      retries: config['max.retries'],
      backoffMs: config['kafka.retry.backoff.ms'] ?? config['retry.backoff.ms'],
      maxBackoffMs: config['retry.backoff.max.ms'],
      constant: true,
      maxRetryAfterMs: config['retry.after.max.ms'],
      statuses: rangesOf(RETRIED),
    },
    maxConcurrentRequests: concurrency,
  }
}
