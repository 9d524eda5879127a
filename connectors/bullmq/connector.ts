/**
 * BullMQ queues: jobs become records, and records become jobs. Every worker loads this file; BullMQ and its Redis client are loaded by the
 * tasks that use them.
 */
import { defineConnector } from '../../connect/sdk/index.ts'
import { bullmqSink } from './sink.ts'
import { bullmqSource } from './source.ts'

export default defineConnector({
  name: 'bullmq',
  doc: 'Reads the jobs of BullMQ queues, which complete when their records are in Kafka, and adds records as jobs, each record once.',
  source: bullmqSource,
  sink: bullmqSink,
})
