/**
 * A source that gives what a test tells it to: batches, the ends of its transactions, errors. Each value counts one in its position, so
 * that a test sees from where a task goes on.
 */
import { type Connector, defineConnector, defineSource, setting, sourceRecord } from '../../../connect/sdk/index.ts'
import { Condition } from '../../../core/system/condition.ts'

export interface Step {
  values?: readonly string[]
  /** What the source asks for after the batch… */
  end?: 'commit' | 'abort' | undefined
  /** …and then. */
  also?: 'commit' | 'abort'
  /** What it asks for after the record with this number. */
  ends?: Readonly<Record<number, 'commit' | 'abort'>>
  error?: Error
  /** Ignores everything until it resolves; then it gives `values`, whatever has happened. */
  hang?: () => Promise<void>
}

const partition = { source: 's' }

export class ScriptedSource {
  readonly connector: Connector = this.#declare()
  readonly #steps: Step[] = []
  readonly #given = new Condition()
  /** Where each run has begun. */
  readonly starts: number[] = []
  /** The values that it was told to be in Kafka, with their offsets. */
  readonly stored: (readonly [string, number])[] = []
  /** The values that it was told not to be in Kafka. */
  readonly rejected: string[] = []
  running = 0
  hanging = 0

  readonly #hasPositions: boolean

  /** Without positions it starts at 0 again. */
  constructor(hasPositions = true) {
    this.#hasPositions = hasPositions
  }

  give(step: Step): void {
    this.#steps.push(step)
    this.#given.notify()
  }

  #declare(): Connector {
    const script = this
    return defineConnector({
      name: 'scripted',
      doc: 'A source that a test drives.',
      source: defineSource({
        class: 'test.ScriptedSourceConnector',
        settings: {
          topic: setting.string({ doc: 'The topic.' }),
          support: setting.string({ default: 'supported', doc: 'What it answers to exactlyOnceSupport.' }),
          boundaries: setting.string({ default: 'supported', doc: 'What it answers to canDefineTransactionBoundaries.' }),
        },
        exactlyOnceSupport: ({ support }) => answer(support),
        canDefineTransactionBoundaries: ({ boundaries }) => answer(boundaries),
        async *read({ config, positions, signal, transaction }) {
          let n = Number((await positions.get(partition))?.n ?? 0)
          script.starts.push(n)
          script.running++
          try {
            for (;;) {
              await script.#given.until(() => script.#steps.length > 0, signal)
              if (signal.aborted) return
              const step = script.#steps.shift()!
              if (step.error) throw step.error
              if (step.hang) {
                script.hanging++
                await step.hang()
                script.hanging--
                if (signal.aborted && !step.values) return
                if (!step.values) continue
              }
              const first = n
              const records = (step.values ?? []).map((value) => sourceRecord({ topic: config.topic, partition: 0, value }))
              n += records.length
              for (const [number, end] of Object.entries(step.ends ?? {})) {
                const record = records[Number(number) - first - 1]!
                const after = { record, positions: [{ partition, offset: { n: Number(number) } }] }
                if (end === 'commit') transaction!.commitTransaction(after)
                else transaction!.abortTransaction(after)
              }
              for (const end of [step.end, step.also])
                if (end === 'commit') transaction!.commitTransaction()
                else if (end === 'abort') transaction!.abortTransaction()
              yield {
                records,
                positions: script.#hasPositions ? [{ partition, offset: { n } }] : [],
                stored: (index, at) => void script.stored.push([String(records[index]!.value), at.offset]),
                rejected: (index) => void script.rejected.push(String(records[index]!.value)),
              }
            }
          } finally {
            script.running--
          }
        },
      }),
    })
  }
}

function answer(text: string): 'supported' | 'unsupported' {
  if (text === 'fails') throw new Error('it cannot be told')
  return text as 'supported' | 'unsupported'
}
