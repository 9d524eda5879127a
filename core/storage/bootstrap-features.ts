/**
 * The feature levels of a newly formatted cluster, from the flags of `kafka-storage format`: `--release-version` and `--feature`. Levels
 * that this release does not have are refused. Pure.
 */
import { defaultLevels, unknownMetadataVersion } from '../cluster/feature-levels.ts'
import {
  initialFeatures,
  KRAFT_VERSION,
  knownFeatures,
  METADATA_VERSION,
  metadataVersionLevel,
  metadataVersionName,
  supportedFeatures,
  TRANSACTION_VERSION,
} from '../cluster/features.ts'

const ranges = new Map([...knownFeatures, ...supportedFeatures].map((range) => [range.name, range]))

export interface BootstrapFeatures {
  /** In the order in which they are written; without those at level 0. */
  readonly levels: ReadonlyMap<string, number>
  readonly kraftVersion: number | null
}

/** Throws Kafka's sentence for an unknown release or feature, and one for a feature that this release does not have. */
export function bootstrapFeatures(release: string | undefined, features: readonly string[]): BootstrapFeatures {
  const given = new Map(features.map(parseFeature))
  const releaseLevel = release === undefined ? undefined : metadataVersionLevel(release)
  if (release !== undefined && releaseLevel === undefined) throw unknownMetadataVersion(release)
  const named = given.get(METADATA_VERSION)
  if (release !== undefined && named !== undefined) throw new Error('Use only one of --release-version and --feature metadata.version.')
  const metadataVersion = named ?? releaseLevel ?? initialFeatures[METADATA_VERSION]!
  const levels = new Map([[METADATA_VERSION, metadataVersion]])
  const transactionVersion = given.get(TRANSACTION_VERSION) ?? defaultLevels(metadataVersion).get(TRANSACTION_VERSION)!
  const all = new Map([...given, [TRANSACTION_VERSION, transactionVersion]])
  for (const [name, level] of [...all].sort(([a], [b]) => (a < b ? -1 : 1)))
    if (level > 0 && name !== METADATA_VERSION && name !== KRAFT_VERSION) levels.set(name, level)
  return { levels, kraftVersion: given.get(KRAFT_VERSION) ?? null }
}

function parseFeature(argument: string): [string, number] {
  const [name = '', text = '', ...rest] = argument.split('=')
  const level = Number(text)
  if (rest.length > 0 || text.trim() === '' || !Number.isInteger(level))
    throw new Error(`Can't parse feature=level string ${argument}: level not found`)
  const range = ranges.get(name)
  if (!range) throw new Error(`Unsupported feature: ${name}. Supported features are: ${[...ranges.keys()].sort().join(', ')}`)
  const supported = supportedFeatures.find((feature) => feature.name === name) ?? { ...range, minVersion: 0, maxVersion: 0 }
  if (level >= supported.minVersion && level <= supported.maxVersion) return [name, level]
  const isNewer = level >= range.minVersion && level <= range.maxVersion
  throw new Error(
    isNewer
      ? `Tributary does not have ${name}=${level}: use ${name}=${supported.maxVersion}`
      : `No feature:${name} with feature level ${level}${name === METADATA_VERSION ? `, the newest is ${supported.maxVersion} (${metadataVersionName(supported.maxVersion)})` : ''}`,
  )
}
