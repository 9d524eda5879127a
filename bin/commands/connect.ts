/**
 * `tributary connect [FILE]`: a Kafka Connect worker, configured by the .properties file of `connect-distributed` or `connect-standalone`.
 * The REST port is opened first, so that the worker can advertise it; requests get a 503 until the worker is ready.
 */
import { resolve } from 'node:path'
import { javaSystemProperties } from '../../core/security/sasl/java-system-properties.ts'
import { version } from '../../core/system/version.ts'
import { readArguments, readPropertiesFile } from '../arguments.ts'
import { defineCommand } from '../command.ts'
import { readConnectorFile } from '../connector-file.ts'
import { openRest, restSettingNames } from '../rest.ts'
import { UserError, wrongUsage } from '../user-error.ts'

/** Without a file: the broker of this machine, and a REST API for this machine only. */
export const connectDefaults: Readonly<Record<string, string>> = {
  'bootstrap.servers': 'localhost:9092',
  'group.id': 'connect',
  listeners: 'http://127.0.0.1:8083',
  // The broker's default: a cluster of one broker cannot have more replicas.
  'config.storage.replication.factor': '-1',
  'offset.storage.replication.factor': '-1',
  'status.storage.replication.factor': '-1',
}

export default defineCommand({
  summary: "Start a worker that runs connectors; FILE is Kafka Connect's worker .properties",
  help: `Usage: tributary connect [FILE] [--override name=value]...
       tributary connect --standalone FILE CONNECTOR_FILE... [--override name=value]...

FILE is the file of Kafka's connect-distributed. Workers with the same group.id share the connectors. Their state is in
the topics that FILE names (by default connect-configs, connect-offsets and connect-status), in Kafka Connect's formats.
Without a FILE the worker uses the broker at localhost:9092, and its REST API listens on 127.0.0.1:8083.

  --override name=value   sets a setting; it takes precedence over FILE
  --standalone            one worker alone, as connect-standalone: it keeps its offsets in offset.storage.file.filename
                          and runs the connectors of the CONNECTOR_FILEs (.properties, or JSON as for POST /connectors)

The REST API is Kafka Connect's; its documentation is at /docs, the metrics for Prometheus are at /metrics.`,
  async run({ args, system, print, stopping }) {
    const standalone = args.includes('--standalone')
    const { files, overrides } = readArguments('connect', args, { files: standalone ? 1000 : 1, flags: ['standalone'] })
    const [file, ...connectorFiles] = files
    const fileProperties = file === undefined ? connectDefaults : await readPropertiesFile(file)
    const properties: Record<string, string> = { ...fileProperties, ...overrides }
    const connectors = await Promise.all(connectorFiles.map(readConnectorFile))
    if (standalone) {
      if (file === undefined) throw wrongUsage('--standalone needs a worker file.', 'connect')
      if (!properties['offset.storage.file.filename']) {
        throw new UserError(
          `Missing required configuration "offset.storage.file.filename" in ${file}: set it to the file for the offsets of source connectors.`,
        )
      }
      // With group.id it would join the group of distributed workers.
      delete properties['group.id']
    }
    const loaded = Promise.all([import('../../connect/index.ts'), import('../../mirror/index.ts')])
    const rest = await openRest(properties)
    const stops = [rest.close]
    const stop = async () => void (await Promise.all(stops.splice(0).map((stopPart) => stopPart())))
    try {
      const [{ startWorker }, { mirrorConnectors }] = await loaded
      const cluster = properties['bootstrap.servers'] ?? 'localhost:9092'
      const waiting = setTimeout(() => print(`Waiting for the Kafka cluster at ${cluster} …`), 3_000)
      stops.push(async () => clearTimeout(waiting))
      const systemProperties = javaSystemProperties(process.env.KAFKA_OPTS)
      const worker = await startWorker(properties, system, {
        advertisedUrl: rest.advertisedUrl,
        stopping,
        otherSettings: restSettingNames,
        connectors: mirrorConnectors(system, systemProperties),
        systemProperties,
      })
      clearTimeout(waiting)
      stops.push(() => worker.close())
      await rest.serve({ worker, system, version })
      for (const { name, config } of connectors) await worker.putConfig(name, config)
      print(
        standalone
          ? `Tributary worker on the cluster at ${cluster}, standalone, its offsets in ${resolve(properties['offset.storage.file.filename']!)}`
          : `Tributary worker of group ${properties['group.id'] ?? 'connect'} on the cluster at ${cluster}`,
      )
      if (connectors.length > 0) print(`Connectors: ${connectors.map(({ name }) => name).join(', ')}`)
      for (const url of rest.urls) print(`REST API: ${url} (documentation: ${url}/docs)`)
      return { stop, failed: worker.failed }
    } catch (error) {
      await stop()
      throw error
    }
  },
})
