/**
 * How many records of one schema the converters write and read in a second: those of the schema registry beside JsonConverter with
 * schemas. The registry is in this process and is asked once; the time is that of the conversion alone.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import avro from '../connect/converters/avro.ts'
import json from '../connect/converters/json.ts'
import jsonSchema from '../connect/converters/json-schema.ts'
import protobuf from '../connect/converters/protobuf.ts'
import { type ConverterDeclaration, parseSettings, SchemaPending, schemas } from '../connect/sdk/index.ts'
import { realSystem } from '../core/system/index.ts'
import { machine, machineLine } from './machine.ts'

const RECORDS = 200_000
const ROUNDS = 5
/** Records of which no two are the same. */
const DIFFERENT = 1_000

const schema = schemas.struct(
  {
    id: schemas.int64(),
    customer: schemas.string(),
    email: schemas.string({ optional: true }),
    price: schemas.decimal(2),
    at: schemas.timestamp(),
    quantity: schemas.int32(),
    paid: schemas.boolean(),
    weight: schemas.float64(),
    items: schemas.array(schemas.struct({ sku: schemas.string(), count: schemas.int32() }, { name: 'com.shop.Item' })),
  },
  { name: 'com.shop.Order', version: 1 },
)
const values = Array.from({ length: DIFFERENT }, (_, id) => ({
  id: 1_000_000 + id,
  customer: `Customer ${id}`,
  email: id % 3 === 0 ? null : `customer-${id}@example.com`,
  price: `${id}.95`,
  at: new Date(1_700_000_000_000 + id * 1000),
  quantity: id % 7,
  paid: id % 2 === 0,
  weight: id / 8,
  items: [
    { sku: `sku-${id}`, count: 1 },
    { sku: `sku-${id + 1}`, count: 2 },
  ],
}))

/** What converters ask of a registry: one id for each schema. */
function registry() {
  const known: { schema: string; schemaType: string }[] = []
  return createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    let id = Number(/ids\/(\d+)/.exec(request.url!)?.[1] ?? 0)
    if (id === 0) {
      const { schema: given, schemaType = 'AVRO' } = JSON.parse(text) as { schema: string; schemaType?: string }
      id = known.findIndex((one) => one.schema === given) + 1 || known.push({ schema: given, schemaType })
    }
    response.end(JSON.stringify({ id, version: 1, ...known[id - 1] }))
  })
}

async function settled<T>(work: () => T): Promise<T> {
  for (;;) {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof SchemaPending)) throw error
      await error.loaded
    }
  }
}

const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!

async function main() {
  const server = registry()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const system = realSystem('silent')
  const contenders = await Promise.all(
    // biome-ignore lint/suspicious/noExplicitAny: the settings of each are its own
    ([json, avro, jsonSchema, protobuf] as ConverterDeclaration<any>[]).map(async (declaration) => {
      const raw = { 'schema.registry.url': url }
      const converter = declaration.create(parseSettings(declaration.settings, raw), false, { system, raw })
      const bytes: Buffer[] = []
      for (const value of values) bytes.push((await settled(() => converter.fromConnect('orders', schema, value)))!)
      await settled(() => converter.toConnect('orders', bytes[0]!))
      return {
        name: declaration.class.slice(declaration.class.lastIndexOf('.') + 1),
        converter,
        bytes,
        writes: [] as number[],
        reads: [] as number[],
      }
    }),
  )
  server.close()
  const perSecond = (work: (index: number) => void) => {
    const start = performance.now()
    for (let index = 0; index < RECORDS; index++) work(index % DIFFERENT)
    return (RECORDS / (performance.now() - start)) * 1000
  }
  // Turn about: the machine is not as fast at all times.
  for (let round = 0; round < ROUNDS; round++)
    for (const { converter, bytes, writes, reads } of contenders) {
      writes.push(perSecond((index) => converter.fromConnect('orders', schema, values[index])))
      reads.push(perSecond((index) => converter.toConnect('orders', bytes[index]!)))
    }
  console.log(machineLine(machine()))
  const base = contenders[0]!
  for (const { name, bytes, writes, reads } of contenders) {
    const size = Math.round(bytes.reduce((sum, one) => sum + one.length, 0) / bytes.length)
    const show = (own: number[], other: number[]) =>
      `${Math.round(median(own)).toLocaleString('en')} records/s (× ${(median(own) / median(other)).toFixed(1)})`
    console.log(`${name}: ${size} bytes, written ${show(writes, base.writes)}, read ${show(reads, base.reads)}`)
  }
}

await main()
