/**
 * The settings of the sink under its own class and under Confluent's, which have the same names. They differ in some defaults, which are
 * Confluent's under its class.
 */
import { type ConfigOf, InvalidSetting, type SettingProblem, setting, type WorkerLimits } from '../../connect/sdk/index.ts'
import { InvalidJavaPattern, javaPattern, replacementOf } from '../../connect/sdk/java-pattern.ts'
import { authorizationOf, checkClient, clientOptions, clientSettings, filledUrlProblem } from '../http-driver/client-settings.ts'
import { headersOf, headersProblem, isHeaderName } from '../http-driver/header-list.ts'
import type { HttpSinkOptions } from './options.ts'
import { rangesOf, rangesProblem } from './statuses.ts'
import { placeholdersIn, templateProblem } from './template.ts'
import { unescaped } from './unescaped.ts'

/** What of a response an error may show, and more. */
export const MAX_RESPONSE_BYTES = 64 * 1024
const MAX_BATCH_BYTES = 256 * 1024 * 1024
const NO_REPORTER =
  'responses are not written to topics: leave it out, and set errors.tolerance=all and errors.deadletterqueue.topic.name for records that are refused'

/** A placeholder in the origin of a URL would let a record choose the server. */
export function urlTemplateProblem(url: string): string | undefined {
  const problem = templateProblem(url)
  if (problem !== undefined) return problem
  return filledUrlProblem((text) => url.replaceAll(/\$\{[^{}]*\}/g, text))
}

const bytesSetting = (doc: string, bytes: number) =>
  setting.int({
    doc,
    default: bytes,
    group: 'Batches',
    check: (value) => (value < 1 || value > MAX_BATCH_BYTES ? `Value must be between 1 and ${MAX_BATCH_BYTES}` : undefined),
  })

const concurrencySetting = setting.int({
  doc: 'How many requests of a task are in flight at the same time. Those of a partition are sent one after the other.',
  default: 8,
  group: 'Delivery',
  check: (count) => (count < 1 || count > 256 ? 'Value must be between 1 and 256' : undefined),
})

/** Beyond the settings of each family. */
export const deliverySettings = {
  'max.concurrent.requests': concurrencySetting,
  'idempotency.key.header': setting.string({
    doc:
      'The header that names a request by connector, topic, partition and offset, the same when it is sent again, so that the server can ' +
      'do nothing twice. Empty for none.',
    default: 'Idempotency-Key',
    group: 'Delivery',
    check: (name) => (name === '' || isHeaderName(name) ? undefined : 'It is not the name of a header'),
  }),
  'batch.max.bytes': bytesSetting(
    'The maximum size of the records of a request, in bytes. A larger record is sent alone.',
    4 * 1024 * 1024,
  ),
  'batch.split.on.error': setting.boolean({
    doc: 'Whether a batch that is refused is sent again in halves, down to the records that are bad. Else all its records are bad.',
    default: true,
    group: 'Batches',
  }),
  'retry.backoff.max.ms': setting.long({
    doc: 'The longest back-off, with retry.backoff.policy=EXPONENTIAL_WITH_JITTER',
    default: 60_000,
    importance: 'LOW',
    group: 'Retries',
    least: 0,
  }),
  'retry.after.max.ms': setting.long({
    doc: 'The longest that the header Retry-After of a response may make the sink wait',
    default: 300_000,
    importance: 'LOW',
    group: 'Retries',
    least: 0,
  }),
}

interface FamilyDefaults {
  format: 'string' | 'json'
  asArray: boolean
  batchRecords: number
  backoffPolicy: 'CONSTANT_VALUE' | 'EXPONENTIAL_WITH_JITTER'
  backoffMs: number
  retryStatuses: readonly string[]
}

const bodySettings = (defaults: FamilyDefaults) => ({
  'request.body.format': setting.oneOf(['string', 'json'], {
    doc: "How values are written: 'json', or 'string' as their text",
    default: defaults.format,
    group: 'Batches',
  }),
  'request.body.template': setting.string({
    doc: 'The text of each record, with placeholders as in http.api.url, which are written as JSON with request.body.format=json. Without it, the value.',
    default: null,
    group: 'Batches',
    check: templateProblem,
  }),
  'batch.max.size': setting.int({
    doc: 'The maximum number of records of a request',
    default: defaults.batchRecords,
    importance: 'HIGH',
    group: 'Batches',
    check: (count) => (count < 1 || count > 100_000 ? 'Value must be between 1 and 100000' : undefined),
  }),
  'batch.prefix': setting.string({
    doc: 'What is written before the records of a request; \\n is a line feed',
    default: '',
    group: 'Batches',
  }),
  'batch.suffix': setting.string({ doc: 'What is written after them', default: '', group: 'Batches' }),
  'batch.separator': setting.string({ doc: 'What is written between them', default: ',', group: 'Batches' }),
  'batch.json.as.array': setting.boolean({
    doc: 'Whether the records of a request are one JSON array, with request.body.format=json. batch.prefix, batch.suffix and batch.separator are not used then.',
    default: defaults.asArray,
    group: 'Batches',
  }),
  'regex.patterns': setting.string({
    doc: 'Regular expressions whose matches in the text of a record are replaced, separated by regex.separator',
    default: '',
    importance: 'LOW',
    group: 'Batches',
  }),
  'regex.replacements': setting.string({
    doc: 'What replaces them, one for each, with $1 for a group',
    default: '',
    importance: 'LOW',
    group: 'Batches',
  }),
  'regex.separator': setting.string({
    doc: 'What separates the entries of regex.patterns and regex.replacements',
    default: '~',
    importance: 'LOW',
    group: 'Batches',
    check: (text) => (text === '' ? 'String must be non-empty' : undefined),
  }),
})

const retrySettings = (defaults: FamilyDefaults) => ({
  'retry.on.status.codes': setting.list({
    doc: 'The statuses of responses after which a batch is retried: 429, 500-599, or 400- for all errors. Errors of the network always are.',
    default: defaults.retryStatuses,
    group: 'Retries',
    check: rangesProblem,
  }),
  'max.retries': setting.int({
    doc: 'How often a batch is retried in a row before the task fails, or the server has refused it',
    default: 10,
    group: 'Retries',
    least: 0,
  }),
  'retry.backoff.policy': setting.oneOf(['CONSTANT_VALUE', 'EXPONENTIAL_WITH_JITTER'], {
    doc: 'Whether the back-off is the same each time, or twice as long',
    default: defaults.backoffPolicy,
    group: 'Retries',
  }),
  'retry.backoff.ms': setting.int({ doc: 'The back-off after the first error', default: defaults.backoffMs, group: 'Retries', least: 0 }),
})

function sinkSettings(defaults: FamilyDefaults) {
  return {
    'http.api.url': setting.string({
      doc:
        `The URL, with placeholders in its path and query: ${'$'}{topic}, ${'$'}{partition}, ${'$'}{offset}, ${'$'}{key}, ${'$'}{key.field}, ` +
        `${'$'}{value.field}, ${'$'}{header.name}, or the name of a field of the value`,
      importance: 'HIGH',
      group: 'Connection',
      check: urlTemplateProblem,
    }),
    'request.method': setting.oneOf(['POST', 'PUT', 'PATCH'], {
      doc: 'The method of requests',
      default: 'POST',
      importance: 'HIGH',
      group: 'Connection',
    }),
    ...clientSettings,
    headers: setting.string({
      doc: 'Headers of each request, as name:value, separated by header.separator',
      default: '',
      importance: 'HIGH',
      group: 'Connection',
    }),
    'header.separator': setting.string({
      doc: 'What separates the headers of headers and sensitive.headers',
      default: '|',
      group: 'Connection',
      check: (text) => (text === '' ? 'String must be non-empty' : undefined),
    }),
    'sensitive.headers': setting.password({ doc: 'Headers whose values are secrets, as in headers', default: null, group: 'Connection' }),
    'headers.forward': setting.list({
      doc: 'Headers of records that become headers of their requests. Records whose headers differ are not sent together.',
      default: [],
      importance: 'LOW',
      group: 'Connection',
      check: (names) =>
        names.map((name) => (isHeaderName(name) ? undefined : `${name} is not the name of a header`)).find((problem) => problem),
    }),
    'behavior.on.null.values': setting.oneOf(['ignore', 'delete', 'log', 'fail'], {
      doc: "What happens to a record without a value: it is skipped ('ignore', 'log'), a DELETE is sent to its URL ('delete'), or it is bad ('fail')",
      default: 'ignore',
      group: 'Delivery',
    }),
    'behavior.on.error': setting.oneOf(['fail', 'log', 'ignore'], {
      doc: "What happens to a record that the server refuses: 'fail' is an error of the record, which errors.tolerance decides about; 'log' and 'ignore' skip it",
      default: 'fail',
      group: 'Delivery',
    }),
    ...bodySettings(defaults),
    ...retrySettings(defaults),
    ...deliverySettings,
  }
}

export const ownSettings = sinkSettings({
  format: 'json',
  asArray: true,
  batchRecords: 100,
  backoffPolicy: 'EXPONENTIAL_WITH_JITTER',
  backoffMs: 500,
  retryStatuses: ['408', '425', '429', '500-599'],
})

export const confluentSettings = {
  ...sinkSettings({
    format: 'string',
    asArray: false,
    batchRecords: 1,
    backoffPolicy: 'EXPONENTIAL_WITH_JITTER',
    backoffMs: 3000,
    retryStatuses: ['400-'],
  }),
  'ssl.enabled': setting.boolean({
    doc: 'Accepted: whether TLS is used follows from the URL',
    default: false,
    importance: 'LOW',
    group: 'Connection',
    visible: false,
  }),
  'reporter.(topic).topic.name': setting.named({
    doc: `Accepted where they are empty: ${NO_REPORTER}`,
    names: /^reporter\.(result|error)\.topic\.name$/,
    importance: 'LOW',
    check: (text) => (text === '' ? undefined : NO_REPORTER),
  }),
  'reporter.(name)': setting.named({
    doc: 'Accepted: responses are not written to topics',
    names: /^reporter\.(?!(result|error)\.topic\.name$)/,
    importance: 'LOW',
  }),
  'confluent.(name)': setting.named({
    doc: 'Accepted: no license is needed',
    names: /^confluent\./,
    importance: 'LOW',
  }),
}

export type SinkConfig = ConfigOf<typeof ownSettings>

const partsOf = (text: string, separator: string) => (text === '' ? [] : text.split(separator))

/** Checks that concern several settings. */
export function checkSink(config: SinkConfig): SettingProblem[] {
  const problems = checkClient(config)
  const add = (name: keyof SinkConfig & string, why: string | undefined) => why !== undefined && problems.push({ setting: name, why })
  const separator = config['header.separator']
  add('headers', headersProblem(config.headers, separator))
  add('sensitive.headers', headersProblem(config['sensitive.headers'] ?? '', separator))
  const settingWith = (header: string) => (header in headersOf(config.headers, separator) ? 'headers' : 'sensitive.headers')
  if (config['auth.type'] !== 'NONE' && 'authorization' in allHeaders(config))
    add(settingWith('authorization'), 'the header authorization is written by auth.type: leave out one of them')
  const idempotency = config['idempotency.key.header'].toLowerCase()
  const writtenTwice = `the header ${idempotency} is written by the sink: leave it out, or set idempotency.key.header to nothing`
  if (idempotency !== '' && idempotency in allHeaders(config)) add(settingWith(idempotency), writtenTwice)
  const forwarded = config['headers.forward'].map((name) => name.toLowerCase())
  if (idempotency !== '' && forwarded.includes(idempotency)) add('headers.forward', writtenTwice)
  if (config['auth.type'] !== 'NONE' && forwarded.includes('authorization'))
    add('headers.forward', 'the header authorization is written by auth.type: leave out one of them')
  if (
    config['behavior.on.null.values'] === 'delete' &&
    !placeholdersIn(config['http.api.url']).some((name) => name === 'key' || name.startsWith('key.'))
  )
    add('behavior.on.null.values', `a DELETE needs the key in the URL: put ${'$'}{key} into http.api.url`)
  add('regex.replacements', replacementsProblem(config))
  return problems
}

function replacementsProblem(config: SinkConfig): string | undefined {
  const patterns = partsOf(config['regex.patterns'], config['regex.separator'])
  const replacements = replacementsOf(config)
  if (patterns.length !== replacements.length)
    return `there are ${patterns.length} patterns and ${replacements.length} replacements: write one for each`
  try {
    for (const [index, pattern] of patterns.entries()) replacementOf(replacements[index]!, javaPattern(pattern))
  } catch (error) {
    if (error instanceof InvalidJavaPattern || /^(IllegalArgument|IndexOutOfBounds)Exception$/.test((error as Error).name))
      return (error as Error).message
    throw error
  }
  return undefined
}

/** One pattern may be replaced by nothing. */
function replacementsOf(config: SinkConfig): string[] {
  const text = config['regex.replacements']
  if (text === '') return config['regex.patterns'] === '' ? [] : ['']
  return text.split(config['regex.separator'])
}

const allHeaders = (config: SinkConfig) => ({
  ...headersOf(config.headers, config['header.separator']),
  ...headersOf(config['sensitive.headers'] ?? '', config['header.separator']),
})

export function sinkOptions(config: SinkConfig, limits: WorkerLimits | undefined): HttpSinkOptions {
  const isArray = config['request.body.format'] === 'json' && config['batch.json.as.array']
  const replacements = replacementsOf(config)
  const contentType = config['request.body.format'] === 'json' ? 'application/json' : 'text/plain; charset=utf-8'
  const concurrency = config['max.concurrent.requests']
  return {
    client: clientOptions(config, limits, { maxResponseBytes: MAX_RESPONSE_BYTES, connections: concurrency }),
    authorization: authorizationOf(config),
    names: {
      url: 'http.api.url',
      tokenUrl: 'oauth2.token.url',
      authorization: config['auth.type'] === 'OAUTH2' ? 'oauth2.client.secret' : 'auth.type',
      addresses: 'http.allow.private.addresses',
      certificates: 'https.ssl.truststore.location',
    },
    method: config['request.method'],
    url: config['http.api.url'],
    headers: { 'content-type': contentType, ...allHeaders(config) },
    forwardedHeaders: config['headers.forward'].map((name) => name.toLowerCase()),
    idempotencyHeader: config['idempotency.key.header'].toLowerCase() || null,
    format: config['request.body.format'],
    bodyTemplate: config['request.body.template'],
    replacements: partsOf(config['regex.patterns'], config['regex.separator']).map((pattern, index) => ({
      pattern,
      replacement: replacements[index]!,
    })),
    batch: {
      maxRecords: config['batch.max.size'],
      maxBytes: config['batch.max.bytes'],
      prefix: isArray ? '[' : unescaped(config['batch.prefix']),
      suffix: isArray ? ']' : unescaped(config['batch.suffix']),
      separator: isArray ? ',' : unescaped(config['batch.separator']),
      splits: config['batch.split.on.error'],
    },
    nullValues: config['behavior.on.null.values'],
    onError: config['behavior.on.error'],
    retry: {
      retries: config['max.retries'],
      backoffMs: config['retry.backoff.ms'],
      maxBackoffMs: config['retry.backoff.max.ms'],
      constant: config['retry.backoff.policy'] === 'CONSTANT_VALUE',
      maxRetryAfterMs: config['retry.after.max.ms'],
      statuses: rangesOf(config['retry.on.status.codes']),
    },
    maxConcurrentRequests: concurrency,
  }
}

/** Refuses a config that was stored before its check existed. */
export function refuseProblems(problems: readonly SettingProblem[], config: object): void {
  const [wrong] = problems
  if (wrong) throw new InvalidSetting(wrong.setting, String((config as Record<string, unknown>)[wrong.setting]), wrong.why)
}
