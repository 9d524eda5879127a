/**
 * Goal: the API's document has every route, and stays complete: a route without a schema, a summary or a tag fails here. Method: the routes
 * that a server really has, against its document at /docs/openapi.json.
 */
import { get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { buildServer } from '../../api/index.ts'
import { findResources } from '../../api/resource.ts'
import { MemoryHerder, MemoryMirrors, testSystem } from './fake-services.ts'

const services = () => ({ worker: new MemoryHerder(), mirrors: new MemoryMirrors('us->central'), system: testSystem(), version: '1.2.3' })

const statusOf = (port: number, path: string) =>
  new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode)
    }).once('error', reject)
  })

interface Operation {
  tags?: string[]
  summary?: string
  parameters?: { name: string; in: string }[]
  requestBody?: unknown
  responses?: Record<string, { description?: string }>
}

interface Route {
  url: string
  methods: string[]
  schema: { hide?: boolean; summary?: string; tags?: string[]; response?: object; params?: object }
}

/** Every route that is registered, seen as it is registered. */
async function routes(): Promise<Route[]> {
  const seen: Route[] = []
  const app = buildServer({
    ...services(),
    beforeRoutes: async (inner) => {
      inner.addHook('onRoute', (route) => {
        seen.push({ url: route.url, methods: [route.method].flat(), schema: (route.schema ?? {}) as Route['schema'] })
      })
    },
  })
  await app.ready()
  await app.close()
  return seen
}

test('every route has a summary, a tag of a resource, what it answers, and its path parameters', async () => {
  const tags = (await findResources(services())).map(({ tag }) => tag)
  const problems: string[] = []
  const shown = (await routes()).filter(({ schema, methods }) => !schema.hide && methods[0] !== 'HEAD')
  for (const { url, methods, schema } of shown) {
    const where = `${methods} ${url}`
    if (!schema.summary) problems.push(`${where} has no summary`)
    if (!schema.tags?.length || !schema.tags.every((tag) => tags.includes(tag))) problems.push(`${where} has no tag of a resource`)
    if (!schema.response) problems.push(`${where} does not say what it answers`)
    if (url.includes(':') && !schema.params) problems.push(`${where} does not say what its path holds`)
  }
  expect(problems).toEqual([])
  expect(shown.length).toBeGreaterThan(25)
})

test('the document has them all', async () => {
  const app = buildServer(services())
  const answer = await app.inject('/docs/openapi.json')
  expect(answer.statusCode).toBe(200)
  const document = answer.json() as {
    openapi: string
    info: { version: string }
    paths: Record<string, Record<string, Operation>>
    tags: { name: string }[]
    servers: { url: string }[]
  }
  expect([document.openapi, document.info.version]).toEqual(['3.1.0', '1.2.3'])
  // Without it the curl examples on the page have no host.
  expect(document.servers).toEqual([{ url: '/' }])
  const documented = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const registered = (await routes())
    .filter(({ schema }) => !schema.hide)
    .flatMap(({ url, methods }) =>
      methods.filter((method) => method !== 'HEAD').map((method) => `${method} ${url.replaceAll(/:([a-z]+)/g, '{$1}')}`),
    )
  expect(new Set(documented.filter((route) => !route.startsWith('HEAD ')))).toEqual(new Set(registered))
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const operation of Object.values(operations)) {
      expect(operation.responses?.default?.description, path).toContain('error')
      if (operation.requestBody) expect(JSON.stringify(operation.requestBody), path).toMatch(/"examples?":/)
      expect(operation.parameters?.filter((one) => one.in === 'path').map((one) => one.name) ?? []).toEqual(
        [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]),
      )
    }
  }
  await app.close()
})

test('the example of a new connector can be sent as it is', async () => {
  const app = buildServer(services())
  const { paths } = (await app.inject('/docs/openapi.json')).json()
  const { schema, example } = paths['/connectors'].post.requestBody.content['application/json']
  const payload = example ?? schema.examples?.[0] ?? schema.example
  const created = await app.inject({ method: 'POST', url: '/connectors', payload })
  expect([created.statusCode, created.json().name]).toEqual([201, payload.name])
  await app.close()
})

test('the page is served from here: nothing in it is fetched from elsewhere', async () => {
  const app = buildServer(services())
  const page = await app.inject('/docs/')
  expect(page.statusCode).toBe(200)
  expect(page.headers['content-type']).toContain('text/html')
  expect(
    [...page.body.matchAll(/<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"/g)]
      .map((match) => match[1]!)
      .filter((url) => /^(https?:)?\/\//.test(url)),
  ).toEqual([])
  const script = await app.inject('/docs/js/scalar.js')
  expect(script.headers['content-type']).toContain('javascript')
  expect(script.rawPayload.length).toBeGreaterThan(1_000_000)
  await app.close()
})

test('a path with ".." leads to nothing but the document', async () => {
  const app = buildServer(services())
  // `inject` would resolve them itself.
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  for (const path of ['/docs/../connectors', '/docs/%2e%2e/metrics', '/docs/x/../../connectors'])
    expect([path, await statusOf(port, path)]).toEqual([path, 404])
  expect(await statusOf(port, '/docs/openapi.json')).toBe(200)
  await app.close()
})
