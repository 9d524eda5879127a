/**
 * Which addresses connectors may reach. Loopback, private, link-local and other addresses that are not of the public Internet are refused
 * unless a setting of the connector allows them, within the limit of its worker, so that a URL, a redirect or a DNS server cannot lead to a
 * service inside of the network. Pure.
 */
import { BlockList, isIP } from 'node:net'

/** Those of the registries of special-purpose addresses (RFC 6890 and its updates) that no server of the public Internet has. */
const NOT_PUBLIC: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  // What Azure tells a virtual machine.
  ['168.63.129.16', 32],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  // Also ::, ::1, and IPv4-compatible addresses.
  ['::', 96],
  // IPv4-translated addresses of RFC 2765.
  ['::ffff:0:0:0', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['100:0:0:1::', 64],
  // Protocol assignments, of which Teredo, and 6to4 hold an IPv4 address.
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
]

const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4')

const notPublic = new BlockList()
for (const [network, prefix] of NOT_PUBLIC) notPublic.addSubnet(network, prefix, familyOf(network))

/** IPv4-mapped addresses, and those of NAT64: the last 32 bits are an IPv4 address. */
const EMBEDDED = /^(?:::ffff|64:ff9b:):(?:([\da-f]{1,4}):)?([\da-f]{1,4})$/

/** The address that packets go to: without a zone, and as IPv4 where it is written as IPv6. */
function effectiveAddress(address: string): string {
  const plain = address.replace(/%.*$/, '')
  if (isIP(plain) !== 6) return plain
  const canonical = new URL(`http://[${plain}]`).hostname.slice(1, -1)
  const embedded = EMBEDDED.exec(canonical)
  if (!embedded) return canonical
  const [high, low] = [Number.parseInt(embedded[1] ?? '0', 16), Number.parseInt(embedded[2]!, 16)]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

const EVERYTHING = '*'
const NETWORK = /^(.+)\/(\d{1,3})$/
const HOST_NAME = /^(?=.{1,253}$)[a-z\d_](?:[a-z\d_-]*[a-z\d_])?(?:\.[a-z\d_](?:[a-z\d_-]*[a-z\d_])?)*$/i

/** What is wrong with an entry of the setting: a network, an address, a host name, or * for all. */
export function allowedAddressProblem(entry: string): string | undefined {
  const network = NETWORK.exec(entry)
  if (network) {
    const family = isIP(network[1]!)
    return family !== 0 && Number(network[2]) <= (family === 4 ? 32 : 128)
      ? undefined
      : `${entry} is no network: write 10.0.0.0/8 or fd00::/8`
  }
  if (entry === EVERYTHING || isIP(entry) !== 0 || HOST_NAME.test(entry)) return undefined
  return `${entry} is neither a network (10.0.0.0/8), nor an address, nor a host name, nor *`
}

/** What the entries of a list name. */
class NamedAddresses {
  readonly #addresses = new BlockList()
  readonly #hosts = new Set<string>()
  readonly #isEverything: boolean

  constructor(entries: readonly string[]) {
    this.#isEverything = entries.includes(EVERYTHING)
    for (const entry of entries) {
      const [address, prefix] = entry.split('/') as [string, string | undefined]
      if (isIP(address) === 0) this.#hosts.add(entry.toLowerCase())
      else if (prefix === undefined) this.#addresses.addAddress(address, familyOf(address))
      else this.#addresses.addSubnet(address, Number(prefix), familyOf(address))
    }
  }

  has(host: string, effective: string): boolean {
    return this.#isEverything || this.#hosts.has(host.toLowerCase()) || this.#addresses.check(effective, familyOf(effective))
  }
}

export class AddressRules {
  readonly #allowed: NamedAddresses
  readonly #limit: NamedAddresses

  /** Both have networks, addresses and host names; * for everything. What is not in `limit` is not allowed, whatever `allowed` has. */
  constructor(allowed: readonly string[], limit: readonly string[] = [EVERYTHING]) {
    this.#allowed = new NamedAddresses(allowed)
    this.#limit = new NamedAddresses(limit)
  }

  /** Why a connection to an address, to which `host` was resolved, must not be made: by the setting, or by the limit. Null where it may. */
  refusal(host: string, address: string): 'setting' | 'limit' | null {
    const effective = effectiveAddress(address)
    if (!notPublic.check(effective, familyOf(effective))) return null
    if (!this.#allowed.has(host, effective)) return 'setting'
    return this.#limit.has(host, effective) ? null : 'limit'
  }

  allows(host: string, address: string): boolean {
    return this.refusal(host, address) === null
  }
}
