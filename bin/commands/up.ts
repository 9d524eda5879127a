/**
 * `tributary up`: a broker, a schema registry, a worker and their REST APIs in one process, and mirrors if a file configures them.
 * They stop in reverse order.
 */
import { isAbsolute, resolve } from 'node:path'
import { javaSystemProperties } from '../../core/security/sasl/java-system-properties.ts'
import { version } from '../../core/system/version.ts'
import { readArguments, readPropertiesFile } from '../arguments.ts'
import { defineCommand, type Running } from '../command.ts'
import { resolveReferences } from '../references.ts'
import { namesListeners, openRest, restSettingNames } from '../rest.ts'
import { openUpRegistry } from '../up-registry.ts'
import { explain, UserError, wrongUsage } from '../user-error.ts'
import { connectDefaults } from './connect.ts'

const options = ['broker', 'connect', 'mirror', 'registry', 'host', 'port', 'rest-port', 'registry-port', 'data'] as const

export default defineCommand({
  summary: 'Start a broker, a schema registry, a worker and their REST APIs in one process',
  help: `Usage: tributary up [options]

Starts a broker on 127.0.0.1:9092, a schema registry on 127.0.0.1:8081, and a worker with its REST API on
127.0.0.1:8083. The data is in $TRIBUTARY_DATA, or ./tributary-data.

  --host HOST          the address to listen on (default 127.0.0.1); 0.0.0.0 for all addresses
  --port PORT          the port of the broker (default 9092); 0 means a free port
  --rest-port PORT     the port of the REST API (default 8083); 0 means a free port
  --registry-port PORT the port of the schema registry (default 8081); 0 means a free port
  --no-registry        start without a schema registry
  --data FOLDER        the folder of the data
  --broker FILE        a server.properties for the broker; --host, --port and --data take precedence over it
  --connect FILE       a worker .properties; without bootstrap.servers the worker uses this broker
  --registry FILE      a schema-registry.properties; without kafkastore.bootstrap.servers the registry uses this broker;
                       without a FILE it logs in to the broker as the worker does
  --mirror FILE        an mm2.properties: its mirrors run too, with their REST API at /mirrors

The documentation of the REST API is at /docs, the metrics for Prometheus are at /metrics.`,
  async run({ args, system, print, stopping }) {
    const { options: values, flags } = readArguments('up', args, { options, flags: ['no-registry'], files: 0 })
    const port = (name: 'port' | 'rest-port' | 'registry-port', fallback: number) => readPort(name, values[name], fallback)
    const host = values.host ?? '127.0.0.1'
    const isWildcard = host === '0.0.0.0' || host === '::'
    const hostAndPort = (listenPort: number) => `${isWildcard ? '' : host.includes(':') ? `[${host}]` : host}:${listenPort}`
    const data = resolve(values.data ?? process.env.TRIBUTARY_DATA ?? 'tributary-data')

    const read = async (file: string) => await resolveReferences(await readPropertiesFile(file), system)
    const brokerFile = values.broker === undefined ? {} : await read(values.broker)
    const brokerProperties: Record<string, string> = {
      ...(values.broker === undefined || values.host !== undefined || values.port !== undefined
        ? { listeners: `PLAINTEXT://${hostAndPort(port('port', 9092))}` }
        : {}),
      ...(values.broker === undefined || values.data !== undefined ? { 'log.dirs': data } : {}),
      // A group of one worker waits for no other members.
      ...(values.broker === undefined ? { 'group.initial.rebalance.delay.ms': '0' } : {}),
    }
    const workerFile: Record<string, string> = values.connect === undefined ? {} : await read(values.connect)
    const registryFile: Record<string, string> = values.registry === undefined ? {} : await read(values.registry)
    const mirrorFile = values.mirror === undefined ? undefined : await read(values.mirror)
    if (mirrorFile?.['rest.extension.classes']?.trim() && !workerFile['rest.extension.classes']?.trim())
      throw new UserError(
        `${values.mirror} sets rest.extension.classes, but the REST API of "tributary up" has the settings of --connect FILE only, and would have no login: set it there, with "listeners" and their ssl settings.`,
      )

    const stops: Running['stop'][] = []
    const stop = async () => {
      for (const stopPart of stops.splice(0).reverse()) await stopPart()
    }
    try {
      const restSettings: Record<string, string> = { ...workerFile }
      if (!namesListeners(workerFile) || values['rest-port'] !== undefined || values.host !== undefined) {
        const protocol = /^\s*https:/i.test(workerFile.listeners ?? '') ? 'https' : 'http'
        restSettings.listeners = `${protocol}://${hostAndPort(port('rest-port', 8083))}`
      }
      const systemProperties = javaSystemProperties(process.env.KAFKA_OPTS)
      const rest = await openRest(restSettings, system, systemProperties).catch(nameOption(!namesListeners(workerFile), '--rest-port'))
      stops.push(rest.close)

      const registryByOptions = registryFile.listeners === undefined || values['registry-port'] !== undefined || values.host !== undefined
      const registryAt = registryByOptions ? hostAndPort(port('registry-port', 8081)) : null
      const upRegistry = flags.has('no-registry')
        ? null
        : await openUpRegistry({ file: registryFile, workerFile, hostAndPort: registryAt }, system, systemProperties).catch(
            nameOption(registryByOptions, '--registry-port'),
          )
      if (upRegistry) stops.push(upRegistry.close)

      const { readBrokerSettings, startBroker } = await import('../../core/index.ts')
      const settings = readBrokerSettings({ ...brokerFile, ...brokerProperties })
      const broker = await startBroker(settings, system, stopping, systemProperties).catch(
        nameOption(values.broker === undefined, '--port'),
      )
      stops.push(() => broker.close())
      const [address] = broker.addresses
      const bootstrap = `${address!.advertisedHost}:${address!.advertisedPort}`
      const folders = settings.dataDirs.map((dir) => (isAbsolute(dir) ? dir : resolve(dir)))
      print(
        `Broker:   ${broker.addresses.map(({ advertisedHost, advertisedPort }) => `${advertisedHost}:${advertisedPort}`).join(', ')}; data in ${folders.join(', ')}`,
      )

      const registry = await upRegistry?.start(bootstrap)
      for (const url of upRegistry?.urls ?? []) print(`Registry: ${url} (documentation: ${url}/docs)`)

      const { startWorker } = await import('../../connect/index.ts')
      const { mirrorConnectors, startMirrors } = await import('../../mirror/index.ts')
      const workerProperties = { ...connectDefaults, 'bootstrap.servers': bootstrap, ...workerFile }
      const worker = await startWorker(workerProperties, system, {
        advertisedUrl: rest.advertisedUrl,
        stopping,
        otherSettings: restSettingNames,
        connectors: mirrorConnectors(system, systemProperties),
        systemProperties,
        environment: process.env,
      })
      stops.push(() => worker.close())
      const mirrors = mirrorFile && (await startMirrors(mirrorFile, system, { stopping, systemProperties }))
      if (mirrors) {
        stops.push(() => mirrors.close())
        const names = mirrors.list().map(({ name }) => name)
        print(`Mirrors:  ${names.join(', ') || 'none, because no flow of the file is enabled'}`)
      }
      await rest.serve({ worker, mirrors, system, version })
      for (const url of rest.urls) print(`REST API: ${url} (documentation: ${url}/docs)`)
      print('Stop with Ctrl-C.')
      return { stop, failed: Promise.race([worker.failed, ...(registry ? [registry.failed] : [])]) }
    } catch (error) {
      await stop()
      throw error
    }
  },
})

/** A listen error names the setting of a file; without a file the options must be named. */
function nameOption(usesOptions: boolean, port: string): (error: Error) => never {
  return (error) => {
    const { syscall } = (error.cause ?? error) as NodeJS.ErrnoException
    if (!usesOptions || syscall !== 'listen') throw error
    throw new UserError(`${explain(error)}\nFor "tributary up" set --host and ${port}.`, { cause: error })
  }
}

function readPort(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535) throw wrongUsage(`--${name} needs a port, 0 to 65535, not "${text}".`, 'up')
  return port
}
