/**
 * The fixture of the S3 sink: each sink has a bucket of its own on a real server. Objects of one record each are in the store after every
 * flush, which is what the contract looks at.
 */
import { sinkRecord } from '../../../connect/contract/index.ts'
import type { ConnectorFixture } from '../../contract/connector-fixture.ts'
import { testS3 } from '../../services/s3.ts'
import { Bucket, bucketConfig } from './sink-bucket.ts'

export default async function s3Fixture(): Promise<ConnectorFixture> {
  const server = await testS3()
  return {
    async sink() {
      const bucket = new Bucket(server, await server.bucket())
      return {
        config: {
          ...bucketConfig(server, bucket.name),
          'format.class': 'io.confluent.connect.s3.format.json.JsonFormat',
          'flush.size': '1',
        },
        record: (number, offset) => sinkRecord({ topic: 'contract', offset, value: { number } }),
        bad: (offset) => sinkRecord({ topic: 'contract', offset, value: null }),
        stored: async () => Object.values(await bucket.lines()).map(([value]) => (value as { number: number }).number),
      }
    },
    stop: () => server.stop(),
  }
}
