/**
 * Goal: instances of the registry on a real broker: they elect a leader, forward writes to it, read what was written, go on when the
 * leader is gone, and take over the topic of Confluent's registry as it is. Method: instances in this process with their REST APIs; the
 * topic is read and written with a client of its own.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ownRegistry, type RegistriesInProcess, type RegistryInstance, registriesInProcess } from '../registry-in-process.ts'
import { until } from '../until.ts'
import { avroRecord } from './registry-in-memory.ts'

let registries: RegistriesInProcess
beforeAll(async () => {
  registries = await registriesInProcess()
})
afterAll(() => registries.stop())

const versionsOf = (subject: string) => `/subjects/${subject}/versions`
const schema = (...fields: readonly string[]) => ({ schema: avroRecord(...fields) })

/** All records of a topic, in order. */
async function records(topic: string): Promise<[key: string, value: string | null][]> {
  const consumer = registries.client.consumer({ autoOffsetReset: 'earliest' })
  const [end] = await registries.client.admin.listOffsets([{ topic, partition: 0, spec: 'latest' }])
  consumer.assign([{ topic, partition: 0, offset: 'earliest' }])
  const found: [string, string | null][] = []
  await until(async () => {
    for (const batch of await consumer.poll(100))
      for (const { key, value } of batch.records) found.push([key!.toString(), value?.toString() ?? null])
    return (consumer.position({ topic, partition: 0 }) ?? 0) >= end!.offset
  }, `${topic} is read`)
  await consumer.close()
  return found
}

async function write(topic: string, lines: readonly (readonly [string, string | null])[]): Promise<void> {
  const producer = registries.client.producer({ acks: 'all' })
  await producer.send(
    lines.map(([key, value]) => ({ topic, partition: 0, key: Buffer.from(key), value: value === null ? null : Buffer.from(value) })),
  )
  await producer.close()
}

describe('one instance', () => {
  test('what it writes is on the topic in the format of Confluent, and is there after a restart', async () => {
    const settings = ownRegistry('one')
    const first = await registries.start(settings)
    expect((await first.send('POST', versionsOf('a'), schema('x'))).body).toMatchObject({ id: 1, version: 1 })
    await first.send('PUT', '/config/a', { compatibility: 'NONE' })
    await first.close()
    expect((await records(settings['kafkastore.topic']!)).filter(([key]) => !key.includes('NOOP'))).toEqual([
      [
        '{"keytype":"SCHEMA","subject":"a","version":1,"magic":1}',
        JSON.stringify({ subject: 'a', version: 1, id: 1, schema: avroRecord('x'), deleted: false }),
      ],
      ['{"keytype":"CONFIG","subject":"a","magic":0}', '{"subject":"a","compatibilityLevel":"NONE"}'],
    ])
    const second = await registries.start(settings)
    expect((await second.send('GET', '/schemas/ids/1')).body.schema).toBe(avroRecord('x'))
    expect((await second.send('GET', '/config/a')).body).toEqual({ compatibilityLevel: 'NONE' })
    expect((await second.send('POST', versionsOf('a'), schema('y'))).body).toMatchObject({ id: 2, version: 2 })
    await second.close()
  })

  test('requests at the same time get different ids, and the same schema gets one', async () => {
    const instance = await registries.start(ownRegistry('many'))
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => instance.send('POST', versionsOf(`s${index}`), schema(`f${index % 20}`))),
    )
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    const ids = new Map<string, Set<number>>()
    for (const { body } of answers) ids.set(body.schema, (ids.get(body.schema) ?? new Set()).add(body.id))
    expect([...ids.values()].map((all) => all.size)).toEqual(Array(20).fill(1))
    expect([...new Set(answers.map(({ body }) => body.id))].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 1),
    )
    await instance.close()
  })

  test('a topic that would lose schemas is refused', async () => {
    await registries.client.admin.createTopics([
      { name: 'by-age', partitions: 1, replicationFactor: 1, configs: { 'cleanup.policy': 'delete' } },
      { name: 'of-two', partitions: 2, replicationFactor: 1, configs: { 'cleanup.policy': 'compact' } },
    ])
    await expect(registries.start({ ...ownRegistry('bad'), 'kafkastore.topic': 'by-age' })).rejects.toThrow(
      "Expected cleanup.policy to be 'compact' but it is delete",
    )
    await expect(registries.start({ ...ownRegistry('bad'), 'kafkastore.topic': 'of-two' })).rejects.toThrow('should have only 1 partition')
  })

  test('a schema that the topic does not take is too large', async () => {
    const topic = ownRegistry('small')['kafkastore.topic']!
    await registries.client.admin.createTopics([
      { name: topic, partitions: 1, replicationFactor: 1, configs: { 'cleanup.policy': 'compact', 'max.message.bytes': '2000' } },
    ])
    const instance = await registries.start(ownRegistry('small'))
    const large = schema(...Array.from({ length: 200 }, (_, index) => `field_${index}`))
    expect((await instance.send('POST', versionsOf('a'), large)).body).toEqual({
      error_code: 42209,
      message: 'Register operation failed because schema is too large',
    })
    expect((await instance.send('POST', versionsOf('a'), schema('x'))).body).toMatchObject({ id: 1 })
    await instance.close()
  })
})

describe('two instances', () => {
  const leaderOf = (instances: readonly RegistryInstance[]) => instances.find(({ registry }) => registry.leads)
  const both = async (settings: Readonly<Record<string, string>>) => {
    const instances = [await registries.start(settings), await registries.start(settings)]
    await until(() => instances.filter(({ registry }) => registry.leads).length === 1, 'one instance leads')
    const leader = leaderOf(instances)!
    return { leader, follower: instances.find((one) => one !== leader)! }
  }

  test('a follower forwards writes to the leader, and reads what it has written', async () => {
    const { leader, follower } = await both(ownRegistry('two'))
    for (let number = 1; number <= 20; number++) {
      const { body } = await follower.send('POST', versionsOf(`s${number}`), schema(`f${number}`))
      expect(body.id).toBe(number)
      expect((await follower.send('GET', `/subjects/s${number}/versions/1`)).body.id).toBe(number)
      expect((await leader.send('GET', `/schemas/ids/${number}`)).status).toBe(200)
    }
    expect((await follower.send('PUT', '/config/s1', { compatibility: 'NOPE' })).body.error_code).toBe(42203)
    expect((await follower.send('DELETE', '/subjects/s1')).body).toEqual([1])
    expect((await follower.send('GET', '/subjects/s1/versions')).body.error_code).toBe(40401)
    // A request that was forwarded once is not forwarded again.
    const again = await follower.send('POST', versionsOf('z'), schema('z'), { 'x-forward': 'true' })
    expect(again.body).toEqual({ error_code: 50004, message: 'Leader not known.' })
    await Promise.all([leader.close(), follower.close()])
  })

  test('when the leader is gone the other one leads, and ids go on', async () => {
    const { leader, follower } = await both(ownRegistry('gone'))
    expect((await follower.send('POST', versionsOf('a'), schema('x'))).body.id).toBe(1)
    await leader.close()
    await until(() => follower.registry.leads, 'the other instance leads', 30_000)
    expect((await follower.send('POST', versionsOf('a'), schema('x', 'y?'))).body).toMatchObject({ id: 2, version: 2 })
    await follower.close()
  })

  test('writes at the same time to all instances, while the leader leaves: one id for each schema, nothing is lost, and none fails elsewhere', async () => {
    const settings = ownRegistry('race')
    const { leader, follower } = await both(settings)
    const third = await registries.start(settings)
    const instances = [leader, follower, third]
    const acknowledged = new Map<string, Set<string>>()
    const failures: unknown[] = []
    let writes = 0
    let isOver = false
    const writer = async (seed: number) => {
      for (let turn = seed; !isOver; turn++) {
        const [subject, name] = [`s${turn % 5}`, `f${(turn * 7) % 60}`]
        const instance = instances[(turn + Math.floor(turn / 60)) % instances.length]!
        const made = await instance.send('POST', versionsOf(subject), schema(`${name}?`)).catch(() => null)
        if (made?.status !== 200) {
          if (instance !== leader) failures.push(made?.body)
          continue
        }
        writes++
        const key = `${subject} ${name}`
        acknowledged.set(key, (acknowledged.get(key) ?? new Set()).add(`${made.body.id}/${made.body.version}`))
        // Where it was written, it is read.
        const read = await instance.send('GET', `/subjects/${subject}/versions/${made.body.version}`).catch(() => null)
        if (read) expect(read.body.id).toBe(made.body.id)
      }
    }
    const writers = Array.from({ length: 6 }, (_, seed) => writer(seed * 11))
    await until(() => acknowledged.size > 20, 'writes were acknowledged', 30_000)
    await leader.close()
    await until(() => follower.registry.leads || third.registry.leads, 'another instance leads', 30_000)
    const before = writes
    await until(() => writes > before + 20, 'writes go on', 30_000)
    isOver = true
    await Promise.all(writers)
    expect(failures).toEqual([])
    const ids = new Map<string, Set<string>>()
    for (const [key, answers] of acknowledged) {
      expect([...answers], key).toHaveLength(1)
      const name = key.split(' ')[1]!
      ids.set(name, (ids.get(name) ?? new Set()).add([...answers][0]!.split('/')[0]!))
    }
    expect([...ids.values()].every(({ size }) => size === 1)).toBe(true)
    expect(new Set([...ids.values()].flatMap((each) => [...each])).size).toBe(ids.size)
    await Promise.all([follower.close(), third.close()])
  }, 120_000)

  test('an instance that may not lead serves reads, and says that nobody leads', async () => {
    const settings = { ...ownRegistry('never'), 'leader.eligibility': 'false' }
    const instance = await registries.start(settings)
    expect((await instance.send('GET', '/subjects')).body).toEqual([])
    expect((await instance.send('POST', versionsOf('a'), schema('x'))).body.error_code).toBe(50004)
    await instance.close()
  })
})

describe("the topic of Confluent's registry", () => {
  const confluent = [
    ['{"keytype":"CONFIG","subject":null,"magic":0}', '{"subject":null,"compatibilityLevel":"FULL"}'],
    ['{"keytype":"NOOP","magic":0}', null],
    [
      '{"keytype":"SCHEMA","subject":"a-value","version":1,"magic":1}',
      '{"subject":"a-value","version":1,"id":1,"schemaType":"AVRO","schema":"\\"string\\"","deleted":true}',
    ],
    ['{"keytype":"DELETE_SUBJECT","subject":"a-value","magic":0}', '{"subject":"a-value","version":1}'],
    [
      '{"keytype":"SCHEMA","subject":"b-value","version":3,"magic":1}',
      '{"subject":"b-value","version":3,"id":12,"schema":"{\\"type\\":\\"record\\",\\"name\\":\\"R\\",\\"fields\\":[]}","deleted":false}',
    ],
    ['{"keytype":"CONTEXT","tenant":"default","context":".dev","magic":0}', '{"tenant":"default","context":".dev"}'],
    [
      '{"keytype":"SCHEMA","subject":":.dev:c","version":1,"magic":1}',
      '{"subject":":.dev:c","version":1,"id":1,"schema":"\\"long\\"","deleted":false}',
    ],
    ['{"keytype":"LATER","tenant":"default","resourceName":"x","magic":0}', '{"guid":"g"}'],
    ['{"keytype":"MODE","subject":"b-value","magic":0}', '{"subject":"b-value","mode":"READONLY"}'],
  ] as const

  test('is taken over as it is, and can be given back', async () => {
    const settings = ownRegistry('confluent')
    const topic = settings['kafkastore.topic']!
    await registries.client.admin.createTopics([
      { name: topic, partitions: 1, replicationFactor: 1, configs: { 'cleanup.policy': 'compact' } },
    ])
    await write(topic, confluent)
    const instance = await registries.start(settings)
    expect((await instance.send('GET', '/subjects?deleted=true')).body).toEqual([':.dev:c', 'a-value', 'b-value'])
    expect((await instance.send('GET', '/subjects')).body).toEqual([':.dev:c', 'b-value'])
    expect((await instance.send('GET', '/config')).body).toEqual({ compatibilityLevel: 'FULL' })
    expect((await instance.send('GET', '/subjects/b-value/versions/latest')).body).toMatchObject({ version: 3, id: 12 })
    expect((await instance.send('GET', '/schemas/ids/1')).body).toMatchObject({ schema: '"string"', deleted: true })
    expect((await instance.send('POST', versionsOf('b-value'), schema('x'))).body.error_code).toBe(42205)
    expect((await instance.send('POST', versionsOf('a-value'), { schema: '"string"' })).body).toMatchObject({ id: 1, version: 2 })
    expect((await instance.send('POST', versionsOf('c-value'), schema('x'))).body).toMatchObject({ id: 13, version: 1 })
    // The global config has a key with a null subject there: the new key must not leave it behind.
    await instance.send('PUT', '/config', { compatibility: 'NONE' })
    await instance.close()
    const written = (await records(topic)).slice(confluent.length).filter(([key]) => !key.includes('NOOP'))
    expect(written.slice(-2)).toEqual([
      ['{"keytype":"CONFIG","subject":null,"magic":0}', null],
      ['{"keytype":"CONFIG","magic":0}', '{"compatibilityLevel":"NONE"}'],
    ])
  })

  test('two schemas with one id: the first one counts, and the leader replaces the other', async () => {
    const settings = ownRegistry('duplicate')
    const topic = settings['kafkastore.topic']!
    const instance = await registries.start(settings)
    await instance.send('POST', versionsOf('a'), { schema: '"string"' })
    await write(topic, [
      [
        '{"keytype":"SCHEMA","subject":"b","version":1,"magic":1}',
        '{"subject":"b","version":1,"id":1,"schema":"\\"long\\"","deleted":false}',
      ],
    ])
    await until(
      async () => (await records(topic)).at(-1)?.[1] === null,
      'the leader has written a tombstone for the schema whose id is taken',
    )
    expect((await records(topic)).at(-1)).toEqual(['{"keytype":"SCHEMA","subject":"b","version":1,"magic":1}', null])
    expect((await instance.send('GET', '/subjects')).body).toEqual(['a'])
    await instance.close()
  })

  test('what cannot be read is reported and left out', async () => {
    const settings = ownRegistry('unreadable')
    const instance = await registries.start(settings)
    await write(settings['kafkastore.topic']!, [['{"keytype":"MODE","subject":"a","magic":0}', '{"mode":"OFF"}']])
    await until(() => instance.lines.some(({ message }) => message.includes('cannot be read and is ignored')), 'the record is reported')
    expect((await instance.send('POST', versionsOf('a'), schema('x'))).status).toBe(200)
    await instance.close()
  })
})
