/**
 * `tributary broker [FILE]`: one broker from Kafka's server.properties, or with defaults.
 */
import { resolve } from 'node:path'
import { readBrokerSettings, startBroker } from '../../core/index.ts'
import { readArguments, readPropertiesFile } from '../arguments.ts'
import { defineCommand } from '../command.ts'

export default defineCommand({
  summary: "one broker; FILE is Kafka's server.properties",
  help: `Usage: tributary broker [FILE] [--override name=value]...

FILE is the server.properties of a combined KRaft node, as Apache Kafka takes it. Settings of the controller are accepted, and its listener is
not opened. Without a FILE the broker listens on 127.0.0.1:9092 and keeps its data in $TRIBUTARY_DATA, or ./tributary-data.

  --override name=value   sets one more setting, stronger than FILE
  log.flush=commit|os     (a setting of Tributary's own) whether an acks=all record is on the disk before it is acknowledged, or in the page
                          cache, as Apache Kafka does; commit unless it is set`,
  async run({ args, system, print, stopping }) {
    const { files, overrides } = readArguments('broker', args, { files: 1 })
    const given = { ...(files[0] === undefined ? {} : await readPropertiesFile(files[0])), ...overrides }
    if (given['log.dirs'] === undefined && given['log.dir'] === undefined && process.env.TRIBUTARY_DATA)
      given['log.dirs'] = process.env.TRIBUTARY_DATA
    const settings = readBrokerSettings(given)
    const broker = await startBroker(settings, system, stopping)
    const places = broker.addresses.map(
      ({ listener, advertisedHost, advertisedPort }) => `${listener}://${advertisedHost}:${advertisedPort}`,
    )
    print(
      `Tributary broker ${settings.nodeId} listens on ${places.join(', ')} and keeps its data in ${settings.dataDirs.map((dir) => resolve(dir)).join(', ')}` +
        (settings.values['log.flush'] === 'os' ? ' (log.flush=os: acknowledged records may be lost with the power)' : ''),
    )
    return { stop: () => broker.close() }
  },
})
