/**
 * The records of a task, a batch at a time. Each position holds all that the next record depends on, so that a task goes on after any of
 * them with the record that would have come.
 */
import { type Header, type SourceBatch, type SourceContext, type SourceRecord, schemas } from '../../connect/sdk/index.ts'
import { Generator } from './generator.ts'
import { JavaRandom } from './java-random.ts'
import { type GeneratorState, offsetOf, parseOffset, partitionOf } from './position.ts'
import { type DatagenConfig, recordSchema } from './settings.ts'

const INT64 = schemas.int64()
/** The key's schema where there is no key. */
const NO_KEY = schemas.string({ optional: true })
/** The seeds that Java's generator tells apart. */
const SEEDS = 2 ** 48
/** A batch ends with the record that makes it larger than so many items, characters and bytes (Invariant 13). */
const MAX_BATCH_SIZE = 16_000_000

/** The stored state, as that of the next start of the task; else that of random.seed, or of any seed. */
export async function firstState({ config, positions, task }: SourceContext<DatagenConfig>): Promise<GeneratorState> {
  const stored = await positions.get(partitionOf(task))
  if (stored) return parseOffset(stored)
  const given = config['random.seed']
  let seed = given ?? Math.floor(Math.random() * SEEDS)
  // Each task has data of its own.
  if (given !== null) for (let before = 0; before < task; before++) seed = new JavaRandom(seed).nextSeed()
  return { generation: 0, count: 0, seed, iterations: null }
}

export class GeneratedRecords {
  readonly #context: SourceContext<DatagenConfig>
  readonly #schema: ReturnType<typeof recordSchema>
  readonly #generator: Generator
  readonly #random: JavaRandom
  readonly #generation: number
  count: number

  constructor(context: SourceContext<DatagenConfig>, state: GeneratorState) {
    this.#context = context
    this.#schema = recordSchema(context.config)
    this.#random = new JavaRandom(state.seed)
    this.#generator = new Generator(this.#schema.type, this.#schema.schema, this.#random)
    this.#generation = state.generation
    this.count = state.count
    this.#generator.iterations.forEach((iteration, index) => {
      iteration.count = state.iterations?.[index] ?? state.count
    })
  }

  /** One record at least, and `many` where they are not too large together. */
  next(many: number): SourceBatch {
    const records: SourceRecord[] = []
    let seed = 0
    let size = 0
    for (let index = 0; index < many && size < MAX_BATCH_SIZE; index++) {
      records.push(this.#record())
      size += this.#generator.size
      // The position has the seed, so each record begins with one.
      seed = this.#random.nextSeed()
      this.#random.seed(seed)
    }
    const counts = this.#generator.iterations.map((iteration) => iteration.count)
    const iterations = counts.every((count) => count === this.count) ? null : counts
    const state = { generation: this.#generation + 1, count: this.count, seed, iterations }
    return { records, positions: [{ partition: partitionOf(this.#context.task), offset: offsetOf(state) }] }
  }

  #record(): SourceRecord {
    const { schema, keyField } = this.#schema
    const value = this.#generator.generate()
    const header = (key: string, number: number): Header => ({ key, value: number, schema: INT64 })
    const headers = [
      header('task.generation', this.#generation),
      header('task.id', this.#context.task),
      header('current.iteration', this.count++),
    ]
    return {
      topic: this.#context.config['kafka.topic'],
      partition: null,
      key: keyField ? (value as Record<string, unknown>)[keyField.name] : null,
      keySchema: keyField?.schema ?? NO_KEY,
      value,
      valueSchema: schema,
      timestamp: null,
      headers,
    }
  }
}
