/**
 * `tributary broker [FILE]`: one broker from Kafka's server.properties, or with defaults.
 */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { readBrokerSettings, startBroker } from '../../core/index.ts'
import { defineCommand } from '../command.ts'
import { Complaint, wrongUsage } from '../complaint.ts'
import { parseProperties } from '../properties.ts'

async function readFileOf(path: string): Promise<Record<string, string>> {
  const text = await readFile(path, 'utf8')
  try {
    return parseProperties(text)
  } catch (cause) {
    throw new Complaint(`${path} is no .properties file.`, { cause })
  }
}

export default defineCommand({
  summary: "one broker; FILE is Kafka's server.properties",
  help: `Usage: tributary broker [FILE] [--override name=value]...

FILE is the server.properties of a combined KRaft node, as Apache Kafka takes it. Settings of the controller are accepted, and its listener is
not opened. Without a FILE the broker listens on 127.0.0.1:9092 and keeps its data in $TRIBUTARY_DATA, or ./tributary-data.

  --override name=value   sets one more setting, stronger than FILE
  log.flush=commit|os     (a setting of Tributary's own) whether an acks=all record is on the disk before it is acknowledged, or in the page
                          cache, as Apache Kafka does; commit unless it is set`,
  async run({ args, system, print, stopping }) {
    const overrides: Record<string, string> = {}
    const files: string[] = []
    for (let index = 0; index < args.length; index++) {
      const arg = args[index]!
      if (arg === '--override') {
        const pair = args[++index] ?? ''
        const at = pair.indexOf('=')
        if (at < 1) throw wrongUsage(`--override takes name=value, and got "${pair}".`, 'broker')
        overrides[pair.slice(0, at)] = pair.slice(at + 1)
      } else if (arg.startsWith('-') && arg !== '--') throw wrongUsage(`broker has no option ${arg}.`, 'broker')
      else if (arg !== '--') files.push(arg)
    }
    if (files.length > 1) throw wrongUsage(`broker takes one file, and got ${files.length}.`, 'broker')
    const given = { ...(files[0] === undefined ? {} : await readFileOf(files[0])), ...overrides }
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
