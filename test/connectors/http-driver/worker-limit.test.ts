/**
 * Goal: which private addresses may be requested is the worker's to limit: no config of a connector goes past it, neither one that is
 * created nor one that was stored before the limit, in whatever thread its task runs. Method: workers on a broker in this process, with
 * and without a limit, and a real server that must see nothing.
 * Story of connectors/http-driver.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../../until.ts'
import { type WorkersInProcess, workersInProcess } from '../../worker-in-process.ts'
import { testServer } from './recording-server.ts'

const LIMIT = 'connector.private.addresses.allowlist'
let workers: WorkersInProcess
beforeAll(async () => {
  workers = await workersInProcess()
})
afterAll(() => workers.stop())

const polling = (url: string) => ({
  'connector.class': 'HttpSource',
  'http.allow.private.addresses': '*',
  'http.redirects.max': '5',
  'request.interval.ms': '50',
  topic: 'polled',
  url,
})

test.each(['127.0.0.1', 'localhost'])('a connector cannot widen the limit of its worker, at %s', { timeout: 60_000 }, async (host) => {
  const server = await testServer(() => ({ body: '[]' }))
  const url = `http://${host}:${server.port}/`
  const worker = await workers.start({ settings: workers.settings({ [LIMIT]: '10.0.0.0/8' }) })
  const refused = {
    status: 400,
    message: expect.stringMatching(/http\.allow\.private\.addresses.*connector\.private\.addresses\.allowlist/s),
  }
  await expect(worker.putConfig('wide', polling(url))).rejects.toMatchObject(refused)
  const sink = { 'connector.class': 'HttpSink', topics: 'polled', 'http.api.url': url, 'http.allow.private.addresses': '127.0.0.0/8' }
  await expect(worker.putConfig('wide-sink', sink)).rejects.toMatchObject(refused)
  expect(server.connections).toBe(0)
})

test.each(['auto', 'thread'])(
  'a limit that came later wins over a stored config, with task.isolation=%s',
  { timeout: 90_000 },
  async (isolation) => {
    const server = await testServer(() => ({ body: '[]' }))
    const settings = workers.settings({ 'task.isolation': isolation, 'scheduled.rebalance.max.delay.ms': '0' })
    const open = await workers.start({ settings })
    await open.putConfig('stored', polling(`${server.url}/`))
    await until(() => server.requests.length > 2, 'the task polls')
    await workers.close(open)
    const before = server.connections
    const limited = await workers.start({ settings: { ...settings, [LIMIT]: '' } })
    await until(
      () => limited.status('stored').tasks.some(({ state, trace }) => state === 'FAILED' && trace?.includes(LIMIT)),
      'the task fails and names the limit',
      30_000,
    )
    expect(server.connections).toBe(before)
  },
)

test('an entry of the limit that is none keeps the worker from starting', async () => {
  await expect(workers.start({ settings: workers.settings({ [LIMIT]: '10.0.0.0/99' }) })).rejects.toThrow(/no network/)
})
