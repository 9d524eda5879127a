/**
 * The election of the registry's leader, in the format of Confluent's Schema Registry: what an instance says about itself when it joins the
 * group, and whom the member that assigns makes the leader. Instances of both kinds can share a group.
 */
export const PROTOCOL_TYPE = 'sr'
export const PROTOCOL = 'v0'

const VERSION = 1
const NO_ERROR = 0
/** Two instances advertise the same URL, and could not forward to each other. */
export const DUPLICATE_URLS = 1

export interface Identity {
  readonly host: string
  readonly port: number
  readonly scheme: string
  readonly leaderEligibility: boolean
  readonly isLeader: boolean
}

export interface Assignment {
  readonly error: number
  /** Null where no instance may lead. */
  readonly leader: Identity | null
}

type Json = Readonly<Record<string, unknown>>

const identityJson = ({ host, port, scheme, leaderEligibility, isLeader }: Identity) => ({
  version: VERSION,
  host,
  port,
  master_eligibility: leaderEligibility,
  scheme,
  leader: isLeader,
})

export const urlOf = ({ scheme, host, port }: Pick<Identity, 'scheme' | 'host' | 'port'>): string =>
  `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`

export const writeIdentity = (identity: Identity): Buffer => Buffer.from(JSON.stringify(identityJson(identity)))

/** @throws Error for what is none. */
export function readIdentity(bytes: Buffer): Identity {
  return identityOf(JSON.parse(bytes.toString('utf8')) as Json)
}

function identityOf({ host, port, scheme, master_eligibility, leader }: Json): Identity {
  if (typeof host !== 'string' || typeof port !== 'number') throw new Error('an instance of the registry has no host or port')
  const leaderEligibility = master_eligibility !== false
  return { host, port, scheme: typeof scheme === 'string' ? scheme : 'http', leaderEligibility, isLeader: leader === true }
}

export function readAssignment(bytes: Buffer): Assignment {
  const { error, master_identity } = JSON.parse(bytes.toString('utf8')) as Json
  return { error: typeof error === 'number' ? error : NO_ERROR, leader: master_identity ? identityOf(master_identity as Json) : null }
}

export interface Member {
  readonly memberId: string
  readonly identity: Identity
}

/** The eligible instance with the smallest URL; with `sticky` the one that leads already. */
export function electLeader(members: readonly Member[], sticky: boolean): Member | null {
  const eligible = members
    .filter(({ identity }) => identity.leaderEligibility)
    .sort((a, b) => (urlOf(a.identity) < urlOf(b.identity) ? -1 : 1))
  const leading = eligible.filter(({ identity }) => identity.isLeader)
  return (sticky && leading.length === 1 ? leading[0] : eligible[0]) ?? null
}

/** The same assignment for every member. */
export function writeAssignment(members: readonly Member[], leader: Member | null): Buffer {
  const urls = new Set(members.map(({ identity }) => urlOf(identity)))
  return Buffer.from(
    JSON.stringify({
      version: VERSION,
      error: urls.size === members.length ? NO_ERROR : DUPLICATE_URLS,
      ...(leader ? { master: leader.memberId, master_identity: identityJson(leader.identity) } : {}),
    }),
  )
}
