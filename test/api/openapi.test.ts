/**
 * Goal: the API's document tells of every route, and cannot fall behind: a route without a schema, a summary or a tag fails here. Method:
 * the routes that a server really has, against the document that it shows at /docs/openapi.json.
 */
import { expect, test } from 'vitest'
import { buildServer } from '../../api/index.ts'
import { findResources } from '../../api/resource.ts'
import { MemoryHerder, MemoryMirrors, testSystem } from './fake-services.ts'

const doors = () => ({ worker: new MemoryHerder(), mirrors: new MemoryMirrors('us->central'), system: testSystem(), version: '1.2.3' })

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
    ...doors(),
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
  const tags = (await findResources(doors())).map(({ tag }) => tag)
  const complaints: string[] = []
  const shown = (await routes()).filter(({ schema, methods }) => !schema.hide && methods[0] !== 'HEAD')
  for (const { url, methods, schema } of shown) {
    const where = `${methods} ${url}`
    if (!schema.summary) complaints.push(`${where} has no summary`)
    if (!schema.tags?.length || !schema.tags.every((tag) => tags.includes(tag))) complaints.push(`${where} has no tag of a resource`)
    if (!schema.response) complaints.push(`${where} does not say what it answers`)
    if (url.includes(':') && !schema.params) complaints.push(`${where} does not say what its path holds`)
  }
  expect(complaints).toEqual([])
  expect(shown.length).toBeGreaterThan(25)
})

test('the document has them all', async () => {
  const app = buildServer(doors())
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
  // without it the examples on the page name no host, and cannot be typed as they stand
  expect(document.servers).toEqual([{ url: '/' }])
  const told = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const there = (await routes())
    .filter(({ schema }) => !schema.hide)
    .flatMap(({ url, methods }) =>
      methods.filter((method) => method !== 'HEAD').map((method) => `${method} ${url.replaceAll(/:([a-z]+)/g, '{$1}')}`),
    )
  expect(new Set(told.filter((route) => !route.startsWith('HEAD ')))).toEqual(new Set(there))
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const operation of Object.values(operations)) {
      if (operation.requestBody) expect(JSON.stringify(operation.requestBody), path).toMatch(/"examples?":/)
      expect(operation.parameters?.filter((one) => one.in === 'path').map((one) => one.name) ?? []).toEqual(
        [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]),
      )
    }
  }
  await app.close()
})

test('the page is served from here: nothing in it is fetched from elsewhere', async () => {
  const app = buildServer(doors())
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
