/**
 * Goal: the requests for dead letters, replays and failures reach the herder as they were sent, and what cannot be meant is refused before.
 * Method: the server with a herder in memory.
 */
import { expect, test } from 'vitest'
import { buildServer } from '../../../api/index.ts'
import { MemoryHerder, testSystem, workerId } from '../fake-services.ts'

async function started() {
  const worker = new MemoryHerder()
  await worker.create('a', { name: 'a', 'connector.class': 'FileStreamSource' }, 'RUNNING')
  const app = buildServer({ worker, system: testSystem(), version: '1' })
  const send = async (method: 'GET' | 'POST', url: string, body?: object) => {
    const response = await app.inject({ method, url, ...(body ? { payload: body } : {}) })
    return { status: response.statusCode, body: response.json() }
  }
  return { worker, send }
}

test('letters are listed from a cursor on, within a limit', async () => {
  const { send } = await started()
  expect(await send('GET', '/connectors/a/dead-letters?since=0:3-9&limit=7')).toEqual({
    status: 200,
    body: { topic: 'dead-a', groups: [], scanned: 7, next: '0:3-9' },
  })
  expect((await send('GET', '/connectors/no/dead-letters')).status).toBe(404)
})

test('a replay names its letters; what is no letter is refused', async () => {
  const { send, worker } = await started()
  const letters = [{ partition: 0, offset: 5 }]
  expect(await send('POST', '/connectors/a/dead-letters/replay', { letters })).toEqual({
    status: 200,
    body: { topic: 'dead-a', task: 0, chosen: 1, already_replayed: 0, delivered: 1, failed: 0, next: null },
  })
  for (const wrong of [{ letters: [{ partition: 0 }] }, { group: 7 }, { all: 'yes' }, { other: 1 }])
    expect((await send('POST', '/connectors/a/dead-letters/replay', wrong)).status, JSON.stringify(wrong)).toBe(400)
  worker.refusal = new Error('only the leader')
  expect((await send('POST', '/connectors/a/dead-letters/replay', { all: true })).status).toBe(500)
})

test('failures have the times, the worker and what is done', async () => {
  const { send } = await started()
  expect(await send('GET', '/connectors/a/failures')).toMatchObject({
    status: 200,
    body: [{ task: 0, worker_id: workerId, action: 'restart' }],
  })
  expect((await send('GET', '/connectors/no/failures')).status).toBe(404)
})
