/**
 * `tributary connect [FILE]`: a Kafka Connect worker, configured by the .properties file of `connect-distributed` or `connect-standalone`.
 * The REST port is opened first, so that the worker can advertise it; requests get a 503 until the worker is ready.
 */
import { resolve } from 'node:path'
import { javaSystemProperties } from '../../core/security/sasl/java-system-properties.ts'
import { version } from '../../core/system/version.ts'
import { readArguments, readPropertiesFile } from '../arguments.ts'
import { type CommandContext, defineCommand, type Running } from '../command.ts'
import { readConnectorFile } from '../connector-file.ts'
import { resolveReferences } from '../references.ts'
import { openRest, restSettingNames } from '../rest.ts'
import { UserError, wrongUsage } from '../user-error.ts'
import { MAX_WORKERS, ownSettings, READY, startWorkerProcesses } from '../worker-processes.ts'

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
       tributary connect --workers N [FILE] [--override name=value]...
       tributary connect --standalone FILE CONNECTOR_FILE... [--override name=value]...

FILE is the file of Kafka's connect-distributed. Workers with the same group.id share the connectors. Their state is in
the topics that FILE names (by default connect-configs, connect-offsets and connect-status), in Kafka Connect's formats.
Without a FILE the worker uses the broker at localhost:9092, and its REST API listens on 127.0.0.1:8083.

  --override name=value   sets a setting; it takes precedence over FILE
  --workers N             N workers of the group, each a process of its own; the ports of the first are those of FILE, and
                          each further worker adds 1 to them; a worker that dies is started again
  --standalone            one worker alone, as connect-standalone: it keeps its offsets in offset.storage.file.filename
                          and runs the connectors of the CONNECTOR_FILEs (.properties, or JSON as for POST /connectors)

The REST API is Kafka Connect's; its documentation is at /docs, the metrics for Prometheus are at /metrics.`,
  async run({ args, system, print, stopping }) {
    followParent()
    const standalone = args.includes('--standalone')
    const { files, overrides, options } = readArguments('connect', args, {
      files: standalone ? 1000 : 1,
      flags: ['standalone'],
      options: ['workers'],
    })
    const [file, ...connectorFiles] = files
    const fileProperties = file === undefined ? connectDefaults : await readPropertiesFile(file)
    const properties = await resolveReferences({ ...fileProperties, ...overrides }, system)
    if (options.workers !== undefined) {
      if (standalone) throw wrongUsage('--workers and --standalone exclude each other: a standalone worker is alone.', 'connect')
      const workers = { count: workerCount(options.workers), file, properties, overrides }
      return await startWorkers(workers, { system, print, stopping })
    }
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
    const systemProperties = javaSystemProperties(process.env.KAFKA_OPTS)
    const rest = await openRest(properties, system, systemProperties)
    const stops = [rest.close]
    const stop = async () => void (await Promise.all(stops.splice(0).map((stopPart) => stopPart())))
    try {
      const [{ startWorker }, { mirrorConnectors }] = await loaded
      const cluster = properties['bootstrap.servers'] ?? 'localhost:9092'
      const waiting = setTimeout(() => print(`Waiting for the Kafka cluster at ${cluster} …`), 3_000)
      stops.push(async () => clearTimeout(waiting))
      const worker = await startWorker(properties, system, {
        advertisedUrl: rest.advertisedUrl,
        stopping,
        otherSettings: restSettingNames,
        connectors: mirrorConnectors(system, systemProperties),
        systemProperties,
        environment: process.env,
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
      if (process.connected) process.send?.(READY)
      return { stop, failed: worker.failed }
    } catch (error) {
      await stop()
      throw error
    }
  },
})

function workerCount(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1 || count > MAX_WORKERS)
    throw wrongUsage(`--workers is ${text}, but must be a number from 1 to ${MAX_WORKERS}.`, 'connect')
  return count
}

interface Workers {
  count: number
  file: string | undefined
  properties: Readonly<Record<string, string>>
  overrides: Readonly<Record<string, string>>
}

async function startWorkers(
  { count, file, properties, overrides }: Workers,
  { system, print, stopping }: Pick<CommandContext, 'system' | 'print' | 'stopping'>,
): Promise<Running> {
  const argumentsOf = (index: number) => [
    'connect',
    ...(file === undefined ? [] : [file]),
    ...Object.entries({ ...overrides, ...ownSettings(properties, index) }).flatMap(([name, value]) => ['--override', `${name}=${value}`]),
  ]
  const program = [process.execPath, ...process.execArgv, process.argv[1]!]
  const printError = (line: string) => void process.stderr.write(`${line}\n`)
  const running = startWorkerProcesses({ count, argumentsOf, program, system, print, printError, stopping })
  const { stop, failed } = await running
  print(`${count} workers of group ${properties['group.id'] ?? 'connect'} are ready`)
  return { stop, failed }
}

/** A worker that `--workers` has started stops when that process is gone. */
function followParent(): void {
  if (process.connected) process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
}
