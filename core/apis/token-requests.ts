/**
 * What the four APIs of delegation tokens share: on which connections Kafka answers them, and principals as they are written.
 */
import { KafkaError } from '../errors.ts'
import type { RequestContext } from './request-context.ts'

export const ANONYMOUS = 'User:ANONYMOUS'

/** Of a request that is refused before it reaches the tokens, as Kafka sends them. */
export const NO_TIMESTAMP = -1

/** As Kafka: only for clients who have proved who they are, and not for those who did so with a token. */
export function allowsTokenRequests({ peer, broker }: Pick<RequestContext, 'peer' | 'broker'>): boolean {
  if (peer.tokenAuthenticated) return false
  const listener = broker.settings.listeners.find(({ name }) => name === peer.listener)
  const securityProtocol = listener?.securityProtocol ?? 'PLAINTEXT'
  return securityProtocol !== 'PLAINTEXT' && !(securityProtocol === 'SSL' && peer.principal === ANONYMOUS)
}

interface PrincipalFields {
  readonly principalType: string
  readonly principalName: string
}

/** `User:alice` as two fields. A name may have colons, a type has none. */
export function principalFields(principal: string): PrincipalFields {
  const colon = principal.indexOf(':')
  return { principalType: principal.slice(0, colon), principalName: principal.slice(colon + 1) }
}

export const principalOf = ({ principalType, principalName }: PrincipalFields): string => `${principalType}:${principalName}`

/** The result of a change, or the code of its error. */
export async function outcomeOf<T>(change: Promise<T>): Promise<{ result: T; code: 0 } | { result: null; code: number }> {
  try {
    return { result: await change, code: 0 }
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    return { result: null, code: error.code }
  }
}
