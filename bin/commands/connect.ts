/**
 * `tributary connect [FILE]`: a worker of a Kafka-Connect-compatible cluster, from the .properties file of `connect-distributed`.
 */
import { readArguments, readPropertiesFile } from '../arguments.ts'
import { defineCommand } from '../command.ts'
import { openRest } from '../rest.ts'
import { packageVersion } from '../version.ts'

/** Where no file says otherwise: the broker of this machine, and nobody from outside. */
export const connectDefaults: Readonly<Record<string, string>> = {
  'bootstrap.servers': 'localhost:9092',
  'group.id': 'connect',
  listeners: 'http://127.0.0.1:8083',
  // as the cluster has it: one broker holds one copy
  'config.storage.replication.factor': '-1',
  'offset.storage.replication.factor': '-1',
  'status.storage.replication.factor': '-1',
}

export default defineCommand({
  summary: "a worker that runs connectors, managed over REST; FILE is Kafka Connect's worker .properties",
  help: `Usage: tributary connect [FILE] [--override name=value]...

FILE is the file that Kafka's connect-distributed takes, as it is. Workers with the same group.id share the connectors between them. State is
kept in the topics that FILE names (connect-configs, connect-offsets and connect-status unless it does), in Kafka Connect's own formats.
Without a FILE the worker uses the broker at localhost:9092, and its REST API listens on 127.0.0.1:8083.

  --override name=value   sets one more setting, stronger than FILE

The REST API is Kafka Connect's; its reference is at /docs, its metrics for Prometheus at /metrics.`,
  async run({ args, system, print, stopping }) {
    const { files, overrides } = readArguments('connect', args, { files: 1 })
    const given = files[0] === undefined ? connectDefaults : await readPropertiesFile(files[0])
    const properties = { ...given, ...overrides }
    const loaded = import('../../connect/index.ts')
    const rest = await openRest(properties)
    try {
      const { startWorker } = await loaded
      const worker = await startWorker(properties, system, { advertisedUrl: rest.advertisedUrl, stopping })
      await rest.serve({ worker, system, version: await packageVersion() })
      print(
        `Tributary worker of group ${properties['group.id'] ?? 'connect'} on the cluster at ${properties['bootstrap.servers'] ?? 'localhost:9092'}`,
      )
      for (const url of rest.urls) print(`REST API: ${url} (its reference: ${url}/docs)`)
      return {
        async stop() {
          await Promise.all([rest.close(), worker.close()])
        },
      }
    } catch (error) {
      await rest.close()
      throw error
    }
  },
})
