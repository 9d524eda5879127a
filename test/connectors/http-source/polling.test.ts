/**
 * Goal: the source reads what a server has in every mode of paging, once, also where each task stops after one batch; it repeats no
 * request in vain; and it says what is wrong with a response. Method: real servers in the test; the runtime's part, stored positions and
 * repeated reads, is played here.
 */
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { StoredPositions, taskContext } from '../../../connect/contract/index.ts'
import { parseSettings, Retriable, type SourceRecord } from '../../../connect/sdk/index.ts'
import { httpSource } from '../../../connectors/http-source/connector.ts'
import { freePort } from '../../running-broker.ts'
import { LOCAL, type RecordingServer, type Reply, testServer } from '../http-driver/recording-server.ts'

const settingsOf = (url: string, config: Record<string, string>) => ({
  ...LOCAL,
  url,
  topic: 'polled',
  'request.interval.ms': '5',
  ...config,
})

interface Reading {
  records: SourceRecord[]
  error: Error | null
}

/** Reads until `isEnough`; a task for each batch where `restarts`. */
async function read(
  url: string,
  config: Record<string, string>,
  isEnough: (records: readonly SourceRecord[]) => boolean,
  { restarts = false, positions = new StoredPositions() } = {},
): Promise<Reading & { context: ReturnType<typeof taskContext> }> {
  const records: SourceRecord[] = []
  for (;;) {
    const stop = new AbortController()
    const context = taskContext(httpSource.settings, settingsOf(url, config), stop.signal)
    try {
      for await (const batch of httpSource.read({ ...context, positions })) {
        records.push(...batch.records)
        positions.store(batch.positions)
        if (isEnough(records)) return { records, error: null, context }
        if (restarts) break
      }
    } catch (error) {
      return { records, error: error as Error, context }
    }
  }
}

const count = (many: number) => (records: readonly SourceRecord[]) => records.length >= many
const idsOf = (records: readonly SourceRecord[]) => records.map(({ value }) => (value as { id: number }).id)
const upTo = (many: number) => Array.from({ length: many }, (_, id) => id)
const itemsOf = (from: number, to: number) =>
  upTo(to)
    .slice(from)
    .map((id) => ({ id }))
const json = (value: unknown, headers: Record<string, string> = {}): Reply => ({ body: JSON.stringify(value), headers })
const query = (path: string, name: string) => new URL(path, 'http://x').searchParams.get(name)

const TOTAL = 23
const PAGE = 5
/** Servers of each kind of paging, with the settings for them. */
const kinds: Record<string, { config: Record<string, string>; reply(path: string, body: string): Reply }> = {
  CHAINING: {
    config: {
      'http.offset.mode': 'CHAINING',
      'http.offset.json.pointer': '/id',
      'http.initial.offset': '-1',
      'http.request.parameters': 'since=${offset}',
    },
    reply: (path) => json(itemsOf(Number(query(path, 'since')) + 1, Math.min(TOTAL, Number(query(path, 'since')) + 1 + PAGE))),
  },
  'CHAINING from an inclusive offset': {
    config: {
      'http.offset.mode': 'CHAINING',
      'http.offset.json.pointer': '/at',
      'http.offset.inclusive': 'true',
      'http.initial.offset': '0',
      'http.request.parameters': 'since=${offset}',
    },
    // Three items at each time.
    reply: (path) =>
      json(
        upTo(TOTAL)
          .map((id) => ({ id, at: Math.floor(id / 3) }))
          .filter(({ at }) => at >= Number(query(path, 'since')))
          .slice(0, PAGE),
      ),
  },
  SIMPLE_INCREMENTING: {
    config: { 'http.offset.mode': 'SIMPLE_INCREMENTING', 'http.initial.offset': '0', 'http.request.parameters': 'skip=${offset}' },
    reply: (path) => json(itemsOf(Number(query(path, 'skip')), Math.min(TOTAL, Number(query(path, 'skip')) + PAGE))),
  },
  PAGE_NUMBER: {
    config: {
      'http.offset.mode': 'PAGE_NUMBER',
      'http.initial.offset': '1',
      'http.page.size': String(PAGE),
      'http.request.parameters': 'page=${offset}',
    },
    reply: (path) => json(itemsOf((Number(query(path, 'page')) - 1) * PAGE, Math.min(TOTAL, Number(query(path, 'page')) * PAGE))),
  },
  'CURSOR_PAGINATION with a cursor': {
    config: {
      'http.offset.mode': 'CURSOR_PAGINATION',
      'http.next.page.json.pointer': '/meta/next',
      'http.response.data.json.pointer': '/data',
      'http.request.parameters': 'cursor=${offset}',
    },
    reply: (path) => {
      const from = Number((query(path, 'cursor') ?? 'c0').slice(1))
      return json({ data: itemsOf(from, Math.min(TOTAL, from + PAGE)), meta: { next: from + PAGE < TOTAL ? `c${from + PAGE}` : null } })
    },
  },
  'CURSOR_PAGINATION with a URL': {
    config: { 'http.offset.mode': 'CURSOR_PAGINATION', 'http.next.page.json.pointer': '/next', 'http.response.data.json.pointer': '/data' },
    reply: (path) => {
      const from = Number(query(path, 'from') ?? 0)
      return json({ data: itemsOf(from, Math.min(TOTAL, from + PAGE)), ...(from + PAGE < TOTAL && { next: `/list?from=${from + PAGE}` }) })
    },
  },
  'CURSOR_PAGINATION in the body of a POST': {
    config: {
      'http.offset.mode': 'CURSOR_PAGINATION',
      'http.request.method': 'POST',
      'http.request.body': '{"cursor":"${offset}"}',
      'http.next.page.json.pointer': '/next',
      'http.response.data.json.pointer': '/data',
    },
    reply: (_path, body) => {
      const { cursor } = JSON.parse(body) as { cursor: string }
      const from = Number(cursor.replace('"', '') || 0)
      return json({ data: itemsOf(from, Math.min(TOTAL, from + PAGE)), next: from + PAGE < TOTAL ? `"${from + PAGE}` : '' })
    },
  },
  LINK_HEADER: {
    config: { 'http.offset.mode': 'LINK_HEADER' },
    reply: (path) => {
      const from = Number(query(path, 'from') ?? 0)
      return json(itemsOf(from, Math.min(TOTAL, from + PAGE)), from + PAGE < TOTAL ? { link: `<?from=${from + PAGE}>; rel="next"` } : {})
    },
  },
}

describeKinds('reads all, once and in order', false)
describeKinds('goes on from any stored position, without a gap and without a duplicate', true)

function describeKinds(what: string, restarts: boolean): void {
  test.each(Object.keys(kinds))(`%s ${what}`, async (name) => {
    const { config, reply } = kinds[name]!
    const server = await testServer(({ path, body }) => reply(path, body))
    const { records, error } = await read(`${server.url}/list`, { ...config, 'batch.size': '2' }, count(TOTAL), { restarts })
    expect(error).toBeNull()
    expect(idsOf(records)).toEqual(upTo(TOTAL))
  })
}

test('what is added to the last page later is read, and nothing of it twice', async () => {
  let total = 7
  const server = await testServer(({ path }) => {
    const from = Number(query(path, 'from') ?? 0)
    return json(itemsOf(from, Math.min(total, from + PAGE)), from + PAGE < total ? { link: `</list?from=${from + PAGE}>; rel="next"` } : {})
  })
  const { records } = await read(`${server.url}/list`, { 'http.offset.mode': 'LINK_HEADER' }, (read) => {
    if (read.length === 7) total = 18
    return read.length >= 18
  })
  expect(idsOf(records)).toEqual(upTo(18))
})

test('a snapshot is read again only after it has changed, also by another task', async () => {
  let version = 1
  const server = await testServer(({ path, headers }) => {
    if (path === '/all' && headers['if-none-match'] === `"v${version}"`) return { status: 304 }
    return json(
      upTo(3).map((id) => ({ id, version })),
      { etag: `"v${version}"` },
    )
  })
  const positions = new StoredPositions()
  const first = await read(`${server.url}/all`, {}, count(3), { positions })
  expect(idsOf(first.records)).toEqual([0, 1, 2])
  const unchanged = (requests: RecordingServer['requests']) => requests.filter(({ headers }) => headers['if-none-match'] === '"v1"').length
  const second = read(`${server.url}/all`, { 'batch.size': '1' }, count(3), { positions })
  await expect.poll(() => unchanged(server.requests)).toBeGreaterThan(2)
  version = 2
  expect((await second).records.map(({ value }) => value)).toEqual([
    { id: 0, version: 2 },
    { id: 1, version: 2 },
    { id: 2, version: 2 },
  ])
})

test('a snapshot of several pages is read also where its first page is as it was', async () => {
  let total = 3
  const server = await testServer(({ path, headers }) => {
    const page = Number(query(path, 'page') ?? 1)
    if (page === 1 && headers['if-none-match'] === '"first"') return { status: 304 }
    return json(itemsOf((page - 1) * 2, Math.min(total, page * 2)), {
      ...(page === 1 && { etag: '"first"' }),
      ...(page * 2 < total && { link: `</all?page=${page + 1}>; rel=next` }),
    })
  })
  const { records } = await read(`${server.url}/all`, {}, (read) => {
    if (read.length === 3) total = 4
    return read.length >= 7
  })
  expect(idsOf(records)).toEqual([0, 1, 2, 0, 1, 2, 3])
})

test('a cursor that names its own page ends the poll, and what is added there is read once', async () => {
  let total = 3
  const server = await testServer(() => json({ data: itemsOf(0, total), next: 'same' }))
  const config = { ...cursorPaging, 'http.initial.offset': 'same', 'http.request.parameters': 'cursor=${offset}' }
  const { records } = await read(server.url, config, (read) => {
    if (read.length === 3) total = 5
    return read.length >= 5
  })
  expect(idsOf(records)).toEqual([0, 1, 2, 3, 4])
})

test.each([1, 2, 3, 7])('%i pages that lead back to the first of them are not read without end', async (length) => {
  const server = await testServer(({ path }) => {
    const page = Number(query(path, 'page') ?? -1)
    return json([{ id: page }], { link: `</all?page=${(page + 1) % length}>; rel=next` })
  })
  for (const mode of length === 1 ? ['SNAPSHOT'] : ['SNAPSHOT', 'LINK_HEADER']) {
    const { error, records } = await read(`${server.url}/all`, { 'http.offset.mode': mode }, count(100))
    expect(error!.message).toMatch(/lead back to one of them.*header Link/)
    expect(idsOf(records).slice(0, length)).toEqual(
      upTo(length + 1)
        .slice(0, length)
        .map((id) => id - 1),
    )
  }
})

test('Last-Modified is used where there is no ETag; a poll for more is conditional too', async () => {
  const date = new Date(0).toUTCString()
  const server = await testServer(({ headers }) =>
    headers['if-modified-since'] === date ? { status: 304 } : json([{ id: 0 }], { 'last-modified': date }),
  )
  const config = { 'http.offset.mode': 'CURSOR_PAGINATION', 'http.next.page.json.pointer': '/next' }
  const reading = read(server.url, config, count(2))
  await expect.poll(() => server.requests.filter(({ headers }) => headers['if-modified-since'] === date).length).toBeGreaterThan(2)
  server.respond = () => json([{ id: 0 }, { id: 1 }])
  expect(idsOf((await reading).records)).toEqual([0, 1])
})

test('keys, texts, and numbers of any size', async () => {
  const server = await testServer(() => ({ body: '[{"user":{"name":"a"},"n":12345678901234567890},{"n":1}]' }))
  const { records } = await read(server.url, { 'key.json.pointer': '/user/name', 'value.format': 'string' }, count(2))
  expect(records.map(({ key, value, valueSchema }) => [key, value, valueSchema?.type])).toEqual([
    ['a', '{"user":{"name":"a"},"n":12345678901234567890}', 'string'],
    [null, '{"n":1}', 'string'],
  ])
  const text = await testServer(() => ({ body: 'id;name\n1;x' }))
  expect((await read(text.url, { 'http.response.format': 'text' }, count(1))).records[0]!.value).toBe('id;name\n1;x')
})

test.each([
  [{ status: 503, headers: { 'retry-after': '3' } }, 3000],
  [{ status: 429, headers: { 'retry-after': '9999' } }, 300_000],
  [{ status: 500 }, undefined],
  [{ status: 408 }, undefined],
])('%o is read again later', async (reply, afterMs) => {
  const server = await testServer(() => reply as Reply)
  const { error } = await read(server.url, {}, count(1))
  expect(error).toBeInstanceOf(Retriable)
  expect((error as Retriable).afterMs).toBe(afterMs)
})

test('a response that is nested deeper than converters can follow fails the task with what to do', async () => {
  const nested = (depth: number) => `[${'['.repeat(depth)}${']'.repeat(depth)}]`
  const server = await testServer(({ path }) => ({ body: nested(path === '/deep' ? 300_000 : 200) }))
  expect((await read(`${server.url}/deep`, {}, count(1))).error!.message).toMatch(
    /more than 256 arrays and objects.*http\.response\.format=text/,
  )
  expect((await read(`${server.url}/fine`, {}, count(1))).records).toHaveLength(1)
})

test('a server that is away is read again later', async () => {
  const { error } = await read(`http://127.0.0.1:${await freePort()}/`, {}, count(1))
  expect(error).toBeInstanceOf(Retriable)
  expect(error!.message).toMatch(/Nothing listens/)
})

test.each<[string, Reply, Record<string, string>, RegExp]>([
  ['a refusal', { status: 403, body: 'no' }, {}, /responds with 403: no\. Check the credentials/],
  ['a page that is gone', { status: 410 }, {}, /410.*reset the offsets/],
  ['what is no JSON', { body: '<html>' }, {}, /is not JSON/],
  ['no items where they should be', { body: '{}' }, { 'http.response.data.json.pointer': '/items' }, /nothing at "\/items"/],
  ['a next page elsewhere', { body: '[]', headers: { link: '<http://169.254.169.254/>; rel=next' } }, {}, /another origin/],
  ['a response that is too long', { body: `"${'x'.repeat(5000)}"` }, { 'response.max.bytes': '4096' }, /longer than response\.max\.bytes/],
  ['a compressed response', { body: gzipSync('[]'), headers: { 'content-encoding': 'gzip' } }, {}, /is compressed \(gzip\)/],
  ['a redirect', { status: 302, headers: { location: '/there' } }, {}, /http\.redirects\.max/],
])('%s fails the task with what to do', async (_what, reply, config, why) => {
  const server = await testServer(() => reply)
  const { error } = await read(server.url, config, count(1))
  expect(error).not.toBeInstanceOf(Retriable)
  expect(error!.message).toMatch(why)
})

const chaining = {
  'http.offset.mode': 'CHAINING',
  'http.offset.json.pointer': '/id',
  'http.initial.offset': '0',
  'http.request.parameters': 'since=${offset}',
}

test('an item without an offset fails the task behind those before it, or is skipped', async () => {
  const server = await testServer(({ path }) => json(query(path, 'since') === '0' ? [{ id: 1 }, { name: 'bad' }, { id: 3 }] : []))
  const failing = await read(server.url, chaining, count(2))
  expect(idsOf(failing.records)).toEqual([1])
  expect(failing.error!.message).toMatch(/no text and no number at "\/id"/)
  const skipping = await read(server.url, { ...chaining, 'bad.items': 'skip' }, count(2))
  expect(idsOf(skipping.records)).toEqual([1, 3])
  expect(skipping.context.logged.map(({ message }) => message)).toEqual([expect.stringMatching(/1 items are skipped/)])
})

test('a server that sends the item of the offset again is noticed, and not read without end', async () => {
  const server = await testServer(({ path }) => json([{ id: Math.max(1, Number(query(path, 'since'))) }]))
  const { error, records } = await read(server.url, chaining, count(50))
  expect(idsOf(records)).toEqual([1])
  expect(error!.message).toMatch(/http\.offset\.inclusive=true/)
})

test('a server that ignores the offset is noticed before its items are written again', async () => {
  const server = await testServer(() => json(itemsOf(1, 4)))
  const positions = new StoredPositions()
  const { error, records } = await read(server.url, chaining, count(50), { positions })
  expect(idsOf(records)).toEqual([1, 2, 3])
  expect(error!.message).toMatch(/check that it looks at \$\{offset\}/)
  expect((await read(server.url, chaining, count(50), { positions })).records).toEqual([])
})

test.each(['SIMPLE_INCREMENTING', 'PAGE_NUMBER'])('a server that ignores the number of %s is not read without end', async (mode) => {
  const server = await testServer(() => json(itemsOf(0, PAGE)))
  const { error, records } = await read(server.url, kinds[mode]!.config, count(1000))
  expect(error!.message).toMatch(/the same items for each offset/)
  expect(records.length).toBeLessThan(12 * PAGE)
})

test('some pages that are alike are read', async () => {
  const server = await testServer(({ path }) => json(Number(query(path, 'page')) < 9 ? itemsOf(0, PAGE) : itemsOf(0, 2)))
  const { error } = await read(server.url, kinds.PAGE_NUMBER!.config, count(8 * PAGE + 2))
  expect(error).toBeNull()
})

const cursorPaging = {
  'http.offset.mode': 'CURSOR_PAGINATION',
  'http.next.page.json.pointer': '/next',
  'http.response.data.json.pointer': '/data',
}

test('a cursor that changes with every response is not asked for without a pause', async () => {
  let cursor = 0
  const server = await testServer(() => json({ data: [], next: `c${++cursor}` }))
  const stop = new AbortController()
  const context = taskContext(httpSource.settings, settingsOf(server.url, { ...cursorPaging, 'request.interval.ms': '60000' }), stop.signal)
  const reading = httpSource.read({ ...context, positions: new StoredPositions() })
  const { value } = await reading.next()
  expect(value).toMatchObject({ records: [], positions: [{ offset: { offset: 'c1' } }] })
  const waiting = reading.next()
  await expect.poll(() => context.gauges.get('requests-sent')).toBe(1)
  stop.abort()
  expect((await waiting).done).toBe(true)
  expect(server.requests).toHaveLength(1)
})

const systemProblems = (url: string, config: Record<string, string>) =>
  httpSource.checkSystem!(parseSettings(httpSource.settings, settingsOf(url, config)), new AbortController().signal)

test('a config that would fail is refused with what to change', async () => {
  const server = await testServer(({ path }) => (path === '/good' ? json({ items: [] }) : { status: path === '/401' ? 401 : 404 }))
  expect(await systemProblems(`${server.url}/good`, {})).toEqual([])
  expect(await systemProblems(`${server.url}/401`, {})).toMatchObject([{ setting: 'auth.type' }])
  expect(await systemProblems(`${server.url}/404`, {})).toMatchObject([{ setting: 'url', why: expect.stringMatching(/404/) }])
  expect(await systemProblems(`${server.url}/good`, { 'http.response.data.json.pointer': '/rows' })).toMatchObject([
    { setting: 'http.response.data.json.pointer' },
  ])
  expect(await systemProblems(`${server.url}/good`, { 'http.allow.private.addresses': '' })).toMatchObject([
    { setting: 'http.allow.private.addresses' },
  ])
  server.requests.length = 0
  expect(await systemProblems(`${server.url}/good`, { 'http.request.method': 'POST' })).toEqual([])
  expect(server.requests.map(({ method }) => method)).toEqual(['HEAD'])
})

test.each([
  [{ 'http.offset.mode': 'CHAINING' }, ['http.offset.json.pointer', 'http.offset.mode']],
  [{ 'http.offset.mode': 'CURSOR_PAGINATION' }, ['http.next.page.json.pointer']],
  [{ 'http.offset.mode': 'PAGE_NUMBER', 'http.request.parameters': 'p=${offset}' }, ['http.page.size', 'http.initial.offset']],
  [{ 'http.request.body': '{}' }, ['http.request.body']],
  [{ 'http.response.format': 'text', 'http.offset.mode': 'LINK_HEADER' }, ['http.response.format']],
  [
    { 'http.request.sensitive.headers': 'authorization: x', 'auth.type': 'BEARER', 'bearer.token': 't' },
    ['http.request.sensitive.headers'],
  ],
  [{ 'auth.type': 'BASIC' }, ['connection.user', 'connection.password']],
])('%o has a problem at %o', (config, names) => {
  const parsed = parseSettings(httpSource.settings, settingsOf('https://x/', config as Record<string, string>))
  expect(httpSource.check!(parsed).map(({ setting }) => setting)).toEqual(names)
})

test('positions that a user sets are checked', () => {
  const check = (offset: Record<string, unknown> | null, partition: Record<string, unknown> = { url: 'https://x/' }) =>
    httpSource.checkPositions!(parseSettings(httpSource.settings, settingsOf('https://x/', {})), [{ partition, offset }] as never)
  expect(() => check({ offset: 5 })).not.toThrow()
  expect(() => check(null)).not.toThrow()
  expect(() => check({ offset: true })).toThrow(/"offset" must be/)
  expect(() => check({ page: 'x' })).toThrow(/"page" must be a URL/)
  expect(() => check({ index: -1 })).toThrow(/whole numbers/)
  expect(() => check({ etag: '"a"\r\nx: y' })).toThrow(/texts that a header may have/)
  expect(() => check({ offset: 5 }, { file: 'x' })).toThrow(/"url"/)
  expect(() => check({ page: 'https://x/list?page=2' })).not.toThrow()
  expect(() => check({ page: 'https://evil.example/list' })).toThrow(
    /"page" must be at https:\/\/x: another origin would get the credentials/,
  )
})

test('a number of items or pages that is none is no position', () => {
  const config = { 'http.offset.mode': 'SIMPLE_INCREMENTING', 'http.initial.offset': '0', 'http.request.parameters': 'skip=${offset}' }
  const check = (offset: unknown) =>
    httpSource.checkPositions!(parseSettings(httpSource.settings, settingsOf('https://x/', config)), [
      { partition: { url: 'https://x/' }, offset: { offset } },
    ] as never)
  for (const good of [7, '7', null]) expect(() => check(good)).not.toThrow()
  for (const bad of ['x', -1, 1.5, '2024-01-01']) expect(() => check(bad)).toThrow(/whole number/)
})

test('a stored page at another origin gets no request', async () => {
  const [server, other] = [await testServer(), await testServer()]
  const positions = new StoredPositions()
  positions.store([{ partition: { url: server.url }, offset: { page: `${other.url}/` } }])
  const { error } = await read(server.url, { 'http.offset.mode': 'LINK_HEADER' }, count(1), { positions })
  expect(error!.message).toMatch(/another origin/)
  expect(other.requests).toEqual([])
})

test.each(['https://${offset}/', 'https:///${offset}/x', 'https://\t/${offset}/x', 'https://x.${offset}.example/', 'https://x:${offset}/'])(
  'the placeholder in %j would choose the host, and is refused',
  (url) => {
    expect(() => parseSettings(httpSource.settings, settingsOf(url, {}))).toThrow(/name the host/)
  },
)
