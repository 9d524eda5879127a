/**
 * Kafka's features: the levels that this release supports, the names of the metadata versions, and whether a cluster that finalized other
 * levels may be opened. Pure.
 */
import { MINIMUM_METADATA_VERSION } from '../wire/metadata-records.ts'
import { KRAFT_VERSION, METADATA_VERSION } from './image/features-image.ts'

export { KRAFT_VERSION, METADATA_VERSION }
export const TRANSACTION_VERSION = 'transaction.version'

export interface FeatureRange {
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
}

/** The newest metadata.version that this release reads and writes: that of Kafka 4.3. */
export const LATEST_METADATA_VERSION = 30

/** What this release supports, as registered with the controller and shown in ApiVersions. */
export const supportedFeatures: readonly FeatureRange[] = [
  { name: 'group.version', minVersion: 0, maxVersion: 0 },
  { name: KRAFT_VERSION, minVersion: 0, maxVersion: 1 },
  { name: METADATA_VERSION, minVersion: MINIMUM_METADATA_VERSION, maxVersion: LATEST_METADATA_VERSION },
  { name: TRANSACTION_VERSION, minVersion: 0, maxVersion: 2 },
]

/** Features of Kafka 4.3 that a folder may have finalized and this release does not have. */
export const knownFeatures: readonly FeatureRange[] = [
  { name: 'eligible.leader.replicas.version', minVersion: 0, maxVersion: 1 },
  { name: 'group.version', minVersion: 0, maxVersion: 1 },
  { name: 'share.version', minVersion: 0, maxVersion: 1 },
  { name: 'streams.version', minVersion: 0, maxVersion: 1 },
]

/** The levels that a new cluster of Tributary finalizes; others are 0. */
export const initialFeatures: Readonly<Record<string, number>> = {
  [METADATA_VERSION]: LATEST_METADATA_VERSION,
  [TRANSACTION_VERSION]: 2,
}

/** From level 7 on. */
const metadataVersionNames =
  `3.3-IV3 3.4-IV0 3.5-IV0 3.5-IV1 3.5-IV2 3.6-IV0 3.6-IV1 3.6-IV2 3.7-IV0 3.7-IV1 3.7-IV2 3.7-IV3 3.7-IV4 3.8-IV0
  3.9-IV0 4.0-IV0 4.0-IV1 4.0-IV2 4.0-IV3 4.1-IV0 4.1-IV1 4.2-IV0 4.2-IV1 4.3-IV0`.split(/\s+/)

export const metadataVersionName = (level: number): string => metadataVersionNames[level - MINIMUM_METADATA_VERSION] ?? String(level)

/** The level of a release such as `4.1` or of a version such as `4.0-IV1`; undefined where there is none. */
export function metadataVersionLevel(name: string): number | undefined {
  const exact = metadataVersionNames.indexOf(name)
  if (exact >= 0) return exact + MINIMUM_METADATA_VERSION
  const release = metadataVersionNames.findLastIndex((candidate) => candidate.startsWith(`${name}-IV`))
  return /^\d+\.\d+$/.test(name) && release >= 0 ? release + MINIMUM_METADATA_VERSION : undefined
}

/** All names, for messages. */
export const allMetadataVersionNames: readonly string[] = metadataVersionNames

/** What the metadata versions bring, as far as records depend on it. */
export const since = {
  /** BrokerRegistrationChange of version 1. */
  registrationChange: 10,
  scram: 11,
  metadataTransactions: 13,
  delegationTokens: 14,
  controllerRegistration: 15,
  directoryAssignment: 17,
  eligibleLeaderReplicas: 23,
  cordonedDirectories: 30,
} as const

/** The metadata versions that Kafka says change what the log holds: a downgrade past one of them might lose metadata. */
const changesMetadata: readonly number[] = [8, 11, 13, 14, 15, 17, 23, 30]

/** Whether Kafka refuses the downgrade from one level to another. */
export const losesMetadata = (from: number, to: number): boolean => changesMetadata.some((level) => level > to && level <= from)

/** Throws where the cluster has finalized a metadata.version that this release cannot read. */
export function checkMetadataVersion(level: number, folder: string): void {
  if (level < MINIMUM_METADATA_VERSION || level > LATEST_METADATA_VERSION)
    throw new Error(
      `${folder}: the cluster has finalized metadata.version ${level}, this release of Tributary supports ` +
        `${MINIMUM_METADATA_VERSION} (${metadataVersionName(MINIMUM_METADATA_VERSION)}) to ${LATEST_METADATA_VERSION} ` +
        `(${metadataVersionName(LATEST_METADATA_VERSION)}): ${
          level > LATEST_METADATA_VERSION
            ? 'downgrade it with kafka-features on Apache Kafka, or use a newer release of Tributary'
            : 'upgrade it with kafka-features on Apache Kafka first'
        }`,
    )
}

/** The finalized features at a level that this release does not have. */
export function unsupportedFeatures(finalized: ReadonlyMap<string, number>): string[] {
  const isSupported = (name: string, level: number) =>
    level === 0 || supportedFeatures.some((range) => range.name === name && level >= range.minVersion && level <= range.maxVersion)
  return [...finalized].filter(([name, level]) => !isSupported(name, level)).map(([name, level]) => `${name}=${level}`)
}
