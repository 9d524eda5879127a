/**
 * The source of Redis streams: consumer groups, or positions in Connect's offsets, with the settings and records of Redis's own connector.
 */
import { defineConnector } from '../../connect/sdk/index.ts'
import { redisStreamSource } from './source.ts'

export default defineConnector({
  name: 'redis-stream-source',
  doc: 'Reads the entries of Redis streams, through consumer groups or by its own position, and tells which were trimmed before they were read.',
  source: redisStreamSource,
})
