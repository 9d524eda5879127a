/**
 * The monitorable connectors of test/conformance/connect as a plugin of Kafka Connect: compiled from test/peers/java, in a folder for
 * plugin.path. It needs a JDK.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { kafkaClassPath } from './maven-jars.ts'

const COMPILE_MS = 120_000
const CLASSES = 'tributary.test.MonitorableConnectors'

/** Gives the plugin.path, within `folder`. */
export async function monitorablePlugin(folder: string): Promise<string> {
  const [classes, plugins] = [join(folder, 'classes'), join(folder, 'plugins')]
  const services = join(classes, 'META-INF', 'services')
  for (const path of [services, join(plugins, 'monitorable')]) mkdirSync(path, { recursive: true })
  const source = join(import.meta.dirname, 'java', 'monitorable-connectors.java')
  const run = (command: string, args: readonly string[]) => promisify(execFile)(command, args, { timeout: COMPILE_MS })
  try {
    await run('javac', ['-d', classes, '-cp', kafkaClassPath(), source])
    writeFileSync(join(services, 'org.apache.kafka.connect.source.SourceConnector'), `${CLASSES}$MonitorableSourceConnector\n`)
    writeFileSync(join(services, 'org.apache.kafka.connect.sink.SinkConnector'), `${CLASSES}$MonitorableSinkConnector\n`)
    await run('jar', ['cf', join(plugins, 'monitorable', 'monitorable.jar'), '-C', classes, '.'])
  } catch (cause) {
    throw new Error('the monitorable connectors were not compiled: a JDK of Java 17 or later must be on the PATH', { cause })
  }
  return plugins
}
