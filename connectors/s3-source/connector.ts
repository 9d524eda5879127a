/**
 * Reads the objects of a bucket: those that are there, and those that come. Also what the S3 sink has written, back into its topics.
 */
import { defineConnector } from '../../connect/sdk/index.ts'
import { s3Source } from './source.ts'

export default defineConnector({
  name: 's3-source',
  doc: 'Reads the objects of a bucket of S3 or a compatible store, each record once, and restores what the S3 sink has written.',
  source: s3Source,
})
