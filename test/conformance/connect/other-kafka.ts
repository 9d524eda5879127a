/** A second Kafka cluster for the stories whose connectors use another one than their worker: started when the first story asks for it. */
import { createClient } from '../../../core/client/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { brokerInProcess } from '../../broker-in-process.ts'
import type { KafkaCluster } from './connect-cluster.ts'

export function otherKafka(): { start(): Promise<KafkaCluster>; stop(): Promise<void> } {
  let starting: Promise<KafkaCluster & { stop(): Promise<void> }> | null = null
  async function start() {
    const broker = await brokerInProcess()
    const bootstrapServers = `127.0.0.1:${broker.port}`
    const client = createClient({ bootstrapServers, clientId: 'test' }, realSystem('silent'))
    return {
      bootstrapServers,
      client,
      async stop() {
        await client.close()
        await broker.stop()
      },
    }
  }
  return {
    start() {
      starting ??= start()
      return starting
    },
    stop: async () => (await starting)?.stop(),
  }
}
