/**
 * This instance in the group of the registry: it joins, assigns the leader to all where the group asks it to, and says who leads. While the
 * group rebalances nobody does.
 */
import type { Client, GroupMember } from '../core/client/types.ts'
import type { System } from '../core/system/index.ts'
import {
  DUPLICATE_URLS,
  electLeader,
  type Identity,
  PROTOCOL,
  PROTOCOL_TYPE,
  readAssignment,
  readIdentity,
  urlOf,
  writeAssignment,
  writeIdentity,
} from './leader-protocol.ts'
import type { RegistryConfig } from './registry-settings.ts'

export interface LeaderElectionOptions {
  readonly client: Client
  readonly config: RegistryConfig
  readonly identity: Omit<Identity, 'isLeader'>
  readonly system: Pick<System, 'logger'>
  /** Resolves when nothing is being written any more: another instance may lead after it. */
  beforeRebalance(): Promise<void>
  /** Called with the leader's URL, null where there is none. Resolves when this instance may write, where it leads. */
  onLeader(url: string | null, isOwn: boolean): Promise<void>
}

export const DUPLICATE_URLS_SENTENCE =
  'The schema registry group contained multiple members advertising the same URL. Verify that each instance has a unique, routable listener: ' +
  'set host.name and listeners of each.'

export class LeaderElection {
  readonly #options: LeaderElectionOptions
  readonly #member: GroupMember
  readonly #joined = Promise.withResolvers<void>()
  readonly #failed = Promise.withResolvers<never>()
  #isLeader = false

  constructor(options: LeaderElectionOptions) {
    this.#options = options
    const { client, config } = options
    // Errors that nothing awaits yet must not end the process.
    this.#failed.promise.catch(() => {})
    this.#joined.promise.catch(() => {})
    this.#member = client.group({
      groupId: config['schema.registry.group.id'],
      protocolType: PROTOCOL_TYPE,
      sessionTimeoutMs: config['kafkagroup.session.timeout.ms'],
      heartbeatIntervalMs: config['kafkagroup.heartbeat.interval.ms'],
      rebalanceTimeoutMs: config['kafkagroup.rebalance.timeout.ms'],
      protocols: () => [{ name: PROTOCOL, metadata: writeIdentity({ ...options.identity, isLeader: this.#isLeader }) }],
      assign: (_protocol, members) => this.#assign(members),
      beforeRejoin: () => options.beforeRebalance(),
      onAssigned: (assignment) => this.#onAssigned(assignment),
      onLost: (error) => this.#onLost(error),
    })
  }

  /** Resolves at the first assignment; rejects where this instance cannot be in the group. */
  get joined(): Promise<void> {
    return this.#joined.promise
  }
  /** Rejects when the group refuses this instance for good. */
  get failed(): Promise<never> {
    return this.#failed.promise
  }

  start(): void {
    this.#member.start()
  }

  #assign(joined: readonly { memberId: string; metadata: Buffer }[]): Map<string, Buffer> {
    const members = joined.map(({ memberId, metadata }) => ({ memberId, identity: readIdentity(metadata) }))
    const leader = electLeader(members, this.#options.config['leader.election.sticky'])
    const assignment = writeAssignment(members, leader)
    return new Map(members.map(({ memberId }) => [memberId, assignment]))
  }

  async #onAssigned(content: Buffer): Promise<void> {
    const { identity, onLeader, system } = this.#options
    const { error, leader } = readAssignment(content)
    if (error === DUPLICATE_URLS) {
      system.logger.error({ url: urlOf(identity) }, DUPLICATE_URLS_SENTENCE)
      this.#joined.reject(new Error(DUPLICATE_URLS_SENTENCE))
      await onLeader(null, false)
      return
    }
    this.#isLeader = leader !== null && urlOf(leader) === urlOf(identity)
    const url = leader && urlOf(leader)
    if (url === null)
      system.logger.warn(
        {},
        'no instance of the registry may be the leader: schemas can be read, but not registered; set leader.eligibility',
      )
    else system.logger.info({ leader: url, isOwn: this.#isLeader }, 'the group of the registry has a leader')
    await onLeader(url, this.#isLeader)
    this.#joined.resolve()
  }

  async #onLost(error: Error): Promise<void> {
    this.#isLeader = false
    const { config, onLeader, system } = this.#options
    await onLeader(null, false)
    if (!this.#member.failure) return
    const message = `The group ${config['schema.registry.group.id']} refuses this instance of the registry: ${error.message} (see schema.registry.group.id)`
    system.logger.error({ err: error }, message)
    const failure = new Error(message, { cause: error })
    this.#joined.reject(failure)
    this.#failed.reject(failure)
  }

  close = (): Promise<void> => this.#member.close()
}
