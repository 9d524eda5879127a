/**
 * The scene that the actors of a workload share: the topics, the history that they write, and how far the workload is. Writers go on while
 * `writing`; readers until they have read the last record of every partition, or the scene is `over`.
 */
import { OpenOperation, type Operation, type PlacedRecord } from './history.ts'

export const topics = { events: 3, input: 2, copies: 2 } as const
export type Topic = keyof typeof topics

export const keyOf = (topic: string, partition: number): string => `${topic}-${partition}`
export const partitionsOf = (topic: Topic): number[] => Array.from({ length: topics[topic] }, (_, partition) => partition)
export const keysOf = (...of: Topic[]): string[] => of.flatMap((topic) => partitionsOf(topic).map((partition) => keyOf(topic, partition)))

/** The value of the record that ends a partition. */
export const lastValue = (key: string): string => `the last of ${key}`

export class Scene {
  readonly bootstrap: string
  readonly random: () => number
  readonly operations: Operation[] = []
  writing = true
  over = false

  constructor(bootstrap: string, random: () => number) {
    this.bootstrap = bootstrap
    this.random = random
  }

  begin(process: string, transactional = false): OpenOperation {
    return new OpenOperation(process, transactional, this.operations)
  }

  /** From `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.random() * (most - least + 1))
  }

  among<T>(values: readonly T[]): T {
    return values[Math.floor(this.random() * values.length)]!
  }
}

/** Whether a reader has read the last record of each of its keys. */
export class Progress {
  readonly #missing: Set<string>

  constructor(keys: readonly string[]) {
    this.#missing = new Set(keys)
  }

  add(records: readonly PlacedRecord[]): void {
    for (const { key, value } of records) if (value === lastValue(key)) this.#missing.delete(key)
  }

  get isDone(): boolean {
    return this.#missing.size === 0
  }
}
