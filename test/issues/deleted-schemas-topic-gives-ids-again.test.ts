/**
 * Goal: a registry whose topic was deleted while it runs answers what it has read, and writes nothing: a new topic would give ids a second
 * time, and one that the broker creates deletes schemas by their age. Method: deletes the topic under a running instance, on a broker that
 * creates missing topics, and creates it again.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ownRegistry, type RegistriesInProcess, registriesInProcess } from '../registry-in-process.ts'
import { until } from '../until.ts'

let registries: RegistriesInProcess
beforeAll(async () => {
  registries = await registriesInProcess({ 'auto.create.topics.enable': 'true' })
})
afterAll(() => registries.stop())

const fixed = (size: number) => ({ schema: JSON.stringify({ type: 'fixed', name: 'F', size }) })

test('schemas are read from memory, and none is written', async () => {
  const settings: Record<string, string> = { ...ownRegistry('deleted'), 'kafkastore.timeout.ms': '1000' }
  const topic = settings['kafkastore.topic']!
  const instance = await registries.start(settings)
  for (const size of [1, 2, 3]) expect((await instance.send('POST', `/subjects/s${size}/versions`, fixed(size))).body.id).toBe(size)

  await registries.client.admin.deleteTopics([topic])
  expect((await instance.send('POST', '/subjects/s4/versions', fixed(4))).status).toBe(500)
  await expect(registries.client.admin.describeTopicConfigs([topic])).rejects.toThrow('UNKNOWN_TOPIC_OR_PARTITION')

  const spec = { name: topic, partitions: 1, replicationFactor: 1, configs: { 'cleanup.policy': 'compact' } }
  await registries.client.admin.createTopics([spec])
  const answers: { error_code: number; message: string }[] = []
  await until(async () => {
    const { status, body } = await instance.send('POST', '/subjects/s5/versions', fixed(5))
    expect(status).toBe(500)
    answers.push(body)
    return body.error_code === 50001
  }, 'the instance knows that its topic is lost')
  expect(answers.at(-1)!.message).toContain(`The topic ${topic} was deleted or cut off while the registry ran`)
  expect((await instance.send('GET', '/schemas/ids/3')).body.schema).toBe(fixed(3).schema)
  expect((await instance.send('GET', '/subjects')).body).toEqual(['s1', 's2', 's3'])
  expect(instance.lines.filter(({ message }) => message.startsWith('The topic'))).toHaveLength(1)
  await instance.close()
})
