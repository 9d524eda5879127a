/**
 * The membership of a standalone worker: it leads, and runs every connector and task.
 */
import type { ConfigBackingStore } from '../storage/config-backing-store.ts'
import { configuredKeys, type WorkerMembership, type WorkerRebalanceListener } from './worker-membership.ts'

export interface StandaloneMemberOptions {
  configs: ConfigBackingStore
  url: string
  listener: WorkerRebalanceListener
}

export class StandaloneMember implements WorkerMembership {
  readonly #options: StandaloneMemberOptions
  #assigned = new Set<string>()
  readonly generation = 0
  readonly isLeader = true
  readonly isStandalone = true
  readonly signsInternalRequests = false
  readonly lostAt = null
  readonly failed = new Promise<never>(() => {})
  readonly joined: Promise<void>
  #markJoined: () => void = () => {}

  constructor(options: StandaloneMemberOptions) {
    this.#options = options
    this.joined = new Promise((resolve) => {
      this.#markJoined = resolve
    })
  }

  get leaderUrl(): string {
    return this.#options.url
  }
  get assigned(): ReadonlySet<string> {
    return this.#assigned
  }
  ownerUrl = (): string => this.#options.url

  start(): void {
    this.rejoin()
    this.#markJoined()
  }

  rejoin(): void {
    const { configs, listener } = this.#options
    const assigned = new Set(configuredKeys(configs))
    const removed = [...this.#assigned].filter((key) => !assigned.has(key))
    this.#assigned = assigned
    void listener.onRevoked(removed)
    listener.onAssigned(assigned)
    listener.onElectedLeader()
  }

  async close(): Promise<void> {}
}
