/**
 * The settings that limit connections, where they are more than a number: overrides for single hosts, the values of single listeners, and
 * what Kafka refuses of their combination. Pure.
 */
import { KafkaError } from '../errors.ts'
import { type BrokerValues, brokerSettings } from './broker-settings.ts'
import { parseSetting } from './setting.ts'

/** Those that a listener may have for itself, and that may be altered on a running broker. */
export const ofListener = ['max.connections', 'max.connection.creation.rate'] as const
const LISTENER_SETTING = new RegExp(`^listener\\.name\\.[^.]+\\.(${ofListener.join('|').replaceAll('.', '\\.')})$`)

/** As Kafka: names, addresses, and zones of addresses. */
const HOST = /^[0-9a-zA-Z\-%._:]*$/
const INT = /^[+-]?\d{1,10}$/

const invalid = (message: string): KafkaError => new KafkaError('INVALID_CONFIG', message)

/** The counts of max.connections.per.ip.overrides by host: the part after the last colon is the count. Throws INVALID_CONFIG. */
export function parseOverrides(raw: string): ReadonlyMap<string, number> {
  const overrides = new Map<string, number>()
  const items = raw.split(',').map((item) => item.trim())
  // As Java splits: what is empty at the end is no item.
  while (items.at(-1) === '') items.pop()
  for (const item of items) {
    const colon = item.lastIndexOf(':')
    if (colon < 0) throw invalid(`Error parsing configuration property 'max.connections.per.ip.overrides': "${item}" is not host:count`)
    const count = item.slice(colon + 1).trim()
    if (!INT.test(count) || Math.abs(Number(count)) >= 2 ** 31) throw invalid(`For input string: "${count}"`)
    overrides.set(item.slice(0, colon).trim(), Number(count))
  }
  const unusable = [...overrides.keys()].filter((host) => !HOST.test(host))
  if (unusable.length > 0) throw invalid(`max.connections.per.ip.overrides contains invalid addresses : ${unusable.join(',')}`)
  return overrides
}

export type ConnectionValues = Pick<BrokerValues, 'max.connections.per.ip' | 'max.connections.per.ip.overrides'>

/** Throws INVALID_CONFIG with Kafka's message. `properties` may have values of any listener. */
export function checkConnectionSettings(values: ConnectionValues, properties: Readonly<Record<string, string>>): void {
  const overrides = parseOverrides(values['max.connections.per.ip.overrides'])
  if (values['max.connections.per.ip'] === 0 && overrides.size === 0)
    throw invalid('requirement failed: max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.')
  for (const [name, value] of Object.entries(properties)) {
    const setting = LISTENER_SETTING.exec(name)?.[1] as (typeof ofListener)[number] | undefined
    if (setting) parseSetting(setting, brokerSettings[setting], value)
  }
}
