/**
 * The positions of Confluent's datagen connector: `{"task.id"}` to `{"task.generation", "current.iteration", "random.seed"}`, which are
 * the state before the next record. Of the seed only the 48 bits that count are kept, which a number of JSON holds.
 */
import type { SourceOffset, SourcePartition } from '../../connect/sdk/index.ts'

export interface GeneratorState {
  /** How often the task has been started before. */
  readonly generation: number
  /** How many records it has made. */
  readonly count: number
  readonly seed: number
  /**
   * How many values each iteration of the schema has given, in the schema's order; null where each has given one for each record, as all
   * outside of arrays, maps and unions have.
   */
  readonly iterations: readonly number[] | null
}

/** Of Kafka's own: an int, as the task's number. */
export const partitionOf = (task: number): SourcePartition => ({ 'task.id': task })

export function offsetOf({ generation, count, seed, iterations }: GeneratorState): SourceOffset {
  return {
    'task.generation': generation,
    'current.iteration': count,
    'random.seed': seed,
    ...(iterations && { iterations: iterations.join(',') }),
  }
}

/** Parses a stored offset. Throws where it is none of this connector. */
export function parseOffset(offset: SourceOffset): GeneratorState {
  const number = (name: string): number => {
    const value = offset[name]
    if (typeof value !== 'number' || !Number.isInteger(value))
      throw new Error(`The value for '${name}' in the offset must be a whole number`)
    return value
  }
  const [generation, count, seed] = [number('task.generation'), number('current.iteration'), number('random.seed')]
  if (generation < 0 || count < 0) throw new Error("'task.generation' and 'current.iteration' must not be negative")
  const { iterations = null } = offset
  if (iterations !== null && !/^\d+(,\d+)*$/.test(String(iterations)))
    throw new Error("The value for 'iterations' in the offset must be whole numbers, separated by commas")
  return { generation, count, seed, iterations: iterations === null ? null : String(iterations).split(',').map(Number) }
}

/** Validates positions that a user sets over REST. */
export function validatePositions(positions: readonly { partition: SourcePartition; offset: SourceOffset | null }[]): void {
  for (const { partition, offset } of positions) {
    // An invalid position can be deleted.
    if (offset === null) continue
    if (typeof partition['task.id'] !== 'number') throw new Error("Partition objects should contain the key 'task.id' with a number")
    parseOffset(offset)
  }
}
