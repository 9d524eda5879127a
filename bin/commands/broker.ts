/**
 * `tributary broker [FILE]`: one broker, configured by Kafka's server.properties or by defaults.
 */
import { resolve } from 'node:path'
import { javaSystemProperties, readBrokerSettings, startBroker } from '../../core/index.ts'
import { readArguments, readPropertiesFile } from '../arguments.ts'
import { defineCommand } from '../command.ts'
import { resolveReferences } from '../references.ts'

export default defineCommand({
  summary: "Start a broker; FILE is Kafka's server.properties",
  help: `Usage: tributary broker [FILE] [--override name=value]...

FILE is the server.properties of a combined KRaft node of Apache Kafka. Settings of the controller are accepted, but its
listener is not opened. Without a FILE the broker listens on 127.0.0.1:9092 and keeps its data in $TRIBUTARY_DATA, or
./tributary-data.

  --override name=value   sets a setting; it takes precedence over FILE

A setting of Tributary's own: log.flush=commit (the default) acknowledges an acks=all record when it is on disk,
log.flush=os when it is in the page cache, as Apache Kafka does.`,
  async run({ args, system, print, stopping }) {
    const { files, overrides } = readArguments('broker', args, { files: 1 })
    const file = files[0] === undefined ? {} : await readPropertiesFile(files[0])
    const properties = await resolveReferences({ ...file, ...overrides }, system)
    if (properties['log.dirs'] === undefined && properties['log.dir'] === undefined && process.env.TRIBUTARY_DATA)
      properties['log.dirs'] = process.env.TRIBUTARY_DATA
    const settings = readBrokerSettings(properties)
    const broker = await startBroker(settings, system, stopping, javaSystemProperties(process.env.KAFKA_OPTS))
    const addresses = broker.addresses.map(
      ({ listener, advertisedHost, advertisedPort }) => `${listener}://${advertisedHost}:${advertisedPort}`,
    )
    print(
      `Tributary broker ${settings.nodeId} listens on ${addresses.join(', ')} and keeps its data in ${settings.dataDirs.map((dir) => resolve(dir)).join(', ')}` +
        (settings.values['log.flush'] === 'os' ? ' (log.flush=os: a power failure may lose acknowledged records)' : ''),
    )
    return { stop: () => broker.close() }
  },
})
