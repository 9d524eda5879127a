/**
 * Java's system properties out of `KAFKA_OPTS`: each `-Dname=value` between white space, as Kafka's start scripts pass them to a JVM.
 * Quotes are not removed there either. Options other than -D are for a JVM and are skipped. Pure.
 */
import type { SystemProperties } from './types.ts'

export function javaSystemProperties(kafkaOpts: string | undefined): SystemProperties {
  const properties: Record<string, string> = Object.create(null)
  for (const option of (kafkaOpts ?? '').split(/\s+/)) {
    const [, name, value = ''] = /^-D([^=]+)(?:=(.*))?$/.exec(option) ?? []
    if (name !== undefined) properties[name] = value
  }
  return { ...properties }
}
