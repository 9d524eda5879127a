/**
 * Every setting of a client metrics subscription (KIP-714). This broker stores, validates and describes them; it asks no client for
 * metrics. Names, defaults and rules are Kafka's.
 */
import { int, list, type SettingMap } from './setting.ts'

const parameters = [
  'client_instance_id',
  'client_id',
  'client_software_name',
  'client_software_version',
  'client_source_address',
  'client_source_port',
]

/** Java's syntax that JavaScript does not have and that changes no boundary: possessive quantifiers, and flags at the start. */
const withoutJava = (pattern: string): string => pattern.replace(/^\(\?[a-zA-Z]+\)/, '').replace(/([*+?}])\+/g, '$1')

function isPattern(text: string): boolean {
  try {
    new RegExp(withoutJava(text))
    return true
  } catch {
    return false
  }
}

/** The first of `patterns` that is not `parameter=regular expression`, or undefined. */
export const illegalPattern = (patterns: readonly string[]): string | undefined =>
  patterns.find((pattern) => {
    const [parameter = '', value = '', ...more] = pattern.split('=').map((part) => part.trim())
    return more.length > 0 || value === '' || !parameters.includes(parameter) || !isPattern(value)
  })

export const clientMetricsIntervalMs = { min: 100, max: 3_600_000 } as const

export const clientMetricsSettings = {
  metrics: list('', 'The prefixes of the metrics that clients send.', { ineffective: true }),
  'interval.ms': int(300_000, 'How often clients send metrics.', { ineffective: true }),
  match: list('', 'The clients that send metrics: parameter=regular expression.', { noEmptyItems: true, ineffective: true }),
} satisfies SettingMap
