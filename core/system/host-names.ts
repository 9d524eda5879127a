/**
 * The addresses of hosts as an interface: a simulation knows its own hosts.
 */
import { lookup } from 'node:dns/promises'

export interface HostNames {
  /** The first address of a host; null where the name cannot be resolved. Addresses are their own. */
  address(name: string): Promise<string | null>
}

export const realHostNames: HostNames = {
  async address(name) {
    try {
      return (await lookup(name)).address
    } catch {
      // Whatever the reason, the name has no address now.
      return null
    }
  },
}
