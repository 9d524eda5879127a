/**
 * The records that the controller writes when it becomes active, in Kafka's order: the end of an unfinished metadata transaction, the first
 * records of an empty log, the registrations of this node as controller and broker, and the partitions that need another leader or a new
 * leader epoch. Pure: the decisions about a takeover, without the log.
 */
import { securityProtocols } from '../settings/security-settings.ts'
import type { BrokerSettings } from '../settings.ts'
import type { NewMetadataRecord } from '../wire/metadata-records.ts'
import { METADATA_VERSION, since, supportedFeatures } from './features.ts'
import { MIGRATING, UNASSIGNED } from './image/directory-ids.ts'
import type { MetadataImage } from './image/metadata-image.ts'
import type { PartitionState, Topic } from './types.ts'
import { controllerEndpoints } from './voters.ts'

const CLUSTER_BROKER = { resourceType: 4, resourceName: '' } as const
const FENCE = 1
const UNFENCE = -1

/** Ends the transaction that the previous leader left open. */
export const abortRecords = (): NewMetadataRecord[] => [{ type: 'AbortTransactionRecord', reason: 'Controller failover' }]

/**
 * The first records of an empty log: those of bootstrap.checkpoint, in a metadata transaction where the level has them. With eligible
 * leader replicas the cluster-wide min.insync.replicas becomes a record, because a broker's own value has no effect then.
 */
export function bootstrapRecords(bootstrap: readonly NewMetadataRecord[], minInsyncReplicas: number): NewMetadataRecord[] {
  const levelOf = (name: string) =>
    bootstrap.reduce((level, record) => (record.type === 'FeatureLevelRecord' && record.name === name ? record.featureLevel : level), 0)
  const records = [...bootstrap]
  if (levelOf('eligible.leader.replicas.version') > 0)
    records.push({ type: 'ConfigRecord', ...CLUSTER_BROKER, name: 'min.insync.replicas', value: String(minInsyncReplicas) })
  if (levelOf(METADATA_VERSION) < since.metadataTransactions) return records
  return [{ type: 'BeginTransactionRecord', name: 'Bootstrap records' }, ...records, { type: 'EndTransactionRecord' }]
}

const featureRanges = supportedFeatures.map(({ name, minVersion, maxVersion }) => ({
  name,
  minSupportedVersion: minVersion,
  maxSupportedVersion: maxVersion,
}))

export interface Incarnation {
  readonly settings: BrokerSettings
  /** A random id of this start of the process. */
  readonly incarnationId: string
  readonly metadataVersion: number
}

export function controllerRegistration({ settings, incarnationId, metadataVersion }: Incarnation): NewMetadataRecord[] {
  if (metadataVersion < since.controllerRegistration) return []
  const endPoints = controllerEndpoints(settings)
  const { nodeId: controllerId } = settings
  return [{ type: 'RegisterControllerRecord', controllerId, incarnationId, zkMigrationReady: false, endPoints, features: featureRanges }]
}

export interface BrokerIncarnation extends Incarnation {
  /** The offset of the first record of this registration. */
  readonly brokerEpoch: number
  /** The ids of log.dirs. */
  readonly directories: readonly string[]
}

/** The broker with its current listeners. `fenced` as it is at that moment. */
export function brokerRegistration(incarnation: BrokerIncarnation, fenced: boolean): NewMetadataRecord {
  const { settings, incarnationId, metadataVersion, brokerEpoch, directories } = incarnation
  const { nodeId: brokerId, listeners } = settings
  const endPoints = listeners.map(({ name, advertisedHost: host, advertisedPort: port, securityProtocol: protocol }) => ({
    ...{ name, host, port },
    securityProtocol: securityProtocols.indexOf(protocol),
  }))
  const rack = settings.values['broker.rack']
  return {
    type: 'RegisterBrokerRecord',
    ...{ brokerId, incarnationId, brokerEpoch, endPoints, features: featureRanges, rack, fenced },
    ...(metadataVersion >= since.directoryAssignment ? { logDirs: [...directories] } : {}),
    ...(metadataVersion >= since.cordonedDirectories && !fenced ? { cordonedLogDirs: [] } : {}),
  }
}

/** The registration of a new incarnation: registered and, since its logs are opened next, unfenced. */
export function brokerRegistrations(incarnation: BrokerIncarnation): NewMetadataRecord[] {
  const { settings, metadataVersion, brokerEpoch } = incarnation
  const change = { type: 'BrokerRegistrationChangeRecord', brokerId: settings.nodeId, brokerEpoch } as const
  const cordoned: NewMetadataRecord[] = metadataVersion >= since.cordonedDirectories ? [{ ...change, cordonedLogDirs: [] }] : []
  return [brokerRegistration(incarnation, true), ...cordoned, ...fencing(settings.nodeId, brokerEpoch, metadataVersion, UNFENCE)]
}

/** The broker stops: a controller that starts on this folder need not wait for its session to end. */
export const fenceRecords = (brokerId: number, brokerEpoch: number, metadataVersion: number): NewMetadataRecord[] =>
  fencing(brokerId, brokerEpoch, metadataVersion, FENCE)

function fencing(brokerId: number, brokerEpoch: number, metadataVersion: number, fenced: 1 | -1): NewMetadataRecord[] {
  if (metadataVersion >= since.registrationChange) return [{ type: 'BrokerRegistrationChangeRecord', brokerId, brokerEpoch, fenced }]
  const type = fenced === FENCE ? 'FenceBrokerRecord' : 'UnfenceBrokerRecord'
  return [{ type, id: brokerId, epoch: brokerEpoch }]
}

export interface Takeover {
  readonly nodeId: number
  readonly metadataVersion: number
  /** The ids of log.dirs. */
  readonly directories: readonly string[]
  /** Consumers may have read records of this node that a crash removed: new leader epochs let them detect that (KIP-320). */
  readonly mayHaveLostRecords: boolean
  /** The id of the directory that has the log of a partition, null where none has it. */
  directoryOf(topic: string, partition: number): string | null
  /** The id of a directory for a log that is not there yet. */
  newDirectory(): string
}

/** One PartitionChange for each partition whose leader, leader epoch or directory is not what this node needs. */
export function* takeoverRecords(image: MetadataImage, takeover: Takeover): Iterable<NewMetadataRecord> {
  for (const topic of image.topics()) {
    for (let partition = 0; partition < topic.partitions; partition++) {
      const state = image.partitionState(topic.name, partition)
      if (!state?.replicas.includes(takeover.nodeId)) continue
      const change = partitionChange(topic, partition, state, takeover)
      if (change) yield { type: 'PartitionChangeRecord', partitionId: partition, topicId: topic.id, ...change }
    }
  }
}

type Change = Partial<Omit<Extract<NewMetadataRecord, { type: 'PartitionChangeRecord' }>, 'type' | 'topicId' | 'partitionId'>>

function partitionChange(topic: Topic, partition: number, state: PartitionState, takeover: Takeover): Change | null {
  const { nodeId, metadataVersion, directories, mayHaveLostRecords } = takeover
  const change: Change = {}
  const place = state.replicas.indexOf(nodeId)
  const assigned = state.directories[place] ?? MIGRATING
  const found = takeover.directoryOf(topic.name, partition)
  const isReserved = assigned === MIGRATING || assigned === UNASSIGNED
  // The log is in a directory that is none of log.dirs: served from an empty log, its offsets would be used again (Invariant 2).
  if (found === null && !isReserved && !directories.includes(assigned)) return state.leader === nodeId ? { leader: -1 } : null
  const directory = found ?? (isReserved ? takeover.newDirectory() : assigned)
  if (metadataVersion >= since.directoryAssignment && directory !== assigned) {
    const next = state.replicas.map((_, index) => state.directories[index] ?? MIGRATING)
    next[place] = directory
    change.directories = next
  }
  if (state.leader !== nodeId || mayHaveLostRecords) change.leader = nodeId
  if (state.leader !== nodeId) {
    if (!state.isr.includes(nodeId)) change.isr = [nodeId]
    if (state.eligibleLeaderReplicas.length > 0) change.eligibleLeaderReplicas = []
    if (state.lastKnownElr.length > 0) change.lastKnownElr = []
  }
  return Object.keys(change).length > 0 ? change : null
}
