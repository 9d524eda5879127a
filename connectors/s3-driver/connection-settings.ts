/**
 * How a store is reached: the settings that every S3 connector has, under Confluent's names, and what they mean. Loaded at each start of a
 * worker, so nothing here loads the SDK of AWS.
 */
import { type ConfigOf, type SettingProblem, setting } from '../../connect/sdk/index.ts'

export type CredentialsSource =
  | { kind: 'keys'; accessKeyId: string; secretAccessKey: string }
  /** The environment, the files of the AWS tools, and what the machine or container is given. */
  | { kind: 'chain' }
  | {
      kind: 'role'
      arn: string
      sessionName: string
      externalId: string | null
      keys: { accessKeyId: string; secretAccessKey: string } | null
    }
  | { kind: 'anonymous' }

export interface S3Connection {
  bucket: string
  region: string
  /** Null for that of AWS in the region. */
  endpoint: string | null
  pathStyle: boolean
  accelerated: boolean
  credentials: CredentialsSource
  proxy: { url: string; user: string | null; password: string | null } | null
  /** How often a request is sent again after an error that may pass, and the first delay, which doubles. */
  retries: number
  backoffMs: number
  expectContinue: boolean
}

const CHAINS = [
  'software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider',
  'com.amazonaws.auth.DefaultAWSCredentialsProviderChain',
]
const ANONYMOUS = ['software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider', 'com.amazonaws.auth.AnonymousAWSCredentials']
const ROLES = ['io.confluent.connect.s3.auth.AwsAssumeRoleCredentialsProvider']

const BUCKET_NAME = /^[a-zA-Z0-9][a-zA-Z0-9._-]{1,254}$/

export const s3ConnectionSettings = {
  's3.bucket.name': setting.string({
    doc: 'The bucket.',
    importance: 'HIGH',
    group: 'S3',
    order: 1,
    width: 'LONG',
    displayName: 'S3 Bucket',
    check: (name) => (BUCKET_NAME.test(name) ? undefined : 'It is no name of a bucket: those have letters, digits, dots and hyphens'),
  }),
  's3.region': setting.string({
    doc: 'The region of the bucket. Stores other than AWS mostly take any.',
    default: 'us-west-2',
    group: 'S3',
    width: 'LONG',
    displayName: 'AWS region',
    check: (region) => (/^[a-z0-9-]+$/.test(region) ? undefined : 'It is no name of a region, such as eu-central-1'),
  }),
  'store.url': setting.string({
    doc: 'The URL of the store, as https://s3.example.com:9000; that of AWS in the region where it is not set.',
    default: null,
    importance: 'HIGH',
    group: 'Storage',
    displayName: 'Store URL',
    check: urlProblem,
  }),
  's3.path.style.access.enabled': setting.boolean({
    doc: 'Whether the bucket is part of the path of requests, and not of the host.',
    default: true,
    importance: 'LOW',
    group: 'S3',
    displayName: 'Enable Path Style Access to S3',
  }),
  's3.wan.mode': setting.boolean({
    doc: "Whether requests go to AWS's accelerated endpoint. It needs s3.path.style.access.enabled=false.",
    default: false,
    group: 'S3',
    displayName: 'S3 accelerated endpoint enabled',
  }),
  'aws.access.key.id': setting.string({
    doc: 'The access key. Without it s3.credentials.provider.class says where the keys are.',
    default: '',
    importance: 'HIGH',
    group: 'S3',
    displayName: 'AWS Access Key ID',
    aliases: ['s3.credentials.provider.aws.access.key.id'],
  }),
  'aws.secret.access.key': setting.password({
    doc: 'The secret of the access key.',
    default: null,
    importance: 'HIGH',
    group: 'S3',
    displayName: 'AWS Secret Access Key',
    aliases: ['s3.credentials.provider.aws.secret.access.key'],
  }),
  's3.credentials.provider.class': setting.oneOf([...CHAINS, ...ROLES, ...ANONYMOUS], {
    doc:
      'Where keys are, unless aws.access.key.id is set. DefaultCredentialsProvider: environment variables, files of the AWS tools, roles of ' +
      'the machine or container. AwsAssumeRoleCredentialsProvider: the role of s3.credentials.provider.sts.role.arn. ' +
      'AnonymousCredentialsProvider: none, for a public bucket.',
    default: CHAINS[0]!,
    importance: 'LOW',
    group: 'S3',
    displayName: 'AWS Credentials Provider Class',
    exactCase: true,
  }),
  's3.credentials.provider.sts.role.arn': setting.string({
    doc: 'The role that AwsAssumeRoleCredentialsProvider assumes, with aws.access.key.id if that is set, else with the keys of the default chain.',
    default: '',
    importance: 'LOW',
    group: 'S3',
    aliases: ['sts.role.arn'],
  }),
  's3.credentials.provider.sts.role.session.name': setting.string({
    doc: 'The name of the session of the assumed role.',
    default: 'tributary',
    importance: 'LOW',
    group: 'S3',
    aliases: ['sts.role.session.name'],
  }),
  's3.credentials.provider.sts.role.external.id': setting.string({
    doc: 'The external id that the trust policy of the role asks for.',
    default: '',
    importance: 'LOW',
    group: 'S3',
    aliases: ['sts.role.external.id'],
  }),
  's3.part.retries': setting.int({
    doc: 'How often a request is sent again after an error that may pass. Then the batch is retried as a whole, without limit.',
    default: 3,
    group: 'S3',
    displayName: 'S3 Part Upload Retries',
    least: 0,
  }),
  's3.retry.backoff.ms': setting.long({
    doc: 'The delay in ms before the first of these retries. It doubles with each.',
    default: 200,
    importance: 'LOW',
    group: 'S3',
    displayName: 'Retry Backoff (ms)',
    least: 0,
  }),
  's3.proxy.url': setting.string({
    doc: 'The HTTP proxy that requests go through, as http://proxy.example.com:3128.',
    default: '',
    importance: 'LOW',
    group: 'S3',
    displayName: 'S3 Proxy Settings',
    check: (url) => (url === '' ? undefined : proxyProblem(url)),
  }),
  's3.proxy.user': setting.string({
    doc: 'The user at the proxy.',
    default: null,
    importance: 'LOW',
    group: 'S3',
    displayName: 'S3 Proxy User',
  }),
  's3.proxy.password': setting.password({
    doc: 'The password at the proxy.',
    default: null,
    importance: 'LOW',
    group: 'S3',
    displayName: 'S3 Proxy Password',
  }),
  's3.http.send.expect.continue': setting.boolean({
    doc: 'Whether a request with a part waits until the store is willing to take it (Expect: 100-continue).',
    default: true,
    importance: 'LOW',
    group: 'S3',
    displayName: 'S3 HTTP Send Uses Expect Continue',
  }),
}

export type S3ConnectionConfig = ConfigOf<typeof s3ConnectionSettings>

function urlProblem(text: string): string | undefined {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol)) return 'It is no URL as https://s3.example.com:9000'
  if (url.username !== '' || url.password !== '') return 'It must hold no keys: set aws.access.key.id and aws.secret.access.key'
  return url.search === '' && url.hash === '' ? undefined : 'It must be a URL without a query'
}

function proxyProblem(text: string): string | undefined {
  const url = URL.parse(text)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return 'It is no URL of an HTTP proxy, such as http://proxy.example.com:3128'
  return url.username !== '' || url.password !== '' ? 'It must hold no password: set s3.proxy.user and s3.proxy.password' : undefined
}

/** Problems that several of these settings have together. */
export function s3ConnectionProblems(config: S3ConnectionConfig): SettingProblem[] {
  const problems: SettingProblem[] = []
  const hasKey = config['aws.access.key.id'] !== ''
  if (hasKey !== (config['aws.secret.access.key'] !== null))
    problems.push({
      setting: hasKey ? 'aws.secret.access.key' : 'aws.access.key.id',
      why: 'aws.access.key.id and aws.secret.access.key are set together, or neither is',
    })
  if (config['s3.wan.mode'] && config['s3.path.style.access.enabled'])
    problems.push({ setting: 's3.path.style.access.enabled', why: 's3.wan.mode=true needs s3.path.style.access.enabled=false' })
  if (config['s3.wan.mode'] && config['store.url'] !== null)
    problems.push({ setting: 's3.wan.mode', why: 'the accelerated endpoint is of AWS alone: leave store.url out' })
  if (ROLES.includes(config['s3.credentials.provider.class']) && config['s3.credentials.provider.sts.role.arn'] === '')
    problems.push({ setting: 's3.credentials.provider.sts.role.arn', why: 'AwsAssumeRoleCredentialsProvider needs the role to assume' })
  if (config['s3.proxy.url'] === '' && (config['s3.proxy.user'] !== null || config['s3.proxy.password'] !== null))
    problems.push({ setting: 's3.proxy.url', why: 's3.proxy.user and s3.proxy.password need the URL of the proxy' })
  return problems
}

function credentialsOf(config: S3ConnectionConfig): CredentialsSource {
  const secret = config['aws.secret.access.key']
  const keys = secret === null ? null : { accessKeyId: config['aws.access.key.id'], secretAccessKey: secret }
  const provider = config['s3.credentials.provider.class']
  if (ROLES.includes(provider))
    return {
      kind: 'role',
      arn: config['s3.credentials.provider.sts.role.arn'],
      sessionName: config['s3.credentials.provider.sts.role.session.name'],
      externalId: config['s3.credentials.provider.sts.role.external.id'] || null,
      keys,
    }
  if (keys) return { kind: 'keys', ...keys }
  return ANONYMOUS.includes(provider) ? { kind: 'anonymous' } : { kind: 'chain' }
}

export const s3Connection = (config: S3ConnectionConfig): S3Connection => ({
  bucket: config['s3.bucket.name'],
  region: config['s3.region'],
  endpoint: config['store.url'],
  pathStyle: config['s3.path.style.access.enabled'],
  accelerated: config['s3.wan.mode'],
  credentials: credentialsOf(config),
  proxy:
    config['s3.proxy.url'] === ''
      ? null
      : { url: config['s3.proxy.url'], user: config['s3.proxy.user'], password: config['s3.proxy.password'] },
  retries: config['s3.part.retries'],
  backoffMs: config['s3.retry.backoff.ms'],
  expectContinue: config['s3.http.send.expect.continue'],
})
