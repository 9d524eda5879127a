/**
 * Where a client reaches this broker: the advertised address of the listener that it is connected to.
 */
import type { BrokerServices } from '../broker-services.ts'
import type { Peer } from './request-context.ts'

export function advertisedEndpoint({ settings }: BrokerServices, peer: Peer): { host: string; port: number } {
  const listener = settings.listeners.find(({ name }) => name === peer.listener)!
  return { host: listener.advertisedHost, port: listener.advertisedPort }
}
