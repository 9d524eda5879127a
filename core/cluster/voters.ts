/**
 * Who votes about the metadata log: this node alone. A folder or a file of another quorum is refused with a sentence that says what to do.
 * Pure.
 */
import type { BrokerSettings } from '../settings.ts'
import type { NewControlRecord, RaftVoter } from '../wire/control-records.ts'

/** Kafka's kraft.version: 0 with the voters of controller.quorum.voters, 1 with those of the log. */
export type KraftVersion = 0 | 1
export const KRAFT_VERSION_RANGE = { min: 0, max: 1 } as const

/** The ids in controller.quorum.voters. */
const staticVoterIds = (settings: BrokerSettings): number[] =>
  settings.values['controller.quorum.voters'].map((voter) => {
    const match = /^(\d+)@(.+):(\d+)$/.exec(voter)
    if (!match) throw new Error(`controller.quorum.voters: "${voter}" is not id@host:port, for example ${settings.nodeId}@127.0.0.1:9093`)
    return Number(match[1])
  })

/** Throws where controller.quorum.voters names another quorum than this node alone. */
export function checkStaticVoters(settings: BrokerSettings): void {
  const ids = staticVoterIds(settings)
  if (ids.length > 1)
    throw new Error(
      `controller.quorum.voters names ${ids.length} voters, Tributary runs as the only one: ` +
        'reduce the quorum to this node with Apache Kafka first, or give this node a folder of its own',
    )
  if (ids.length === 1 && ids[0] !== settings.nodeId)
    throw new Error(
      `controller.quorum.voters names node ${ids[0]}, this is node ${settings.nodeId}: Tributary is its own controller, ` +
        `set controller.quorum.voters=${settings.nodeId}@host:port, or remove the line`,
    )
}

/** The kraft.version of a new metadata log: dynamic where no static voters are named. */
export const initialKraftVersion = (settings: BrokerSettings): KraftVersion =>
  settings.values['controller.quorum.voters'].length > 0 ? 0 : 1

/** Throws where `voters`, of the folder's metadata log, are others than this node alone. */
export function checkVoters(voters: readonly RaftVoter[], nodeId: number, directoryId: string, folder: string): void {
  const [voter] = voters
  if (voters.length === 1 && voter!.voterId === nodeId && voter!.voterDirectoryId === directoryId) return
  const names = voters.map((other) => `${other.voterId} (directory ${other.voterDirectoryId})`).join(', ')
  throw new Error(
    `${folder}: the voters of the metadata log are ${names || 'not known'}, this is node ${nodeId} with directory ${directoryId}. ` +
      'Tributary runs as the only voter: remove the others with kafka-metadata-quorum first, or set log.dirs to another folder',
  )
}

/** This node as the voter of a dynamic quorum. */
export function ownVoter(settings: BrokerSettings, directoryId: string): RaftVoter {
  const { min: minSupportedVersion, max: maxSupportedVersion } = KRAFT_VERSION_RANGE
  return {
    voterId: settings.nodeId,
    voterDirectoryId: directoryId,
    endpoints: controllerEndpoints(settings).map(({ name, host, port }) => ({ name, host, port })),
    kRaftVersionFeature: { minSupportedVersion, maxSupportedVersion },
  }
}

/** The addresses of this node as a controller, for the log; without a controller listener they name that of the clients. */
export function controllerEndpoints(settings: BrokerSettings): { name: string; host: string; port: number; securityProtocol: number }[] {
  if (settings.controllerListeners.length > 0) return settings.controllerListeners.map((listener) => ({ ...listener }))
  const { advertisedHost: host, advertisedPort: port } = settings.listeners[0]!
  return [{ name: 'CONTROLLER', host, port, securityProtocol: 0 }]
}

/** The control records that name the voter of a dynamic quorum. */
export const quorumControls = (voter: RaftVoter): NewControlRecord[] => [
  { type: 'KRaftVersion', version: 0, kRaftVersion: 1 },
  { type: 'KRaftVoters', version: 0, voters: [voter] },
]
