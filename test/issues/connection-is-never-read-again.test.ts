/**
 * Goal: a connection that is muted because too many of its requests wait to be sent their responses is read from again once they have them,
 * also where no request waits for anything else. Method: a raw connection to a broker in this process sends so many small requests at once
 * that their responses are more than a connection may have unsent.
 */
import { afterEach, expect, test } from 'vitest'
import apiVersions from '../../core/apis/18-api-versions.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { encodeRequest } from '../raw-client.ts'

let server: BrokerInProcess
afterEach(() => server.stop())

test('requests behind more than a connection may have in flight', async () => {
  server = await brokerInProcess()
  const client = await server.client()
  const requests = Array.from({ length: 20_000 }, (_, index) => encodeRequest(apiVersions, 0, index + 1, {}, null))
  client.write(Buffer.concat(requests))
  for (let received = 1; received <= requests.length; received++) expect((await client.frame()).readInt32BE(0)).toBe(received)
})
