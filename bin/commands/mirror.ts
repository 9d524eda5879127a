/**
 * `tributary mirror FILE`: mirrors between clusters, configured by MirrorMaker 2's mm2.properties. The mirrors start before the REST API,
 * and run even if no port for it is free.
 */

import { javaSystemProperties } from '../../core/security/sasl/java-system-properties.ts'
import { version } from '../../core/system/version.ts'
import { readArguments, readPropertiesFile } from '../arguments.ts'
import { defineCommand } from '../command.ts'
import { resolveReferences } from '../references.ts'
import { namesListeners, openRest, type Rest } from '../rest.ts'
import { explain, wrongUsage } from '../user-error.ts'

const DEFAULT_LISTENER = 'http://127.0.0.1:8083'
const FREE_PORT_LISTENER = 'http://127.0.0.1:0'

export default defineCommand({
  summary: "Mirror topics and consumer groups between clusters; FILE is MirrorMaker 2's mm2.properties",
  help: `Usage: tributary mirror FILE [--override name=value]...

FILE is the file of Kafka's connect-mirror-maker: the clusters, the flows between them, and their settings.

  --override name=value   sets a setting; it takes precedence over FILE

The REST API shows the lag of each mirror (GET /mirrors), pauses and resumes mirrors, and fails consumer groups over to
the target cluster (POST /mirrors/us->central/failover {"groups": "all"}). If FILE has no "listeners", it listens on
127.0.0.1:8083, or on a free port if that one is in use. An empty "listeners=" turns it off. Its documentation is at
/docs, the metrics for Prometheus are at /metrics.`,
  async run({ args, system, print, stopping }) {
    const { files, overrides } = readArguments('mirror', args, { files: 1 })
    if (files[0] === undefined) throw wrongUsage('mirror needs a file with the clusters and the flows between them.', 'mirror')
    const properties = await resolveReferences({ ...(await readPropertiesFile(files[0])), ...overrides }, system)
    const { startMirrors } = await import('../../mirror/index.ts')
    const systemProperties = javaSystemProperties(process.env.KAFKA_OPTS)
    // A listener in the file must work; the default one may move to a free port.
    const configured = namesListeners(properties) ? await openRest(properties, system, systemProperties) : undefined
    const stops: (() => Promise<unknown>)[] = configured ? [configured.close] : []
    const stop = async () => void (await Promise.all(stops.splice(0).map((stopPart) => stopPart())))
    try {
      const mirrors = await startMirrors(properties, system, { stopping, systemProperties })
      stops.push(() => mirrors.close())
      const names = mirrors.list().map(({ name }) => name)
      print(
        names.length > 0
          ? `Tributary mirrors ${names.join(', ')}`
          : `Tributary mirrors nothing: no flow of ${files[0]} is enabled. Set "source->target.enabled = true" for one of its clusters.`,
      )
      const rest = configured ?? (await openDefault(properties))
      if (!configured) stops.push(rest.close)
      await rest.serve({ mirrors, system, version })
      for (const url of rest.urls) print(`REST API: ${url}/mirrors (documentation: ${url}/docs)`)
      return { stop }
    } catch (error) {
      await stop()
      throw error
    }

    async function openDefault(settings: Readonly<Record<string, string>>): Promise<Rest> {
      try {
        return await openRest({ ...settings, listeners: DEFAULT_LISTENER }, system, systemProperties)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
        system.logger.info(
          { listener: DEFAULT_LISTENER, reason: explain(error) },
          'the default port of the REST API is in use: using a free port',
        )
        return openRest({ ...settings, listeners: FREE_PORT_LISTENER }, system, systemProperties)
      }
    }
  },
})
