/**
 * What Apache Kafka 4.3 says of its features: the metadata.version from which a newly formatted cluster has a level of each, and what a
 * level depends on. They are the data of `kafka-storage version-mapping` and `feature-dependencies`. Pure.
 */
import {
  allMetadataVersionNames,
  KRAFT_VERSION,
  LATEST_METADATA_VERSION,
  METADATA_VERSION,
  metadataVersionLevel,
  metadataVersionName,
  TRANSACTION_VERSION,
} from './features.ts'

interface KafkaFeature {
  readonly name: string
  readonly maxLevel: number
  /** A new cluster has `defaultLevel` from this metadata.version on, and level 0 before it. */
  readonly defaultLevel: number
  readonly defaultSince: number
  /** By level: the metadata.version that it needs. */
  readonly needsMetadataVersion?: Readonly<Record<number, number>>
}

/** In the order in which kafka-storage names them, after metadata.version. */
const kafkaFeatures: readonly KafkaFeature[] = [
  { name: KRAFT_VERSION, maxLevel: 1, defaultLevel: 1, defaultSince: 21 },
  { name: TRANSACTION_VERSION, maxLevel: 2, defaultLevel: 2, defaultSince: 24 },
  { name: 'group.version', maxLevel: 1, defaultLevel: 1, defaultSince: 22 },
  { name: 'eligible.leader.replicas.version', maxLevel: 1, defaultLevel: 1, defaultSince: 26, needsMetadataVersion: { 1: 23 } },
  { name: 'share.version', maxLevel: 1, defaultLevel: 1, defaultSince: 28 },
  { name: 'streams.version', maxLevel: 1, defaultLevel: 1, defaultSince: 29 },
]

/** The levels of a cluster that Apache Kafka formats at `metadataVersion`, those at 0 and kraft.version included. */
export const defaultLevels = (metadataVersion: number): ReadonlyMap<string, number> =>
  new Map(kafkaFeatures.map(({ name, defaultLevel, defaultSince }) => [name, metadataVersion >= defaultSince ? defaultLevel : 0]))

/** The lines of `kafka-storage version-mapping`; without `release` those of the newest. Throws Kafka's sentence for an unknown one. */
export function versionMapping(release = metadataVersionName(LATEST_METADATA_VERSION)): string[] {
  const level = metadataVersionLevel(release)
  if (level === undefined) throw unknownMetadataVersion(release)
  return [`${METADATA_VERSION}=${level} (${release})`, ...[...defaultLevels(level)].map(([feature, of]) => `${feature}=${of}`)]
}

export const unknownMetadataVersion = (name: string): Error =>
  new Error(`Unknown metadata.version '${name}'. Supported metadata.version are: ${allMetadataVersionNames.join(', ')}`)

/** The lines of `kafka-storage feature-dependencies` for one `name=level`. Throws Kafka's sentence for an unknown feature or level. */
export function featureDependencies(argument: string): string[] {
  const [, feature = '', text = ''] = /^([^=]+)=(\d+)$/.exec(argument) ?? []
  if (text === '') throw new Error(`Can't parse feature=level string ${argument}: level not found`)
  const level = Number(text)
  if (feature === METADATA_VERSION) return [`${feature}=${level} (${metadataVersionName(level)}) has no dependencies.`]
  const known = kafkaFeatures.find(({ name }) => name === feature)
  if (!known) throw new Error(`Unknown feature: ${feature}`)
  if (level < 0 || level > known.maxLevel) throw new Error(`Feature level ${level} is not supported for feature ${feature}`)
  const needed = known.needsMetadataVersion?.[level]
  if (needed === undefined) return [`${feature}=${level} has no dependencies.`]
  return [`${feature}=${level} requires:`, `    ${METADATA_VERSION}=${needed} (${metadataVersionName(needed)})`]
}
