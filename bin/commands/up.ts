/**
 * `tributary up`: a broker, a worker and their REST API in one process, and mirrors where a file says which. What is started last stops first.
 */
import { isAbsolute, resolve } from 'node:path'
import { version } from '../../core/system/version.ts'
import { readArguments, readPropertiesFile } from '../arguments.ts'
import { defineCommand, type Running } from '../command.ts'
import { openRest, restSettingNames } from '../rest.ts'
import { explain, UserError, wrongUsage } from '../user-error.ts'
import { connectDefaults } from './connect.ts'

const options = ['broker', 'connect', 'mirror', 'host', 'port', 'rest-port', 'data'] as const

export default defineCommand({
  summary: 'a broker, a worker and their REST API in one process',
  help: `Usage: tributary up [options]

Starts a broker on 127.0.0.1:9092, a worker on it, and the REST API on 127.0.0.1:8083. The data is kept in $TRIBUTARY_DATA, or ./tributary-data.

  --host HOST          where both listen (127.0.0.1); 0.0.0.0 for all addresses
  --port PORT          the broker's port (9092); 0 takes a free one
  --rest-port PORT     the REST API's port (8083); 0 takes a free one
  --data FOLDER        where the data is kept
  --broker FILE        a server.properties for the broker, instead of these
  --connect FILE       a worker .properties for the worker; without bootstrap.servers it uses this broker
  --mirror FILE        an mm2.properties: its mirrors run too, and are served at /mirrors

The reference of the REST API is at /docs, its metrics for Prometheus at /metrics.`,
  async run({ args, system, print, stopping }) {
    const { options: given } = readArguments('up', args, { options, files: 0 })
    const port = (name: 'port' | 'rest-port', fallback: number) => readPort(name, given[name], fallback)
    const host = given.host ?? '127.0.0.1'
    const onEvery = host === '0.0.0.0' || host === '::'
    const listener = (on: number) => `${onEvery ? '' : host.includes(':') ? `[${host}]` : host}:${on}`
    const data = resolve(given.data ?? process.env.TRIBUTARY_DATA ?? 'tributary-data')

    const brokerFile = given.broker === undefined ? {} : await readPropertiesFile(given.broker)
    const brokerProperties: Record<string, string> = {
      ...(given.broker === undefined || given.host !== undefined || given.port !== undefined
        ? { listeners: `PLAINTEXT://${listener(port('port', 9092))}` }
        : {}),
      ...(given.broker === undefined || given.data !== undefined ? { 'log.dirs': data } : {}),
      // a group of one worker has nobody to wait for
      ...(given.broker === undefined ? { 'group.initial.rebalance.delay.ms': '0' } : {}),
    }
    const workerFile = given.connect === undefined ? {} : await readPropertiesFile(given.connect)
    const mirrorFile = given.mirror === undefined ? undefined : await readPropertiesFile(given.mirror)

    const stops: Running['stop'][] = []
    const stop = async () => {
      for (const each of stops.splice(0).reverse()) await each()
    }
    try {
      const restSettings = { ...connectDefaults, ...workerFile }
      if (workerFile.listeners === undefined || given['rest-port'] !== undefined || given.host !== undefined) {
        restSettings.listeners = `http://${listener(port('rest-port', 8083))}`
      }
      const rest = await openRest(restSettings).catch(byOption(workerFile.listeners === undefined, '--rest-port'))
      stops.push(rest.close)

      const { readBrokerSettings, startBroker } = await import('../../core/index.ts')
      const settings = readBrokerSettings({ ...brokerFile, ...brokerProperties })
      const broker = await startBroker(settings, system, stopping).catch(byOption(given.broker === undefined, '--port'))
      stops.push(() => broker.close())
      const [own] = broker.addresses
      const bootstrap = `${own!.advertisedHost}:${own!.advertisedPort}`
      const folders = settings.dataDirs.map((dir) => (isAbsolute(dir) ? dir : resolve(dir)))
      print(
        `Broker:   ${broker.addresses.map((at) => `${at.advertisedHost}:${at.advertisedPort}`).join(', ')}, its data in ${folders.join(', ')}`,
      )

      const { startWorker } = await import('../../connect/index.ts')
      const { mirrorConnectors, startMirrors } = await import('../../mirror/index.ts')
      const workerProperties = { ...connectDefaults, 'bootstrap.servers': bootstrap, ...workerFile, listeners: restSettings.listeners }
      const worker = await startWorker(workerProperties, system, {
        advertisedUrl: rest.advertisedUrl,
        stopping,
        otherSettings: restSettingNames,
        connectors: mirrorConnectors(system),
      })
      stops.push(() => worker.close())
      const mirrors = mirrorFile && (await startMirrors(mirrorFile, system, { stopping }))
      if (mirrors) {
        stops.push(() => mirrors.close())
        const names = mirrors.list().map(({ name }) => name)
        print(`Mirrors:  ${names.join(', ') || 'none: no flow of the file is enabled'}`)
      }
      await rest.serve({ worker, mirrors, system, version })
      for (const url of rest.urls) print(`REST API: ${url} (its reference: ${url}/docs)`)
      print('Ctrl-C stops it.')
      return { stop, failed: worker.failed }
    } catch (error) {
      await stop()
      throw error
    }
  },
})

/** Errors speak of the settings of files; where there is no file, an option says where to listen. */
function byOption(isMeant: boolean, port: string): (error: Error) => never {
  return (error) => {
    const { syscall } = (error.cause ?? error) as NodeJS.ErrnoException
    if (!isMeant || syscall !== 'listen') throw error
    throw new UserError(`${explain(error)}\n"up" listens where --host and ${port} say.`, { cause: error })
  }
}

function readPort(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535) throw wrongUsage(`--${name} takes a port, 0 to 65535, and got "${text}".`, 'up')
  return port
}
