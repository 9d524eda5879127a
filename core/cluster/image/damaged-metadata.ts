/**
 * What the image throws where a record does not fit what the records before it have built: the metadata log is damaged, and to go on would
 * lose topics.
 */
export class DamagedMetadata extends Error {
  override name = 'DamagedMetadata'
}

export function metadataCheck(condition: unknown, sentence: string): asserts condition {
  if (!condition) throw new DamagedMetadata(`the metadata log is damaged: ${sentence}`)
}
