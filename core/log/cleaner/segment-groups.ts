/**
 * Groups neighbouring segments so that each group becomes one segment after the cleaning: segments do not stay small because many cleanings
 * removed most of their records. Pure.
 */
const MAX_OFFSET_RANGE = 0x7fff_ffff

export interface GroupedSegment {
  readonly baseOffset: number
  readonly sizeBytes: number
  readonly indexBytes: number
  readonly timeIndexBytes: number
}

export interface GroupLimits {
  readonly segmentBytes: number
  readonly indexBytes: number
  /** The end of the last segment. */
  readonly endOffset: number
}

/** Groups in the order of the log. Their sums before the cleaning are within the limits, except that of a single segment. */
export function groupSegments<T extends GroupedSegment>(segments: readonly T[], limits: GroupLimits): T[][] {
  const groups: T[][] = []
  let sizeBytes = 0
  let indexBytes = 0
  let timeIndexBytes = 0
  segments.forEach((segment, index) => {
    const group = groups.at(-1)
    const lastOffset = (segments[index + 1]?.baseOffset ?? limits.endOffset) - 1
    const fits =
      group !== undefined &&
      sizeBytes + segment.sizeBytes <= limits.segmentBytes &&
      indexBytes + segment.indexBytes <= limits.indexBytes &&
      timeIndexBytes + segment.timeIndexBytes <= limits.indexBytes &&
      (segment.sizeBytes === 0 || lastOffset - group[0]!.baseOffset <= MAX_OFFSET_RANGE)
    if (fits) group.push(segment)
    else {
      groups.push([segment])
      sizeBytes = indexBytes = timeIndexBytes = 0
    }
    sizeBytes += segment.sizeBytes
    indexBytes += segment.indexBytes
    timeIndexBytes += segment.timeIndexBytes
  })
  return groups
}
