/**
 * Reads Kafka's SASL settings by their names from a record of strings, with Kafka's defaults and limits. A setting that is wrong, or that
 * asks for a class that Tributary does not have, is refused in words of Kafka's ConfigException; secrets are never repeated. Pure.
 */
import { KafkaError } from '../../errors.ts'
import type { SystemProperties } from './types.ts'

export type SaslSettings = Readonly<Record<string, string>>

const ALLOWED_URLS = 'org.apache.kafka.sasl.oauthbearer.allowed.urls'

export const invalidSaslConfig = (message: string): KafkaError => new KafkaError('INVALID_CONFIG', message)

/** Null where it is not set, or blank. */
export function textSetting(settings: SaslSettings, name: string): string | null {
  const value = settings[name]?.trim()
  return value ? value : null
}

interface Range<T> {
  readonly fallback: T
  readonly min: number
  readonly max: number
}

const parsed = (text: string, type: 'LONG' | 'DOUBLE'): number | null => {
  const value = Number(text)
  return (type === 'LONG' ? Number.isSafeInteger(value) : Number.isFinite(value)) ? value : null
}

function inRange<T>(settings: SaslSettings, name: string, type: 'LONG' | 'DOUBLE', { fallback, min, max }: Range<T>): number | T {
  const text = textSetting(settings, name)
  if (text === null) return fallback
  const value = parsed(text, type)
  const refused = (why: string) => invalidSaslConfig(`Invalid value ${text} for configuration ${name}: ${why}`)
  if (value === null) throw refused(`Not a number of type ${type}`)
  if (value < min) throw refused(`Value must be at least ${min}`)
  if (value > max) throw refused(`Value must be no more than ${max}`)
  return value
}

export const longSetting = <T extends number | null>(settings: SaslSettings, name: string, range: Range<T>): number | T =>
  inRange(settings, name, 'LONG', range)

export const doubleSetting = (settings: SaslSettings, name: string, range: Range<number>): number =>
  inRange(settings, name, 'DOUBLE', range)

export function booleanSetting(settings: SaslSettings, name: string): boolean {
  const text = textSetting(settings, name)?.toLowerCase() ?? 'false'
  if (text !== 'true' && text !== 'false')
    throw invalidSaslConfig(`Invalid value ${text} for configuration ${name}: Expected value to be either true or false`)
  return text === 'true'
}

export function listSetting(settings: SaslSettings, name: string): string[] {
  const items = (textSetting(settings, name) ?? '').split(',').map((item) => item.trim())
  return items.filter((item) => item !== '')
}

/** The name of a class that is one of `known`; null where it is not set. */
export function classSetting<T extends string>(settings: SaslSettings, name: string, known: readonly T[]): T | null {
  const given = textSetting(settings, name)
  if (given === null) return null
  const found = known.find((candidate) => candidate === given)
  if (found !== undefined) return found
  const instead = known.length === 0 ? 'remove the setting' : `use ${known.join(' or ')}`
  throw invalidSaslConfig(`Invalid value ${given} for configuration ${name}: Class ${given} could not be found: ${instead}`)
}

/** Settings whose presence alone must be refused, each with what to do instead. */
export function refuseSettings(settings: SaslSettings, refused: Readonly<Record<string, string>>): void {
  for (const [name, instead] of Object.entries(refused))
    if (textSetting(settings, name) !== null) throw invalidSaslConfig(`The setting ${name} is not supported: ${instead}`)
}

/**
 * A URL that the process allows by a system property: a connector's settings must not make the process read any file or URL
 * (CVE-2025-27817).
 */
export function allowedUrl(settings: SaslSettings, name: string, properties: SystemProperties): URL {
  const value = textSetting(settings, name)
  if (value === null) throw invalidSaslConfig(`The OAuth configuration option ${name} value is required`)
  let url: URL
  try {
    url = new URL(value)
  } catch {
    throw invalidSaslConfig(`The OAuth configuration option ${name} contains a URL (${value}) that is malformed`)
  }
  const protocol = url.protocol.slice(0, -1)
  if (!['http', 'https', 'file'].includes(protocol))
    throw invalidSaslConfig(
      `The OAuth configuration option ${name} contains a URL (${value}) that contains an invalid protocol (${protocol}); only "http", "https", and "file" protocol are supported`,
    )
  if (url.username !== '' || url.password !== '')
    throw invalidSaslConfig(`The OAuth configuration option ${name} contains a user or a password: use settings for them`)
  const allowed = (properties[ALLOWED_URLS] ?? '').split(',').map((entry) => entry.trim())
  if (!allowed.includes(value))
    throw invalidSaslConfig(
      `Invalid value ${value} for configuration ${name}: The URL cannot be accessed due to restrictions. Update the system property '${ALLOWED_URLS}' to allow the URL to be accessed.`,
    )
  return url
}
