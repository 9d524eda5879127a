/**
 * UpdateFeatures: which changes of finalized features the controller accepts, in Kafka's words. All of a request happen, or none. A
 * downgrade of metadata.version is accepted where Kafka says that it loses nothing. Pure.
 */
import { KafkaError } from '../errors.ts'
import type { NewMetadataRecord } from '../wire/metadata-records.ts'
import { KRAFT_VERSION, losesMetadata, METADATA_VERSION, supportedFeatures } from './features.ts'

/** Kafka's FeatureUpdate.UpgradeType. */
export const upgradeTypes = { upgrade: 1, safeDowngrade: 2, unsafeDowngrade: 3 } as const

export interface FeatureUpdate {
  readonly name: string
  /** 0 ends the feature. */
  readonly level: number
  readonly upgradeType: number
}

/** True where the log must name its voters: kraft.version lies in its control records, and in no record of the metadata. */
export const upgradesQuorum = (kraftVersion: number, updates: readonly FeatureUpdate[]): boolean =>
  updates.some(({ name, level }) => name === KRAFT_VERSION && level > kraftVersion)

/** Throws INVALID_UPDATE_VERSION or INVALID_REQUEST. */
export function featureUpdateRecords(
  nodeId: number,
  finalized: ReadonlyMap<string, number>,
  kraftVersion: number,
  updates: readonly FeatureUpdate[],
): NewMetadataRecord[] {
  const records: NewMetadataRecord[] = []
  for (const update of updates) {
    const current = update.name === KRAFT_VERSION ? kraftVersion : (finalized.get(update.name) ?? 0)
    checkUpdate(nodeId, update, current)
    if (update.level !== current && update.name !== KRAFT_VERSION)
      records.push({ type: 'FeatureLevelRecord', name: update.name, featureLevel: update.level })
  }
  return records
}

function checkUpdate(nodeId: number, { name, level, upgradeType }: FeatureUpdate, current: number): void {
  const refuse = (why: string): never => {
    throw new KafkaError('INVALID_UPDATE_VERSION', `The update failed for all features since the following feature had an error: ${why}`)
  }
  const fail = (why: string): never => refuse(`Invalid update version ${level} for feature ${name}. ${why}`)
  if (!(Object.values(upgradeTypes) as number[]).includes(upgradeType)) fail('The controller does not support the given upgrade type.')
  if (level < 0) fail('A feature version cannot be less than 0.')
  const range = supportedFeatures.find((feature) => feature.name === name)
  // A feature of the folder that this release does not have may be ended, and nothing else.
  if (!range && !(current > 0 && level === 0))
    fail(level === 0 ? `Feature ${name} not found.` : `Local controller ${nodeId} does not support this feature.`)
  if (range && (level < range.minVersion || level > range.maxVersion))
    fail(`Local controller ${nodeId} only supports versions ${range.minVersion}-${range.maxVersion}`)
  if (level < current && upgradeType === upgradeTypes.upgrade)
    fail("Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.")
  if (level > current && upgradeType !== upgradeTypes.upgrade) fail("Can't downgrade to a newer version.")
  if (level === current) return
  if (name === METADATA_VERSION && losesMetadata(current, level)) {
    const why =
      upgradeType === upgradeTypes.unsafeDowngrade
        ? 'Unsafe metadata downgrade is not supported in this version.'
        : 'Refusing to perform the requested downgrade because it might delete metadata information.'
    refuse(`Unsupported metadata.version downgrade from ${current} to ${level}. ${why}`)
  }
  if (name === KRAFT_VERSION && level < current) fail("Can't downgrade the version of this feature.")
}
