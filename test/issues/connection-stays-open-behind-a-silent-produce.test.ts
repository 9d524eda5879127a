/**
 * Goal: a connection that is to be closed is closed once its last request is handled, also where that request has no response: a Produce
 * with acks=0. Method: a broker in this process and raw connections. The clock tells whether the broker had to give up on a connection.
 */
import { afterEach, expect, test } from 'vitest'
import produce from '../../core/apis/00-produce.ts'
import { limits } from '../../core/network/limits.ts'
import { type Clock, realClock } from '../../core/system/clock.ts'
import { encodeBatch } from '../../core/wire/record-batch.ts'
import { ZERO_UUID } from '../../core/wire/types.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { encodeRequest } from '../raw-client.ts'
import { until } from '../until.ts'

let server: BrokerInProcess
afterEach(() => server.stop())

const produced = (correlationId: number, clientId: string) =>
  encodeRequest(
    produce,
    9,
    correlationId,
    {
      transactionalId: null,
      acks: 0,
      timeoutMs: 30_000,
      topicData: [
        {
          name: 'silent',
          topicId: ZERO_UUID,
          partitionData: [{ index: 0, records: encodeBatch([{ key: null, value: Buffer.alloc(1000), timestamp: 1 }]) }],
        },
      ],
    },
    clientId,
  )

async function start(clock: Clock = realClock): Promise<void> {
  server = await brokerInProcess({}, { clock })
  await server.broker.cluster.createTopic({ name: 'silent', partitions: 1, replicationFactor: 1 })
}

test('a malformed request behind a Produce with acks=0 closes the connection', async () => {
  await start()
  const client = await server.client()
  client.write(Buffer.concat([produced(1, 'broken'), Buffer.from([0xff, 0xff, 0xff, 0xff])]))
  await client.whenClosed()
  expect(server.lines.map(({ message }) => message)).toContainEqual(expect.stringContaining('connection closed: a request of -1 bytes'))
})

test('a broker that stops does not wait for responses that are never sent, of a throttled connection either', async () => {
  let givenUp = 0
  await start({
    ...realClock,
    after: (delayMs, task) =>
      realClock.after(delayMs, () => {
        if (delayMs === limits.closeTimeoutMs) givenUp++
        task()
      }),
  })
  const entity = [{ entityType: 'client-id', entityName: 'throttled' }]
  await server.broker.cluster.alterClientQuotas([{ entity, ops: [{ key: 'producer_byte_rate', value: 1, remove: false }] }], false)
  const client = await server.client()
  client.write(Buffer.concat([1, 2, 3].map((id) => produced(id, 'throttled'))))
  await until(
    async () => (await server.broker.system.metrics.text()).includes('tributary_quota_throttled_connections 1'),
    'the connection is throttled',
  )
  await server.restart()
  expect(givenUp).toBe(0)
})
