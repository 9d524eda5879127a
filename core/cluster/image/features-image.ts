/**
 * The finalized features of the cluster. kraft.version is none of them: it lies in the control records of the log. Pure.
 */
import { type MetadataRecord, type MetadataRecordOf, MINIMUM_METADATA_VERSION } from '../../wire/metadata-records.ts'

export const METADATA_VERSION = 'metadata.version'
export const KRAFT_VERSION = 'kraft.version'

export class FeaturesImage {
  readonly #levels = new Map<string, number>()

  /** The level of each feature that is finalized above 0. */
  get levels(): ReadonlyMap<string, number> {
    return this.#levels
  }

  /** The lowest level that there is, until a record says which one is finalized. */
  get metadataVersion(): number {
    return this.#levels.get(METADATA_VERSION) ?? MINIMUM_METADATA_VERSION
  }

  set({ name, featureLevel }: MetadataRecordOf<'FeatureLevelRecord'>): void {
    if (name === KRAFT_VERSION) return
    if (featureLevel === 0) this.#levels.delete(name)
    else this.#levels.set(name, featureLevel)
  }

  /** metadata.version comes first: it says how the records after it are read. */
  *toRecords(): Iterable<MetadataRecord> {
    const finalized = this.#levels.get(METADATA_VERSION)
    if (finalized !== undefined) yield { type: 'FeatureLevelRecord', name: METADATA_VERSION, featureLevel: finalized }
    for (const [name, featureLevel] of this.#levels) if (name !== METADATA_VERSION) yield { type: 'FeatureLevelRecord', name, featureLevel }
  }
}
