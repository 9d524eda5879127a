/**
 * Goal: a broken response of the store loses no record and no object, and keys are those of the store. Method: a proxy before a real
 * server breaks one response of each kind, while objects are listed and read.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { parseSettings } from '../../../connect/sdk/index.ts'
import { s3Connection } from '../../../connectors/s3-driver/connection-settings.ts'
import { S3Store } from '../../../connectors/s3-driver/store.ts'
import { listPage } from '../../../connectors/s3-source/object-content.ts'
import { settings } from '../../../connectors/s3-source/settings.ts'
import { BreakingProxy, type Fault } from '../s3-driver/breaking-proxy.ts'
import { BucketForTests, lines, numbers, values } from './bucket-for-tests.ts'

const bucket = new BucketForTests()
let proxy: BreakingProxy
beforeEach(async () => {
  proxy = await BreakingProxy.before(bucket.server.endpoint)
})
afterEach(() => proxy.close())

const faults: readonly Fault[] = [
  'closes the connection',
  'says 503',
  'sends a page with success',
  'sends nothing with success',
  'loses the response',
  'cuts the response off',
  'shortens the response',
]

describe.each(faults)('a store that %s', (fault) => {
  test.each([
    ['a listing', /^GET .*list-type/],
    ['a part of an object', /^GET .*a[.]txt/],
  ])('in %s loses nothing', async (_what, requests) => {
    await bucket.put('a.txt', lines(0, 2000))
    await bucket.put('b.txt', lines(2000, 2100))
    proxy.break(requests, fault)
    const config = { 'store.url': proxy.endpoint, topic: 't', format: 'lines', 's3.part.size': '4096', 's3.retry.backoff.ms': '1' }
    expect(values(await bucket.read(2100, config, { untilRead: true }))).toEqual(numbers(0, 2100))
    expect(proxy.breaks).toBe(1)
  })
})

test('objects with a newline in their keys are read', async () => {
  await bucket.put('a\nb.txt', '1')
  expect(values(await bucket.read(1, { topic: 't', format: 'lines' }, { untilRead: true }))).toEqual(['1'])
})

test('keys that the store encodes, for XML lacks their characters, are decoded', async () => {
  const asked: string[] = []
  const store = createServer((request, response) => {
    asked.push(request.url!)
    const key = '<Contents><Key>a%01b%2B+%25.txt</Key><Size>1</Size><ETag>"e"</ETag></Contents>'
    response.end(`<ListBucketResult><Name>b</Name><EncodingType>url</EncodingType>${key}</ListBucketResult>`)
  })
  await new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(store.address() as AddressInfo).port}`
  const client = new S3Store(s3Connection(parseSettings(settings, { ...bucket.config({ 'store.url': url }), format: 'lines' })))
  onTestFinished(() => {
    client.close()
    store.close()
  })
  const { objects } = await listPage(client, { prefix: '' })
  expect(objects.map(({ key }) => key)).toEqual(['a\u0001b+ %.txt'])
  expect(asked[0]).toContain('encoding-type=url')
})
