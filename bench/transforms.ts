/**
 * How many records in a second go through a chain of five transforms, from JSON with schemas to JSON with schemas? One thread, without a
 * worker around it, beside the classes of Kafka Connect in a JVM (bench/java/TransformChain.java), which does the same work.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { findPlugins } from '../connect/plugins.ts'
import { createConversion } from '../connect/runtime/conversion.ts'
import type { SinkRecord } from '../connect/sdk/index.ts'
import { realSystem } from '../core/system/index.ts'
import { kafkaScript } from '../test/peers/apache-kafka.ts'
import { KAFKA, TRIBUTARY, turnAbout } from './contenders.ts'
import { show } from './table.ts'

const WARM_UP_S = 4
const MEASURED_S = 5
const VALUES = 200

const kafka = (name: string) => `org.apache.kafka.connect.transforms.${name}`

/** A transform and its settings. */
export interface TransformSetup {
  readonly class: string
  readonly config: Readonly<Record<string, string>>
}

export const transforms: readonly TransformSetup[] = [
  { class: kafka('ReplaceField$Value'), config: { exclude: 'internal', renames: 'cust:customer' } },
  { class: kafka('InsertField$Value'), config: { 'static.field': 'region', 'static.value': 'eu', 'timestamp.field': 'received' } },
  { class: kafka('Cast$Value'), config: { spec: 'quantity:int64,price:float64' } },
  { class: kafka('TimestampConverter$Value'), config: { field: 'ordered', 'target.type': 'unix' } },
  { class: kafka('RegexRouter'), config: { regex: '(.*)', replacement: 'clean-$1' } },
]

const field = (name: string, type: string, more: Record<string, unknown> = {}) => ({ field: name, type, optional: false, ...more })
const schema = {
  type: 'struct',
  name: 'shop.Order',
  optional: false,
  fields: [
    field('id', 'int64'),
    field('cust', 'string'),
    field('email', 'string', { optional: true }),
    field('quantity', 'int32'),
    field('price', 'string'),
    field('paid', 'boolean'),
    field('ordered', 'int64', { name: 'org.apache.kafka.connect.data.Timestamp', version: 1 }),
    field('tags', 'array', { items: { type: 'string', optional: false } }),
    field('address', 'struct', {
      fields: [field('street', 'string'), field('city', 'string'), field('zip', 'string', { optional: true })],
    }),
    field('internal', 'string', { optional: true }),
  ],
}
/** Texts in JsonConverter's envelope. */
export const values = Array.from({ length: VALUES }, (_, i) =>
  JSON.stringify({
    schema,
    payload: {
      id: 1_000_000 + i,
      cust: `Customer number ${i}`,
      email: i % 3 === 0 ? null : `customer.${i}@example.org`,
      quantity: i % 17,
      price: `${(i * 7) % 1000}.${10 + (i % 90)}`,
      paid: i % 2 === 0,
      ordered: 1_700_000_000_000 + i * 1_000,
      tags: ['new', `tag-${i % 5}`],
      address: { street: `${i} Main Street`, city: 'Springfield', zip: i % 4 === 0 ? null : `${10_000 + i}` },
      internal: 'not for others',
    },
  }),
)

function perSecond(work: (index: number) => number, seconds: number): number {
  let checksum = 0
  let count = 0
  const startMs = performance.now()
  let elapsedS = 0
  while (elapsedS < seconds) {
    for (let i = 0; i < 1_000; i++) checksum += work(count++)
    elapsedS = (performance.now() - startMs) / 1_000
  }
  if (checksum === 42) console.error('a checksum that keeps the work')
  return count / elapsedS
}

/** The settings of a connector for its transforms. */
export function transformConfig(chain: readonly TransformSetup[]): Record<string, string> {
  const stages = chain.flatMap((transform, at) => [
    [`transforms.t${at}.type`, transform.class],
    ...Object.entries(transform.config).map(([name, value]) => [`transforms.t${at}.${name}`, value]),
  ])
  return { transforms: chain.map((_, at) => `t${at}`).join(','), ...Object.fromEntries(stages) }
}

async function ours(): Promise<number[]> {
  const config = transformConfig(transforms)
  const { transformations, value: converter } = createConversion(await findPlugins(), config, {}, realSystem('silent'))
  const bytes = values.map((value) => Buffer.from(value))
  const record = (index: number): SinkRecord => {
    const { schema: valueSchema, value } = converter.toConnect('orders', bytes[index % bytes.length]!)
    return recordOf(valueSchema, value)
  }
  const recordOf = (valueSchema: SinkRecord['valueSchema'], value: unknown): SinkRecord => ({
    topic: 'orders',
    partition: 0,
    offset: 0,
    timestamp: 1_700_000_000_000,
    timestampType: 'CreateTime',
    key: null,
    keySchema: null,
    value,
    valueSchema,
    headers: [],
  })
  const apply = (given: SinkRecord): SinkRecord => {
    let current = given
    for (const stage of transformations) current = stage.apply(current)!
    return current
  }
  const read = bytes.map((_, index) => record(index))
  const all = (index: number) => {
    const result = apply(record(index))
    return converter.fromConnect(result.topic, result.valueSchema, result.value)!.length
  }
  const converted = (index: number) => {
    const given = record(index)
    return converter.fromConnect('orders', given.valueSchema, given.value)!.length
  }
  const transformed = (index: number) => apply(read[index % read.length]!).topic.length
  return [all, converted, transformed].map((work) => {
    perSecond(work, WARM_UP_S)
    return perSecond(work, MEASURED_S)
  })
}

/** Compiles and runs the Java side. */
class KafkaConnect {
  readonly #folder = mkdtempSync(join(tmpdir(), 'bench-transforms-'))
  readonly #classPath: string
  readonly #input: string

  constructor() {
    const home = execFileSync(kafkaScript(), ['home'], { encoding: 'utf8' }).trim()
    this.#classPath = [this.#folder, join(home, 'libs', '*')].join(delimiter)
    this.#input = join(this.#folder, 'input.json')
    writeFileSync(this.#input, JSON.stringify({ transforms, values }))
    execFileSync('javac', ['-d', this.#folder, '-cp', this.#classPath, join(import.meta.dirname, 'java', 'TransformChain.java')])
  }

  measure(): number[] {
    const args = ['-Xms1G', '-Xmx1G', '-cp', this.#classPath, 'TransformChain', this.#input, `${WARM_UP_S}`, `${MEASURED_S}`]
    const stdio = ['ignore', 'pipe', 'ignore'] as const
    return execFileSync('java', args, { encoding: 'utf8', stdio: [...stdio] })
      .trim()
      .split(/\s+/)
      .slice(-3)
      .map(Number)
  }

  remove = (): void => rmSync(this.#folder, { recursive: true, force: true })
}

async function main(): Promise<void> {
  const theirs = new KafkaConnect()
  try {
    const rows = await turnAbout(async (side, comparison) => {
      const [all, converter, chain] = side === KAFKA ? theirs.measure() : await ours()
      comparison.add(side, 'JSON to JSON through five transforms, records/s', all!)
      comparison.add(side, 'the converter alone, records/s', converter!)
      comparison.add(side, 'the five transforms alone, records/s', chain!)
    })
    show(`How many records go through five transforms (${TRIBUTARY} beside ${KAFKA})?`, rows)
  } finally {
    theirs.remove()
  }
}

if (import.meta.main) await main()
