/**
 * Addresses of clients as text, each in one form: IPv4 in IPv6 as IPv4, IPv6 without its zone and as the system writes it. Pure.
 */
import { isIPv4, isIPv6, SocketAddress } from 'node:net'

/** Null for a name. */
export function canonicalAddress(host: string): string | null {
  const plain = host.replace(/^::ffff:/i, '')
  if (isIPv4(plain)) return plain
  const unscoped = host.replace(/%.*$/, '')
  return isIPv6(unscoped) ? new SocketAddress({ address: unscoped, family: 'ipv6' }).address : null
}
