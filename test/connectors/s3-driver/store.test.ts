/**
 * Goal: a request to a store ends with its response, or with an error that says what to do and whether it may pass; a store that is away
 * for a moment is waited for; a proxy is used. Method: a real S3-compatible server with wrong keys, names and regions, ended and started
 * again; a proxy of the test that counts what passes.
 */
import { createServer, type IncomingMessage, request } from 'node:http'
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { parseSettings, Retriable } from '../../../connect/sdk/index.ts'
import { s3Connection, s3ConnectionProblems, s3ConnectionSettings } from '../../../connectors/s3-driver/connection-settings.ts'
import { S3Refused, s3Failure, settingProblem } from '../../../connectors/s3-driver/failures.ts'
import { S3Store } from '../../../connectors/s3-driver/store.ts'
import { freePort } from '../../running-broker.ts'
import { S3_START_MS, type TestS3, testS3 } from '../../services/s3.ts'

let server: TestS3
let bucket: string
beforeAll(async () => {
  server = await testS3({ killable: true })
  bucket = await server.bucket()
}, S3_START_MS)
afterAll(async () => server?.stop())

const parsed = (config: Record<string, string>) => parseSettings(s3ConnectionSettings, config)
const config = (changes: Record<string, string> = {}) => ({
  's3.bucket.name': bucket,
  's3.region': server.region,
  'store.url': server.endpoint,
  'aws.access.key.id': server.accessKeyId,
  'aws.secret.access.key': server.secretAccessKey,
  's3.part.retries': '0',
  ...changes,
})
function store(changes: Record<string, string> = {}, signal?: AbortSignal): S3Store {
  const made = new S3Store(s3Connection(parsed(config(changes))), signal)
  onTestFinished(() => made.close())
  return made
}
const put = (to: S3Store, Key = 'object', Body = 'content') =>
  to.request({ what: `write ${Key}`, action: 's3:PutObject' }, (client, options) =>
    client.send(new PutObjectCommand({ Bucket: to.bucket, Key, Body }), options),
  )
const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error('it has not failed'),
    (error: Error) => error,
  )

describe('a request', () => {
  test('reads what was written', async () => {
    const to = store()
    await put(to, 'a/b+0+0000000001.json', 'lines')
    const response = await to.request({ what: 'read it', action: 's3:GetObject' }, (client, options) =>
      client.send(new GetObjectCommand({ Bucket: bucket, Key: 'a/b+0+0000000001.json' }), options),
    )
    expect(await response.Body!.transformToString()).toBe('lines')
  })

  test.each([
    [
      'a bucket that is not there',
      { 's3.bucket.name': 'none-such' },
      's3.bucket.name',
      /the bucket none-such does not exist in http.*Create it/,
    ],
    ['an unknown access key', { 'aws.access.key.id': 'unknown' }, 'aws.access.key.id', /does not know the access key/],
    ['a wrong secret', { 'aws.secret.access.key': 'wrong' }, 'aws.secret.access.key', /does not belong to the access key/],
    ['a wrong region', { 's3.region': 'eu-central-1' }, 's3.region', /is in us-east-1. Set s3.region=us-east-1|is in another region/],
  ])('says what to do about %s, and is not sent again', async (_what, changes, setting, sentence) => {
    const error = await failure(put(store({ 's3.part.retries': '5', 's3.retry.backoff.ms': '60000', ...changes })))
    expect(error).toBeInstanceOf(S3Refused)
    expect(error.message).toMatch(sentence)
    expect(settingProblem(error)).toEqual({ setting, why: error.message })
  })

  test('says that the host is not known, which may pass', async () => {
    const error = await failure(put(store({ 'store.url': 'http://no-such-host.invalid:9000' })))
    expect(error).toBeInstanceOf(Retriable)
    expect(error.message).toMatch(/the host of http:\/\/no-such-host.invalid:9000 is not known/)
    expect(settingProblem(error)?.setting).toBe('store.url')
  })

  test('for an object that is not there is refused with NotFound', async () => {
    const to = store()
    const error = await failure(
      to.request({ what: 'read none', action: 's3:GetObject' }, (client, options) =>
        client.send(new HeadObjectCommand({ Bucket: bucket, Key: 'none' }), options),
      ),
    )
    expect(error).toMatchObject({ name: 'S3Refused', code: 'NotFound' })
  })

  test('is sent again while the store is away, and succeeds when it is back', async () => {
    const to = store({ 's3.part.retries': '1000', 's3.retry.backoff.ms': '20' })
    await server.kill()
    const written = put(to, 'later')
    await server.start()
    expect((await written).$metadata.httpStatusCode).toBe(200)
  })

  test('is Retriable once it was sent as often as the settings say', async () => {
    const error = await failure(
      put(store({ 'store.url': `http://127.0.0.1:${await freePort()}`, 's3.part.retries': '2', 's3.retry.backoff.ms': '1' })),
    )
    expect(error).toBeInstanceOf(Retriable)
    expect(error.message).toMatch(/does not respond .*Check store.url/)
  })

  test('ends with the task', async () => {
    const stop = new AbortController()
    const to = store(
      { 'store.url': `http://127.0.0.1:${await freePort()}`, 's3.part.retries': '1000', 's3.retry.backoff.ms': '60000' },
      stop.signal,
    )
    const sent = failure(put(to))
    stop.abort(new Error('the task stops'))
    expect((await sent).message).toBe('the task stops')
  })

  test('goes through the proxy of the settings, with its user and password', async () => {
    const seen: IncomingMessage[] = []
    const proxy = createServer((incoming, response) => {
      seen.push(incoming)
      const { 'proxy-authorization': _secret, ...headers } = incoming.headers
      const forwarded = request(incoming.url!, { method: incoming.method, headers }, (answer) => {
        response.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(response)
      })
      incoming.pipe(forwarded)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => new Promise<void>((resolve) => proxy.close(() => resolve())))
    const { port } = proxy.address() as { port: number }
    const to = store({ 's3.proxy.url': `http://127.0.0.1:${port}`, 's3.proxy.user': 'me', 's3.proxy.password': 'p:w' })
    await put(to, 'through-proxy')
    expect(seen.map(({ headers }) => headers['proxy-authorization'])).toEqual([`Basic ${Buffer.from('me:p:w').toString('base64')}`])
    to.close()
  })
})

describe('an error of the SDK', () => {
  const connection = () => s3Connection(parsed(config()))
  const of = (parts: object) =>
    s3Failure(Object.assign(new Error('as the store says'), parts), connection(), { what: 'write x', action: 's3:PutObject' })

  test.each([
    ['SlowDown', { name: 'SlowDown', $metadata: { httpStatusCode: 503 } }],
    ['a 500 of an unknown name', { name: 'Odd', $metadata: { httpStatusCode: 500 } }],
    ['a reset connection', { code: 'ECONNRESET' }],
    ['a skewed clock', { name: 'RequestTimeTooSkewed', $metadata: { httpStatusCode: 403 } }],
  ])('may pass: %s', (_what, parts) => expect(of(parts)).toBeInstanceOf(Retriable))

  test.each([
    [
      'a denied action',
      { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } },
      's3.bucket.name',
      /Allow the user of the access key s3:PutObject/,
    ],
    [
      'a bucket in another region',
      { name: 'PermanentRedirect', $metadata: { httpStatusCode: 301 }, $response: { headers: { 'x-amz-bucket-region': 'eu-west-1' } } },
      's3.region',
      /Set s3.region=eu-west-1/,
    ],
    ['no keys', { name: 'CredentialsProviderError' }, 'aws.access.key.id', /Set aws.access.key.id/],
    ['an untrusted certificate', { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 'store.url', /NODE_EXTRA_CA_CERTS/],
  ])('is refused for good: %s', (_what, parts, setting, sentence) => {
    const error = of(parts)
    expect(error).toMatchObject({ name: 'S3Refused', setting })
    expect(error.message).toMatch(sentence)
  })

  test('without a code, as of a proxy, is named by its status', () => {
    const error = Object.assign(new Error('UnknownError'), { name: 'Unknown', $metadata: { httpStatusCode: 503 } })
    const failure = s3Failure(error, connection(), { what: 'write x', action: 's3:PutObject' })
    expect([failure instanceof Retriable, failure.message]).toEqual([true, `Cannot write x: ${server.endpoint} says HTTP 503`])
  })
})

describe('the settings', () => {
  const problems = (changes: Record<string, string>) =>
    s3ConnectionProblems(parsed({ 's3.bucket.name': 'bucket', ...changes })).map(({ setting }) => setting)

  test('say what is missing beside another', () => {
    expect(problems({ 'aws.access.key.id': 'key' })).toEqual(['aws.secret.access.key'])
    expect(problems({ 'aws.secret.access.key': 'secret' })).toEqual(['aws.access.key.id'])
    expect(problems({ 's3.wan.mode': 'true' })).toEqual(['s3.path.style.access.enabled'])
    expect(problems({ 's3.credentials.provider.class': 'io.confluent.connect.s3.auth.AwsAssumeRoleCredentialsProvider' })).toEqual([
      's3.credentials.provider.sts.role.arn',
    ])
    expect(problems({ 's3.proxy.user': 'me' })).toEqual(['s3.proxy.url'])
    expect(problems({})).toEqual([])
  })

  test('refuse what is no URL, no bucket and no region', () => {
    const wrong: Record<string, string>[] = [
      { 'store.url': 'ftp://host' },
      { 'store.url': 'http://key:secret@host' },
      { 's3.bucket.name': '/x' },
      { 's3.region': 'EU 1' },
    ]
    for (const changes of wrong) expect(() => parsed({ 's3.bucket.name': 'bucket', ...changes })).toThrow(/Invalid value/)
  })

  test('name where the keys are', () => {
    const source = (changes: Record<string, string>) => s3Connection(parsed({ 's3.bucket.name': 'bucket', ...changes })).credentials
    expect(source({})).toEqual({ kind: 'chain' })
    expect(source({ 'aws.access.key.id': 'a', 'aws.secret.access.key': 'b' })).toEqual({
      kind: 'keys',
      accessKeyId: 'a',
      secretAccessKey: 'b',
    })
    expect(
      source({
        's3.credentials.provider.class': 'io.confluent.connect.s3.auth.AwsAssumeRoleCredentialsProvider',
        's3.credentials.provider.sts.role.arn': 'arn:aws:iam::1:role/r',
      }),
    ).toEqual({ kind: 'role', arn: 'arn:aws:iam::1:role/r', sessionName: 'tributary', externalId: null, keys: null })
  })
})
