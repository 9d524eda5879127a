/**
 * Goal: our worker does what Kafka Connect's own integration tests expect of a worker. Method: their cases as stories over the REST API,
 * told to our worker on our broker; test/peers/connect-stories.test.ts tells the same stories to Kafka Connect, and to our worker on Apache
 * Kafka.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '../../../core/client/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { brokerInProcess } from '../../broker-in-process.ts'
import { otherKafka } from './other-kafka.ts'
import { tellStories } from './stories.ts'
import { startTributaryWorker } from './tributary-worker.ts'

tellStories(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-connect-'))
  const broker = await brokerInProcess({ 'auto.create.topics.enable': 'false' })
  const bootstrapServers = `127.0.0.1:${broker.port}`
  const client = createClient({ bootstrapServers, clientId: 'test' }, realSystem('silent'))
  const other = otherKafka()
  return {
    implementation: 'Tributary',
    bootstrapServers,
    client,
    folder,
    startWorker: startTributaryWorker,
    otherKafka: other.start,
    async stop() {
      await client.close()
      await other.stop()
      await broker.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
})
