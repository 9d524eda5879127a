/**
 * The fixture of the polling source: each has a server of its own with numbers, of which a request gets those behind its offset.
 */
import type { ConnectorFixture } from '../../contract/connector-fixture.ts'
import { LOCAL, startRecordingServer } from '../http-driver/recording-server.ts'

const PAGE = 40

export default async function httpSourceFixture(): Promise<ConnectorFixture> {
  return {
    async source() {
      let count = 0
      const server = await startRecordingServer(({ path }) => {
        const after = Number(new URL(path, 'http://x').searchParams.get('after'))
        const items = Array.from({ length: Math.min(PAGE, count - after) }, (_, i) => ({ id: after + i + 1 }))
        return { body: JSON.stringify({ items }) }
      })
      const more = async (many: number) => {
        count += many
      }
      return {
        config: {
          ...LOCAL,
          url: `${server.url}/numbers`,
          topic: 'contract',
          'http.request.parameters': 'after=${offset}',
          'http.offset.mode': 'CHAINING',
          'http.initial.offset': '0',
          'http.offset.json.pointer': '/id',
          'http.response.data.json.pointer': '/items',
          'request.interval.ms': '10',
          'batch.size': '37',
        },
        fill: more,
        more,
        numberOf: (value) => (value as { id: number }).id - 1,
        stop: () => server.stop(),
      }
    },
  }
}
