/**
 * The settings of the webhook source: where it listens, which requests it takes, and what becomes of them.
 * Limits are checked before anything of a request is kept.
 */
import { type ConfigOf, type SettingProblem, setting } from '../../connect/sdk/index.ts'
import { isHeaderName } from '../http-driver/header-list.ts'
import { pointerProblem } from '../http-driver/json-pointer.ts'

const MAX_BYTES = 1024 * 1024 * 1024
const MAPPING = /^(\/[^\s:?#]*):((?!\.{1,2}$)[a-zA-Z0-9._-]{1,249})$/

const between = (least: number, most: number) => (value: number) =>
  value < least || value > most ? `Value must be between ${least} and ${most}` : undefined
const headerProblem = (name: string) => (isHeaderName(name) ? undefined : `${name} is not the name of a header`)

export const settings = {
  'listen.host': setting.string({
    doc: 'The address to listen on. Others than loopback need signature.scheme, or listen.ssl.client.ca.location, to keep strangers out.',
    default: '127.0.0.1',
    importance: 'HIGH',
    group: 'Listener',
    check: (host) => (host === '' ? 'String must be non-empty' : undefined),
  }),
  'listen.port': setting.int({ doc: 'The port to listen on', importance: 'HIGH', group: 'Listener', check: between(1, 65_535) }),
  'topic.mapping': setting.list({
    doc: 'The topics by the paths of requests: /orders:orders,/github:github-events. Other paths get a 404.',
    importance: 'HIGH',
    group: 'Records',
    check: mappingProblem,
  }),
  'listen.ssl.certificate.location': setting.string({
    doc: 'A file with the certificate of the server and those of its issuers, as PEM. With it the source speaks HTTPS.',
    default: null,
    group: 'Listener',
  }),
  'listen.ssl.key.location': setting.string({ doc: 'A file with its key, as PEM', default: null, group: 'Listener' }),
  'listen.ssl.key.password': setting.password({ doc: 'The password of an encrypted key', default: null, group: 'Listener' }),
  'listen.ssl.client.ca.location': setting.string({
    doc: 'A file with the authorities of client certificates, as PEM. With it, clients must show one.',
    default: null,
    group: 'Listener',
  }),
  'listen.ssl.reload.interval.ms': setting.int({
    doc: 'How often these files are looked at. New ones are used for new connections; while they cannot be used, the former ones are.',
    default: 60_000,
    importance: 'LOW',
    group: 'Listener',
    check: between(1, 86_400_000),
  }),
  'signature.scheme': setting.oneOf(['none', 'github', 'stripe', 'hmac', 'token'], {
    doc:
      "How a request shows that its sender knows the secret: 'none', as GitHub (X-Hub-Signature-256), as Stripe (Stripe-Signature), an " +
      "'hmac' of the body in signature.header, or the secret itself there ('token')",
    default: 'none',
    importance: 'HIGH',
    group: 'Signatures',
  }),
  'signature.secret': setting.password({ doc: 'The secret', default: null, importance: 'HIGH', group: 'Signatures' }),
  'signature.secret.previous': setting.password({
    doc: 'A second secret that is accepted too, while senders change theirs',
    default: null,
    group: 'Signatures',
  }),
  'signature.header': setting.string({
    doc: "The header with the signature, of the schemes 'hmac' and 'token'",
    default: 'X-Signature',
    group: 'Signatures',
    check: headerProblem,
  }),
  'signature.prefix': setting.string({
    doc: "What is before the signature in that header, such as 'sha256='. A word, such as Bearer, may be followed by a space.",
    default: '',
    importance: 'LOW',
    group: 'Signatures',
  }),
  'signature.algorithm': setting.oneOf(['sha256', 'sha512', 'sha1'], {
    doc: "The hash function, of the scheme 'hmac'",
    default: 'sha256',
    importance: 'LOW',
    group: 'Signatures',
  }),
  'signature.encoding': setting.oneOf(['hex', 'base64'], {
    doc: "How the signature is written, of the scheme 'hmac'",
    default: 'hex',
    importance: 'LOW',
    group: 'Signatures',
  }),
  'signature.tolerance.seconds': setting.int({
    doc: "How old, or how far ahead, the time of a signature may be, of the scheme 'stripe'",
    default: 300,
    importance: 'LOW',
    group: 'Signatures',
    check: between(1, 86_400),
  }),
  'value.format': setting.oneOf(['json', 'string', 'bytes'], {
    doc: "What values are: 'json' without a schema, a 'string', or 'bytes'. A body that is none gets a 400.",
    default: 'json',
    group: 'Records',
  }),
  'key.header': setting.string({
    doc: 'The header that becomes the key, such as that with the id of a delivery',
    default: null,
    group: 'Records',
    check: headerProblem,
  }),
  'key.json.pointer': setting.string({
    doc: 'Where the body has what becomes the key, with value.format=json: a JSON pointer',
    default: null,
    group: 'Records',
    check: pointerProblem,
  }),
  'record.headers': setting.list({
    doc: 'Headers of requests that become headers of their records',
    default: [],
    group: 'Records',
    check: (names) => names.map(headerProblem).find((problem) => problem !== undefined),
  }),
  'delivery.id.header': setting.string({
    doc: 'The header with the id of a delivery: one that is sent again after it was answered is answered at once, without a record',
    default: null,
    group: 'Records',
    check: headerProblem,
  }),
  'delivery.id.cache.size': setting.int({
    doc: 'How many ids of deliveries a task remembers',
    default: 10_000,
    importance: 'LOW',
    group: 'Records',
    check: between(1, 1_000_000),
  }),
  'response.status': setting.int({
    doc: 'The status of a request whose record is in Kafka',
    default: 200,
    group: 'Responses',
    check: (status) => ([200, 201, 202, 204].includes(status) ? undefined : 'Value must be 200, 201, 202 or 204'),
  }),
  'acknowledge.timeout.ms': setting.int({
    doc: 'How long a request waits for Kafka before it gets a 504, so that its sender sends it again',
    default: 10_000,
    group: 'Responses',
    check: between(1, 600_000),
  }),
  'retry.after.seconds': setting.int({
    doc: 'The header Retry-After of a 503',
    default: 1,
    importance: 'LOW',
    group: 'Responses',
    check: between(0, 86_400),
  }),
  'request.timeout.ms': setting.int({
    doc: 'The time for a request to arrive as a whole',
    default: 30_000,
    group: 'Limits',
    check: between(1, 600_000),
  }),
  'request.max.bytes': setting.int({
    doc: 'The maximum size of a body. A larger one gets a 413. Set max.request.size of the producer to more.',
    default: 1_000_000,
    group: 'Limits',
    check: between(1, MAX_BYTES),
  }),
  'max.inflight.requests': setting.int({
    doc: 'The maximum number of requests that arrive or wait for Kafka. Further ones get a 503.',
    default: 1000,
    group: 'Limits',
    check: between(1, 100_000),
  }),
  'max.inflight.bytes': setting.int({
    doc: 'The maximum size of their bodies together',
    default: 64 * 1024 * 1024,
    group: 'Limits',
    check: between(1, MAX_BYTES),
  }),
  'max.connections': setting.int({
    doc: 'The maximum number of connections. Further ones are closed.',
    default: 2000,
    importance: 'LOW',
    group: 'Limits',
    check: between(1, 100_000),
  }),
  'batch.size': setting.int({
    doc: 'The maximum number of records of a batch',
    default: 500,
    importance: 'LOW',
    group: 'Limits',
    check: between(1, 100_000),
  }),
}

export type WebhookConfig = ConfigOf<typeof settings>

function mappingProblem(entries: readonly string[]): string | undefined {
  if (entries.length === 0) return 'it needs a path and a topic: /orders:orders'
  const wrong = entries.find((entry) => !MAPPING.test(entry))
  if (wrong !== undefined) return `${wrong} is no path and topic: write /orders:orders`
  const paths = entries.map((entry) => MAPPING.exec(entry)![1])
  const twice = paths.find((path, index) => paths.indexOf(path) !== index)
  return twice === undefined ? undefined : `the path ${twice} is there twice`
}

/** The topics by path. */
export const topicsOf = (config: WebhookConfig): ReadonlyMap<string, string> =>
  new Map(
    config['topic.mapping'].map((entry) => {
      const [, path, topic] = MAPPING.exec(entry)!
      return [path!, topic!]
    }),
  )

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/

/** Whether nothing but the loopback address keeps strangers out: a web page reaches that through a browser of this machine. */
export const isKeptByLoopback = (config: WebhookConfig): boolean =>
  LOOPBACK.test(config['listen.host']) && config['signature.scheme'] === 'none' && config['listen.ssl.client.ca.location'] === null

/** Why strangers can write records; null where they cannot. */
export function openness(config: WebhookConfig): string | null {
  const host = config['listen.host']
  if (LOOPBACK.test(host) || config['signature.scheme'] !== 'none' || config['listen.ssl.client.ca.location'] !== null) return null
  return (
    `Whoever reaches ${host}:${config['listen.port']} can write records: set signature.scheme and signature.secret, require client ` +
    'certificates with listen.ssl.client.ca.location, or listen on 127.0.0.1'
  )
}

/** Checks that concern several settings. */
export function check(config: WebhookConfig): SettingProblem[] {
  const problems: SettingProblem[] = []
  const add = (name: keyof WebhookConfig & string, why: string) => problems.push({ setting: name, why })
  const scheme = config['signature.scheme']
  if (scheme !== 'none' && !config['signature.secret']) add('signature.secret', `signature.scheme=${scheme} needs it`)
  if (scheme === 'none' && config['signature.secret'] !== null) add('signature.scheme', 'signature.secret is set: say how it is used')
  if (config['signature.secret.previous'] === '') add('signature.secret.previous', 'it is empty: leave it out, or set the former secret')
  const certificate = config['listen.ssl.certificate.location']
  if ((certificate === null) !== (config['listen.ssl.key.location'] === null))
    add(certificate === null ? 'listen.ssl.certificate.location' : 'listen.ssl.key.location', 'HTTPS needs a certificate and a key')
  if (certificate === null && config['listen.ssl.client.ca.location'] !== null)
    add('listen.ssl.client.ca.location', 'client certificates need HTTPS: set listen.ssl.certificate.location')
  if (config['key.header'] !== null && config['key.json.pointer'] !== null)
    add('key.json.pointer', 'the key is that of key.header: leave out one of them')
  if (config['key.json.pointer'] !== null && config['value.format'] !== 'json') add('key.json.pointer', 'it needs value.format=json')
  if (config['max.inflight.bytes'] < config['request.max.bytes'])
    add('max.inflight.bytes', 'it must hold at least one request: set it to request.max.bytes or more')
  return problems
}
