/**
 * The fixture of the S3 source: each source has a bucket of its own, in which every writing is an object.
 */
import type { ConnectorFixture } from '../../contract/connector-fixture.ts'
import { testS3 } from '../../services/s3.ts'
import { connectionConfig, putObject } from './bucket-for-tests.ts'

export default async function s3SourceFixture(): Promise<ConnectorFixture> {
  const server = await testS3()
  return {
    async source() {
      const bucket = await server.bucket()
      let count = 0
      let objects = 0
      const more = async (many: number) => {
        const lines = Array.from({ length: many }, (_, index) => JSON.stringify({ number: count + index }))
        count += many
        await putObject(server, bucket, `in/${String(++objects).padStart(3, '0')}.jsonl`, lines.join('\n'))
      }
      return {
        config: {
          ...connectionConfig(server, bucket),
          prefix: 'in/',
          topic: 'contract',
          format: 'json',
          'batch.size': '37',
          's3.part.size': '1024',
          's3.poll.interval.ms': '10',
        },
        fill: more,
        more,
        numberOf: (value) => (value as { number: number }).number,
      }
    },
    stop: () => server.stop(),
  }
}
