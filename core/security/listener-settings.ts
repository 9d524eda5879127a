/**
 * The settings of one listener, and of one SASL mechanism of it, as Kafka finds them: those with the prefix of the mechanism before those
 * of the listener before those of the broker. Users and callback handlers count for one mechanism only: a user of PLAIN must not be one of
 * another mechanism by accident. Pure.
 */
import type { SecurityProtocol } from '../settings/security-settings.ts'

export type Properties = Readonly<Record<string, string>>

const CLIENT_AUTH = 'ssl.client.auth'
/** Without the prefix of a mechanism Kafka ignores them. */
const ofMechanismOnly = ['sasl.jaas.config', 'sasl.server.callback.handler.class']

export const listenerPrefix = (listener: string): string => `listener.name.${listener.toLowerCase()}.`

function under(properties: Properties, prefix: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [name, value] of Object.entries(properties))
    if (name.startsWith(prefix) && name.length > prefix.length) found[name.slice(prefix.length)] = value
  return found
}

export function listenerProperties(properties: Properties, listener: string, protocol: SecurityProtocol): Properties {
  const own = under(properties, listenerPrefix(listener))
  const merged = { ...properties, ...own }
  // As Kafka: the certificate of a client is optional beside SASL, and its absence must not close connections that SASL protects.
  if (protocol === 'SASL_SSL' && own[CLIENT_AUTH] === undefined) merged[CLIENT_AUTH] = 'none'
  return merged
}

export function mechanismProperties(ofListener: Properties, mechanism: string): Properties {
  const merged: Record<string, string> = { ...ofListener }
  for (const name of ofMechanismOnly) delete merged[name]
  return { ...merged, ...under(ofListener, `${mechanism.toLowerCase()}.`) }
}

/** What a file says and Kafka does not do, for the log. */
export function ignoredSecuritySettings(properties: Properties, listener: string, protocol: SecurityProtocol): string[] {
  if (!protocol.startsWith('SASL_')) return []
  const ignored = ofMechanismOnly
    .filter((name) => properties[name] !== undefined || properties[`${listenerPrefix(listener)}${name}`] !== undefined)
    .map((name) => `${name} is ignored: write it as ${listenerPrefix(listener)}<mechanism>.${name}`)
  const clientAuth = properties[CLIENT_AUTH]?.trim().toLowerCase()
  const isOwn = properties[`${listenerPrefix(listener)}${CLIENT_AUTH}`] !== undefined
  if (protocol === 'SASL_SSL' && !isOwn && clientAuth !== undefined && clientAuth !== 'none')
    ignored.push(`${CLIENT_AUTH} is applied to SSL listeners only: write it as ${listenerPrefix(listener)}${CLIENT_AUTH}`)
  return ignored
}
