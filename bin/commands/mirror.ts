/**
 * `tributary mirror FILE`: mirrors between clusters, from MirrorMaker 2's mm2.properties. Records flow first; the REST API comes after, and
 * never keeps a mirror from running.
 */

import { version } from '../../core/system/version.ts'
import { readArguments, readPropertiesFile } from '../arguments.ts'
import { defineCommand } from '../command.ts'
import { openRest, type Rest } from '../rest.ts'
import { explain, wrongUsage } from '../user-error.ts'

const usual = 'http://127.0.0.1:8083'
const free = 'http://127.0.0.1:0'

export default defineCommand({
  summary: "mirrors topics and groups between clusters; FILE is MirrorMaker 2's mm2.properties",
  help: `Usage: tributary mirror FILE [--override name=value]...

FILE is the file that Kafka's connect-mirror-maker takes, as it is: the clusters, the flows between them, and how each is to be.

  --override name=value   sets one more setting, stronger than FILE

The REST API tells how far behind each mirror is (GET /mirrors), pauses and resumes, and moves consumer groups to the target
(POST /mirrors/us->central/failover {"groups": "all"}). Where FILE has no "listeners" it listens on 127.0.0.1:8083, or on a free port where
that one is taken; it says where. "listeners=" (nothing) turns it off. Its reference is at /docs, its metrics for Prometheus at /metrics.`,
  async run({ args, system, print, stopping }) {
    const { files, overrides } = readArguments('mirror', args, { files: 1 })
    if (files[0] === undefined) throw wrongUsage('mirror needs a file that says which clusters to mirror.', 'mirror')
    const properties = { ...(await readPropertiesFile(files[0])), ...overrides }
    const { startMirrors } = await import('../../mirror/index.ts')
    // a port that a file asks for must be there; the usual one is a courtesy
    const asked = properties.listeners === undefined ? undefined : await openRest(properties)
    try {
      const mirrors = await startMirrors(properties, system, { stopping })
      const names = mirrors.list().map(({ name }) => name)
      print(
        names.length > 0
          ? `Tributary mirrors ${names.join(', ')}`
          : `Tributary mirrors nothing: no flow of ${files[0]} is enabled. Set "source->target.enabled = true" for one of its clusters.`,
      )
      const rest = asked ?? (await openAnywhere(properties))
      await rest.serve({ mirrors, system, version })
      for (const url of rest.urls) print(`REST API: ${url}/mirrors (its reference: ${url}/docs)`)
      return {
        async stop() {
          await Promise.all([rest.close(), mirrors.close()])
        },
      }
    } catch (error) {
      await asked?.close()
      throw error
    }

    async function openAnywhere(settings: Readonly<Record<string, string>>): Promise<Rest> {
      try {
        return await openRest({ ...settings, listeners: usual })
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
        system.logger.info({ wanted: usual, why: explain(error) }, 'the usual port of the REST API is taken: a free one is used')
        return openRest({ ...settings, listeners: free })
      }
    }
  },
})
