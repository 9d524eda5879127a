/**
 * `tributary registry [FILE]`: a schema registry, configured by Confluent's schema-registry.properties. The REST port is opened first, so
 * that the instance can advertise it; requests get a 503 until the registry has read its topic.
 */
import { registryRestSettingNames } from '../../api/registry/registry-rest-settings.ts'
import { javaSystemProperties } from '../../core/security/sasl/java-system-properties.ts'
import { tlsSettingNames } from '../../core/security/tls/tls-settings.ts'
import { version } from '../../core/system/version.ts'
import { readArguments, readPropertiesFile } from '../arguments.ts'
import { defineCommand } from '../command.ts'
import { resolveReferences } from '../references.ts'
import { openRegistryRest } from '../registry-rest.ts'

/** Without a file: the broker of this machine, and a REST API for this machine only. */
export const registryDefaults: Readonly<Record<string, string>> = {
  'kafkastore.bootstrap.servers': 'localhost:9092',
  listeners: 'http://127.0.0.1:8081',
  'kafkastore.topic.replication.factor': '1',
  // A broker on the same machine, or in the same process, may be busy with its start.
  'kafkastore.timeout.ms': '15000',
}

/** Settings in the file of a registry that the REST server reads. */
export const registryRestNames: readonly string[] = [...registryRestSettingNames, ...tlsSettingNames]

export default defineCommand({
  summary: "Start a schema registry; FILE is Confluent's schema-registry.properties",
  help: `Usage: tributary registry [FILE] [--override name=value]...

FILE is the file of Confluent's schema-registry-start. Instances with the same schema.registry.group.id elect a leader,
which alone writes; the others forward to it. The schemas are in the topic that FILE names (by default _schemas), in
Confluent's format. Without a FILE the registry uses the broker at localhost:9092, and listens on 127.0.0.1:8081.

  --override name=value   sets a setting; it takes precedence over FILE

The REST API is Confluent's; its documentation is at /docs, the metrics for Prometheus are at /metrics.`,
  async run({ args, system, print }) {
    const { files, overrides } = readArguments('registry', args, { files: 1 })
    const fileProperties = files[0] === undefined ? registryDefaults : await readPropertiesFile(files[0])
    const properties = await resolveReferences({ ...fileProperties, ...overrides }, system)
    const loaded = import('../../registry/index.ts')
    const systemProperties = {
      ...javaSystemProperties(process.env.KAFKA_OPTS),
      ...javaSystemProperties(process.env.SCHEMA_REGISTRY_OPTS),
    }
    const rest = await openRegistryRest(properties, system, systemProperties)
    const stops = [rest.close]
    const stop = async () => void (await Promise.all(stops.splice(0).map((stopPart) => stopPart())))
    try {
      const { startRegistry } = await loaded
      const cluster = properties['kafkastore.bootstrap.servers'] ?? 'localhost:9092'
      const waiting = setTimeout(() => print(`Waiting for the Kafka cluster at ${cluster} …`), 3_000)
      stops.push(async () => clearTimeout(waiting))
      const registry = await startRegistry(properties, system, {
        advertisedUrl: rest.advertisedUrl,
        otherSettings: registryRestNames,
        systemProperties,
      })
      clearTimeout(waiting)
      stops.push(() => registry.close())
      await rest.serve(registry, version)
      print(`Tributary schema registry on the cluster at ${cluster}, its schemas in ${registry.config['kafkastore.topic']}`)
      for (const url of rest.urls) print(`Registry: ${url} (documentation: ${url}/docs)`)
      return { stop, failed: registry.failed }
    } catch (error) {
      await stop()
      throw error
    }
  },
})
