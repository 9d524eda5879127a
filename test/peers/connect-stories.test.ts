/**
 * Goal: what test/conformance/connect expects of a worker is what Kafka Connect does, and our worker does it on Apache Kafka too. Method:
 * the same stories, told to Kafka Connect and to our worker, both on one Apache Kafka broker, with monitorable connectors that read the
 * same commands.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from 'vitest'
import { type Client, createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import type { Config, ConnectWorker } from '../conformance/connect/connect-cluster.ts'
import { otherKafka } from '../conformance/connect/other-kafka.ts'
import { tellStories } from '../conformance/connect/stories.ts'
import { startTributaryWorker } from '../conformance/connect/tributary-worker.ts'
import { freePort } from '../running-broker.ts'
import { kafkaScript, startApacheKafka } from './apache-kafka.ts'
import { launch } from './launch.ts'
import { kafkaClassPath } from './maven-jars.ts'
import { monitorablePlugin } from './monitorable-plugin.ts'
import { temporaryFolder, writeFile } from './workers.ts'

const all = temporaryFolder()

/** Kafka Connect has its file connectors on its class path only where the file of the worker says so. */
async function startKafkaConnectWorker(folder: string, plugins: string, settings: Config): Promise<ConnectWorker> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const lines = { ...settings, listeners: url, 'plugin.path': plugins, 'plugin.discovery': 'service_load' }
  const text = Object.entries(lines).map(([name, value]) => `${name}=${value}`)
  const file = writeFile(folder, `worker-${port}.properties`, text.join('\n'))
  const script = settings['group.id'] === undefined ? 'connect-standalone' : 'connect-distributed'
  const { end } = await launch('Kafka Connect', kafkaScript(), [script, file], {
    env: { KAFKA_HEAP_OPTS: '-Xmx512m', KAFKA_LOG_LEVEL: 'WARN', CLASSPATH: kafkaClassPath() },
    ready: async () => (await fetch(`${url}/connectors`)).ok,
  })
  return { url, stop: () => end('SIGTERM') }
}

async function start(implementation: 'Tributary' | 'Apache Kafka') {
  const folder = join(all, implementation.replace(' ', '-').toLowerCase())
  mkdirSync(folder)
  const plugins = implementation === 'Tributary' ? '' : await monitorablePlugin(folder)
  const broker = await startApacheKafka({ 'auto.create.topics.enable': 'false', 'group.initial.rebalance.delay.ms': 0 })
  const client: Client = createClient({ bootstrapServers: broker.address, clientId: 'test' }, realSystem('silent'))
  const other = otherKafka()
  return {
    implementation,
    bootstrapServers: broker.address,
    client,
    folder,
    startWorker: (settings: Config) =>
      implementation === 'Tributary' ? startTributaryWorker(settings) : startKafkaConnectWorker(folder, plugins, settings),
    otherKafka: other.start,
    async stop() {
      await client.close()
      await other.stop()
      await broker.stop()
    },
  }
}

for (const implementation of ['Apache Kafka', 'Tributary'] as const)
  describe(`the worker of ${implementation}`, () => tellStories(() => start(implementation)))
