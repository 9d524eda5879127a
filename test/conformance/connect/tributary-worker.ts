/**
 * Workers of ours for the stories: each with its REST API on a free port, in this process, as `tributary connect` starts one. Tasks that
 * fail stay FAILED, as in Kafka Connect.
 */

import { openRest, restSettingNames } from '../../../bin/rest.ts'
import { startWorker } from '../../../connect/index.ts'
import { realSystem } from '../../../core/system/index.ts'
import { version } from '../../../core/system/version.ts'
import type { Config, ConnectWorker } from './connect-cluster.ts'
import { monitorableConnectors } from './monitorable-connectors.ts'

export async function startTributaryWorker(settings: Config): Promise<ConnectWorker> {
  const system = realSystem('silent')
  const properties = { 'auto.restart.enable': 'false', listeners: 'http://127.0.0.1:0', ...settings }
  const rest = await openRest(properties, system)
  try {
    const worker = await startWorker(properties, system, {
      advertisedUrl: rest.advertisedUrl,
      otherSettings: restSettingNames,
      connectors: [monitorableConnectors],
    })
    await rest.serve({ worker, system, version })
    return {
      url: rest.urls[0]!,
      async stop() {
        await worker.close()
        await rest.close()
      },
    }
  } catch (error) {
    await rest.close()
    throw error
  }
}
