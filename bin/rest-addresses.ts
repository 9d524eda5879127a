/** The addresses of REST sockets as URLs: for people, and for the other processes of a cluster. */
import { networkInterfaces } from 'node:os'
import { addressOf, type RestSocket } from './rest-sockets.ts'

export const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)
const isWildcard = (address: string) => address === '::' || address === '0.0.0.0'

export function displayUrl(socket: RestSocket): string {
  const { address, port } = addressOf(socket)
  return `${socket.protocol}://${isWildcard(address) ? 'localhost' : bracketed(address)}:${port}`
}

export interface Advertised {
  protocol: string
  /** Null where no setting names it. */
  host: string | null
  /** Null where no setting names it. */
  port: number | null
  /** The host that `listeners` has for the socket; empty where it has none. */
  listenerHost: string
}

export function advertisedUrlOf(socket: RestSocket, { protocol, host, port, listenerHost }: Advertised): string {
  const bound = addressOf(socket)
  // A certificate has the name that the file gives, not its address.
  const reachable = host ?? (listenerHost || (isWildcard(bound.address) ? ownAddress() : bound.address))
  return `${protocol}://${bracketed(reachable)}:${port ?? bound.port}`
}

/** The address that other machines can use: the first that is not loopback. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.1'
}
