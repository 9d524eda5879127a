/**
 * The start of the cluster: this node loads the metadata of the folder, becomes its controller in a new epoch, registers as its broker, and
 * takes the lead of its partitions. What another node, a newer release or a damaged folder would need is refused with a sentence.
 */
import type { Logs } from '../log/types.ts'
import type { BrokerSettings } from '../settings.ts'
import type { System } from '../system/index.ts'
import { type NewMetadataRecord, recordVersion } from '../wire/metadata-records.ts'
import { ZERO_UUID } from '../wire/types.ts'
import {
  abortRecords,
  type BrokerIncarnation,
  bootstrapRecords,
  brokerRegistrations,
  controllerRegistration,
  takeoverRecords,
} from './activation.ts'
import { Controller } from './controller.ts'
import { checkMetadataVersion, METADATA_VERSION, supportedFeatures, unsupportedFeatures } from './features.ts'
import type { MetadataImage } from './image/metadata-image.ts'
import { partitionRecord } from './image/partition-state.ts'
import { bootstrapOf, type LoadedMetadata, loadMetadata } from './metadata-loader.ts'
import type { PartitionLogs, PartitionToOpen } from './partition-logs.ts'
import { encodeSnapshotFile } from './snapshot-file.ts'
import { FIRST_VOTERS } from './snapshots.ts'
import { checkStaticVoters, checkVoters, ownVoter, quorumControls } from './voters.ts'

export interface ActiveBroker {
  readonly controller: Controller
  readonly brokerEpoch: number
  readonly incarnation: BrokerIncarnation
  /** Opens the logs of the partitions that this node leads. */
  openLogs(partitionLogs: PartitionLogs): Promise<void>
}

export async function activate(settings: BrokerSettings, logs: Logs, system: System): Promise<ActiveBroker> {
  checkStaticVoters(settings)
  const loaded = await loadMetadata(settings, logs, system)
  const { image } = loaded.replay
  const { folder } = loaded.log
  const bootstrap = loaded.isEmpty ? bootstrapOf(logs.metadataDirectory.path, system) : []
  const metadataVersion = loaded.isEmpty ? levelIn(bootstrap) : image.metadataVersion
  checkMetadataVersion(metadataVersion, folder)
  checkBrokers(image, settings.nodeId, folder)
  const controller = await lead(loaded, metadataVersion, settings, logs, system)
  if (controller.hasOpenTransaction) await controller.write(abortRecords(), metadataVersion)
  await controller.write(bootstrapRecords(bootstrap, settings.values['min.insync.replicas']), metadataVersion)
  const unsupported = unsupportedFeatures(image.features)
  if (unsupported.length > 0)
    system.logger.warn(
      { features: unsupported },
      `features of the cluster that Tributary does not have are kept without an effect: ${unsupported.join(', ')}`,
    )
  return register(controller, settings, logs, system)
}

const levelIn = (records: readonly NewMetadataRecord[]): number => {
  const level = records.find((record) => record.type === 'FeatureLevelRecord' && record.name === METADATA_VERSION)
  return level?.type === 'FeatureLevelRecord'
    ? level.featureLevel
    : supportedFeatures.find(({ name }) => name === METADATA_VERSION)!.minVersion
}

function checkBrokers(image: MetadataImage, nodeId: number, folder: string): void {
  const others = [...image.brokers.keys()].filter((id) => id !== nodeId)
  if (others.length > 0)
    throw new Error(
      `${folder}: the cluster has broker ${others.join(', ')} besides this node, ${nodeId}. Tributary runs as the only one: ` +
        'move their partitions to this node and unregister them (kafka-reassign-partitions, kafka-cluster unregister) first',
    )
}

/** This node becomes the leader of the metadata log. The voters of a dynamic quorum are in its first batch where the log has others. */
async function lead(
  loaded: LoadedMetadata,
  metadataVersion: number,
  settings: BrokerSettings,
  logs: Logs,
  system: System,
): Promise<Controller> {
  const { log, snapshots, replay, kraftVersion } = loaded
  const { id: directoryId } = logs.metadataDirectory
  const own = ownVoter(settings, directoryId)
  const [stored] = replay.voters ?? []
  if (kraftVersion === 1 && replay.voters !== null) checkVoters(replay.voters, settings.nodeId, directoryId, log.folder)
  // A file without a controller listener says nothing about its address.
  const endpoints = stored && settings.controllerListeners.length === 0 ? stored.endpoints : own.endpoints
  // A static quorum knows no directories.
  const voter = { ...own, endpoints, voterDirectoryId: kraftVersion === 1 ? directoryId : ZERO_UUID }
  if (kraftVersion === 1 && loaded.isEmpty && !snapshots.hasFirstVoters) {
    const controls = quorumControls(voter)
    const now = system.clock.now()
    await snapshots.write(
      FIRST_VOTERS,
      encodeSnapshotFile({ epoch: 0, lastContainedLogTimestamp: now, timestamp: now, controls, records: [], metadataVersion }),
    )
  }
  const isNamed = log.endOffset > 0 && JSON.stringify(stored) === JSON.stringify(voter)
  await log.lead(kraftVersion, kraftVersion === 1 && !isNamed ? quorumControls(voter) : [])
  return new Controller(loaded, voter, settings, system)
}

async function register(controller: Controller, settings: BrokerSettings, logs: Logs, system: System): Promise<ActiveBroker> {
  const { image, metadataVersion } = controller
  const { nodeId } = settings
  const registered = image.brokers.get(nodeId)
  const isClean = wasClean(logs, registered?.brokerEpoch)
  // Kafka does not wait for the disk, and registers features that this release does not have.
  const wasKafka = registered?.features.some(({ name }) => !supportedFeatures.some((feature) => feature.name === name)) ?? false
  const mayHaveLostRecords = !isClean && (settings.values['log.flush'] === 'os' || wasKafka)
  await controller.write(controllerRegistration({ settings, incarnationId: system.random.uuid(), metadataVersion }))
  const incarnation: BrokerIncarnation = {
    // Ports that are chosen when the listeners open are registered afterwards.
    settings: { ...settings, listeners: [...settings.listeners] },
    incarnationId: system.random.uuid(),
    metadataVersion,
    brokerEpoch: controller.nextOffset,
    directories: logs.directories.map(({ id }) => id),
  }
  await controller.write(brokerRegistrations(incarnation))
  const { directories, brokerEpoch } = incarnation
  logs.brokerEpoch = brokerEpoch
  await controller.writeEach([
    ...takeoverRecords(image, {
      ...{ nodeId, metadataVersion, directories, mayHaveLostRecords },
      directoryOf: (topic, partition) => logs.directoryOf(topic, partition),
      newDirectory: () => logs.directoriesForNew(1)[0]!,
    }),
  ])
  const openLogs = (partitionLogs: PartitionLogs) => openLedLogs(controller, settings, partitionLogs, system)
  return { controller, brokerEpoch, incarnation, openLogs }
}

/** Kafka's rule: the incarnation that shut down is the one that is registered. Tributary 0.1 registered none. */
function wasClean(logs: Logs, registeredEpoch: number | undefined): boolean {
  return logs.directories.every(
    ({ wasClean, previousBrokerEpoch }) => wasClean && (registeredEpoch === undefined || previousBrokerEpoch === registeredEpoch),
  )
}

async function openLedLogs(
  controller: Controller,
  { nodeId }: BrokerSettings,
  partitionLogs: PartitionLogs,
  system: System,
): Promise<void> {
  const { image } = controller
  const led: PartitionToOpen[] = []
  const offline: string[] = []
  for (const topic of image.topics()) {
    for (let partition = 0; partition < topic.partitions; partition++) {
      const { leader, leaderEpoch, replicas, directories } = image.partitionState(topic.name, partition)!
      const directory = directories[replicas.indexOf(nodeId)] ?? ''
      if (leader === nodeId) led.push({ topic, partition, leaderEpoch, directory })
      else offline.push(`${topic.name}-${partition}`)
    }
  }
  if (offline.length > 0)
    system.logger.error(
      { partitions: offline },
      'partitions are offline: their log directory is none of log.dirs. Add it and restart, or delete their topics',
    )
  const opened = await partitionLogs.open(led)
  await controller.writeEach(led.flatMap((partition, index) => newerEpoch(controller, partition, opened[index]!.leaderEpoch)))
  for (const [index, { topic, partition }] of led.entries()) opened[index]!.lead(image.partitionState(topic.name, partition)!.leaderEpoch)
}

/** A log with a newer epoch than the controller's, as a copied folder may have: the partition gets one above both. */
function newerEpoch(
  { image, metadataVersion }: Controller,
  { topic, partition, leaderEpoch }: PartitionToOpen,
  found: number,
): NewMetadataRecord[] {
  if (found <= leaderEpoch) return []
  const state = image.partitionState(topic.name, partition)!
  const raised = { ...state, leaderEpoch: found + 1, partitionEpoch: state.partitionEpoch + 1 }
  return [partitionRecord(topic.id, partition, raised, recordVersion('PartitionRecord', metadataVersion)) as NewMetadataRecord]
}
