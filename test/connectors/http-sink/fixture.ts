/**
 * The fixture of the HTTP sinks: each has a server of its own, which knows requests by their Idempotency-Key and refuses bad records.
 */
import { sinkRecord } from '../../../connect/contract/index.ts'
import { schemas } from '../../../connect/sdk/index.ts'
import type { ConnectorFixture } from '../../contract/connector-fixture.ts'
import { LOCAL, startRecordingServer } from '../http-driver/recording-server.ts'

const text = schemas.string()

export default async function httpSinkFixture(): Promise<ConnectorFixture> {
  return {
    async sink() {
      const stored = new Map<string, number>()
      const server = await startRecordingServer(({ method, headers, body }) => {
        if (method !== 'POST') return { status: 405 }
        const number = /number (\d+)/.exec(body)
        if (!number) return { status: 422, body: 'no number' }
        stored.set(String(headers['idempotency-key']), Number(number[1]))
        return { status: 201 }
      })
      return {
        // Each class takes those that it has.
        config: {
          ...LOCAL,
          'http.api.url': server.url,
          'http.url': server.url,
          'http.authorization.type': 'none',
          'batch.max.size': '1',
          'batching.enabled': 'false',
          'max.retries': '0',
        },
        record: (number, offset) => sinkRecord({ topic: 'contract', offset, value: `number ${number}`, valueSchema: text }),
        bad: (offset) => sinkRecord({ topic: 'contract', offset, value: 'refused', valueSchema: text }),
        stored: async () => [...stored.values()],
        stop: () => server.stop(),
      }
    },
  }
}
