/**
 * Replaces the references in the file of a command, as Kafka does for the files of brokers, workers and mirrors: `${file:/path:key}` and
 * the like, with the providers that the file itself names in `config.providers`. What they stand for is left out of the error that ends the
 * process.
 */
import { openConfigTransformer } from '../core/config-references/config-providers.ts'
import { javaSystemProperties } from '../core/security/sasl/java-system-properties.ts'
import type { System } from '../core/system/index.ts'
import { hideSecrets } from './secrets.ts'

/** @throws ConfigProviderError where a provider is not allowed, is configured wrongly, or cannot read its file. */
export async function resolveReferences(
  properties: Readonly<Record<string, string>>,
  { clock, disk, logger }: System,
): Promise<Record<string, string>> {
  const systemProperties = javaSystemProperties(process.env.KAFKA_OPTS)
  const transformer = await openConfigTransformer(properties, { clock, disk, logger, environment: process.env, systemProperties })
  const { config, redact } = await transformer.transform(properties)
  hideSecrets(redact)
  return { ...config }
}
