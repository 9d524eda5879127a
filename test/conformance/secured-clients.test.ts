/**
 * Goal: clients of others log in to secured listeners unchanged: by SCRAM and PLAIN over TLS, by PLAIN without it, by a certificate; a
 * wrong password is told as such. Method: each client creates a topic, produces and consumes.
 */
import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import alterScram from '../../core/apis/51-alter-user-scram-credentials.ts'
import { saltedPasswordSync, scramAlgorithms } from '../../core/security/sasl/scram-mechanism.ts'
import { type BrokerInProcess, brokerInProcess } from '../broker-in-process.ts'
import { librdkafka } from '../librdkafka.ts'
import { type SecuredListener, type SecuredListeners, securedListenersIn } from '../secured-listeners.ts'

let secured: SecuredListeners
let broker: BrokerInProcess

beforeAll(async () => {
  secured = securedListenersIn()
  broker = await brokerInProcess(secured.properties)
  const admin = await broker.client()
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
    const salt = Buffer.from('0123456789abcdef')
    const saltedPassword = saltedPasswordSync(mechanism, 'carol-secret', salt, 4096)
    const upsertion = { name: 'carol', mechanism: scramAlgorithms[mechanism].type, iterations: 4096, salt, saltedPassword }
    const { results } = await admin.send(alterScram, 0, { deletions: [], upsertions: [upsertion] })
    expect(results[0]!.errorCode).toBe(0)
  }
})

afterAll(async () => {
  await broker.stop()
  secured.remove()
})

const addressOf = (listener: SecuredListener) =>
  `localhost:${broker.broker.addresses.find((address) => address.listener === listener)!.port}`

interface Login {
  readonly name: string
  readonly listener: SecuredListener
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | null
  readonly user: string
  readonly password: string
}

const login = (listener: SecuredListener, mechanism: Login['mechanism'], user = '', password = `${user}-secret`): Login => ({
  name: `${listener}${mechanism ? ` with ${mechanism}` : ''}`,
  ...{ listener, mechanism, user, password },
})

const logins = [
  login('SASL_SSL', 'SCRAM-SHA-512', 'carol'),
  login('SASL_SSL', 'SCRAM-SHA-256', 'carol'),
  login('SASL_SSL', 'PLAIN', 'alice'),
  login('SASL_PLAINTEXT', 'PLAIN', 'bob'),
  login('MTLS', null),
]

/** Produces one record to a new topic and gives what it consumes. */
type RoundTrip = (login: Login, topic: string) => Promise<string>

const usesTls = ({ listener }: Login) => listener !== 'SASL_PLAINTEXT'

const viaKafkajs: RoundTrip = async (options, topic) => {
  const { Kafka, logLevel } = kafkajs
  const { user: username, password } = options
  const mechanism = options.mechanism?.toLowerCase() as 'plain'
  const kafka = new Kafka({
    brokers: [addressOf(options.listener)],
    logLevel: logLevel.NOTHING,
    retry: { retries: 1 },
    ...(usesTls(options) && {
      ssl: { ca: secured.authority.certificate, key: secured.client.key, cert: secured.client.certificate },
    }),
    ...(options.mechanism && { sasl: { mechanism, username, password } }),
  })
  const [admin, producer, consumer] = [kafka.admin(), kafka.producer(), kafka.consumer({ groupId: topic })]
  try {
    await admin.connect()
    await admin.createTopics({ topics: [{ topic }] })
    await producer.connect()
    await producer.send({ topic, messages: [{ value: 'by kafkajs' }] })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    return await new Promise<string>((resolve, reject) => {
      consumer.run({ eachMessage: async ({ message }) => resolve(message.value!.toString()) }).catch(reject)
    })
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect(), consumer.disconnect()])
  }
}

const viaPlatformatic: RoundTrip = async (options, topic) => {
  const { user: username, password, mechanism } = options
  const base = {
    clientId: 'platformatic',
    bootstrapBrokers: [addressOf(options.listener)],
    retries: 1,
    ...(usesTls(options) && {
      tls: { ca: secured.authority.certificate, key: secured.client.key, cert: secured.client.certificate },
    }),
    ...(mechanism && { sasl: { mechanism, username, password } }),
  }
  const admin = new Admin(base)
  const producer = new Producer({ ...base, serializers: stringSerializers })
  const consumer = new Consumer({ ...base, groupId: topic, deserializers: stringDeserializers })
  try {
    await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 })
    await producer.send({ messages: [{ topic, value: 'by platformatic' }] })
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest' })
    for await (const { value } of stream) {
      await stream.close()
      return value
    }
    throw new Error('the stream ended')
  } finally {
    await Promise.all([admin.close(), producer.close(), consumer.close(true)])
  }
}

const viaLibrdkafka: RoundTrip = async (options, topic) => {
  const { KafkaClient } = await librdkafka()
  const { listener, mechanism, user, password } = options
  const kafka = new KafkaClient({
    brokers: addressOf(listener),
    clientId: 'librdkafka',
    logLevel: 'error',
    configuration: {
      'security.protocol': listener === 'MTLS' ? 'ssl' : listener.toLowerCase(),
      ...(usesTls(options) && {
        'ssl.ca.location': secured.caFile,
        'ssl.key.pem': secured.client.key,
        'ssl.certificate.pem': secured.client.certificate,
      }),
      ...(mechanism && { 'sasl.mechanisms': mechanism, 'sasl.username': user, 'sasl.password': password }),
      'message.timeout.ms': '10000',
    },
  })
  const consumer = kafka.createConsumer({ groupId: topic, configuration: { 'auto.offset.reset': 'earliest' } })
  await consumer.subscribe([{ topic, createTopic: true, numPartitions: 1, replicas: 1 }])
  const producer = kafka.createProducer({ configuration: {} })
  const sent = await producer.send({ topic, messages: [{ payload: Buffer.from('by librdkafka') }] })
  if (sent[0]?.error) throw new Error(sent[0].error.message)
  try {
    for (;;) {
      const [message] = await consumer.recvBatch(1, 1000)
      if (message) return message.payload.toString()
    }
  } finally {
    await consumer.disconnect()
  }
}

describe.each([
  ['kafkajs', viaKafkajs],
  ['platformatic', viaPlatformatic],
  ['librdkafka', viaLibrdkafka],
] as const)('%s', (client, roundTrip) => {
  test.each(logins)('logs in to $name', async (options) => {
    const topic = `${client}-${options.name}`.replace(/[^a-zA-Z0-9-]/g, '-')
    expect(await roundTrip(options, topic)).toBe(`by ${client}`)
  })
})

/** Of an error, of its causes and of those that it collects. */
const messagesOf = (error: unknown): string[] => {
  if (!(error instanceof Error)) return []
  const { errors = [] } = error as { errors?: unknown[] }
  return [error.message, ...messagesOf(error.cause), ...errors.flatMap(messagesOf)]
}

test.each([
  ['kafkajs', viaKafkajs],
  ['platformatic', viaPlatformatic],
] as const)('%s: a wrong password is told as such', async (_, roundTrip) => {
  const error: unknown = await roundTrip(login('SASL_SSL', 'PLAIN', 'alice', 'wrong'), 'refused').then(
    () => expect.fail('it worked'),
    (thrown) => thrown,
  )
  expect(messagesOf(error).join('\n')).toMatch(/authentication/i)
})
