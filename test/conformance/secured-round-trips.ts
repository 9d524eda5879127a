/**
 * What a client of others must be able to do at a secured listener: log in, create a topic, produce one record and consume it. One
 * function for each client, which gives the value that it has consumed; `untilDone` produces until the test has seen enough.
 */
import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import kafkajs from 'kafkajs'
import { clientSecurity, createClient } from '../../core/client/index.ts'
import { realSystem } from '../../core/system/index.ts'
import { librdkafka } from '../librdkafka.ts'
import { until } from '../until.ts'

export interface Password {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  readonly user: string
  readonly password: string
}

/** Tokens: those clients that cannot ask a token endpoint themselves call `token`. */
export interface Bearer {
  readonly mechanism: 'OAUTHBEARER'
  token(): Promise<string>
  readonly endpoint: string
  readonly clientId: string
  readonly clientSecret: string
}

export interface SecuredLogin {
  /** host:port */
  readonly address: string
  readonly tls: {
    readonly ca: string
    readonly caFile: string
    readonly key: string
    readonly cert: string
    readonly certFile: string
  } | null
  readonly sasl: Password | Bearer | null
}

/** Whether to go on producing; the first record is always produced. */
type More = () => boolean
const once: More = () => false

export type RoundTrip = (login: SecuredLogin, topic: string, more?: More) => Promise<string>

const pause = () => new Promise((resolve) => setTimeout(resolve, 50))

const kafkajsSasl = (sasl: Password | Bearer) =>
  sasl.mechanism === 'OAUTHBEARER'
    ? { mechanism: 'oauthbearer' as const, oauthBearerProvider: async () => ({ value: await sasl.token() }) }
    : { mechanism: sasl.mechanism.toLowerCase() as 'plain', username: sasl.user, password: sasl.password }

export const viaKafkajs: RoundTrip = async ({ address, tls, sasl }, topic, more = once) => {
  const { Kafka, logLevel } = kafkajs
  const kafka = new Kafka({
    brokers: [address],
    logLevel: logLevel.NOTHING,
    retry: { retries: 1 },
    // By default ten seconds before the end of a session, which is more than the sessions of these tests have.
    reauthenticationThreshold: 1_000,
    ...(tls && { ssl: { ca: tls.ca, key: tls.key, cert: tls.cert } }),
    ...(sasl && { sasl: kafkajsSasl(sasl) }),
  })
  const [admin, producer, consumer] = [kafka.admin(), kafka.producer(), kafka.consumer({ groupId: topic })]
  try {
    await admin.connect()
    await admin.createTopics({ topics: [{ topic }] })
    await producer.connect()
    do {
      await producer.send({ topic, messages: [{ value: 'by kafkajs' }] })
      await pause()
    } while (more())
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    return await new Promise<string>((resolve, reject) => {
      consumer.run({ eachMessage: async ({ message }) => resolve(message.value!.toString()) }).catch(reject)
    })
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect(), consumer.disconnect()])
  }
}

const platformaticSasl = (sasl: Password | Bearer) =>
  sasl.mechanism === 'OAUTHBEARER'
    ? { mechanism: sasl.mechanism, token: () => sasl.token() }
    : { mechanism: sasl.mechanism, username: sasl.user, password: sasl.password }

export const viaPlatformatic: RoundTrip = async ({ address, tls, sasl }, topic, more = once) => {
  const base = {
    clientId: 'platformatic',
    bootstrapBrokers: [address],
    retries: 1,
    ...(tls && { tls: { ca: tls.ca, key: tls.key, cert: tls.cert } }),
    ...(sasl && { sasl: platformaticSasl(sasl) }),
  }
  const admin = new Admin(base)
  const producer = new Producer({ ...base, serializers: stringSerializers })
  const consumer = new Consumer({ ...base, groupId: topic, deserializers: stringDeserializers })
  try {
    await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 })
    do {
      await producer.send({ messages: [{ topic, value: 'by platformatic' }] })
      await pause()
    } while (more())
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

const protocolOf = ({ tls, sasl }: SecuredLogin) => `${sasl ? 'SASL_' : ''}${tls ? 'SSL' : 'PLAINTEXT'}`

const librdkafkaSasl = (sasl: Password | Bearer): Record<string, string> =>
  sasl.mechanism === 'OAUTHBEARER'
    ? {
        'sasl.mechanisms': sasl.mechanism,
        'sasl.oauthbearer.method': 'oidc',
        'sasl.oauthbearer.token.endpoint.url': sasl.endpoint,
        'sasl.oauthbearer.client.id': sasl.clientId,
        'sasl.oauthbearer.client.secret': sasl.clientSecret,
      }
    : { 'sasl.mechanisms': sasl.mechanism, 'sasl.username': sasl.user, 'sasl.password': sasl.password }

export const viaLibrdkafka: RoundTrip = async (login, topic, more = once) => {
  const { KafkaClient } = await librdkafka()
  const { address, tls, sasl } = login
  const kafka = new KafkaClient({
    brokers: address,
    clientId: 'librdkafka',
    logLevel: 'error',
    configuration: {
      'security.protocol': protocolOf(login).toLowerCase(),
      ...(tls && { 'ssl.ca.location': tls.caFile, 'ssl.key.pem': tls.key, 'ssl.certificate.pem': tls.cert }),
      ...(sasl && librdkafkaSasl(sasl)),
      'message.timeout.ms': '10000',
    },
  })
  const consumer = kafka.createConsumer({ groupId: topic, configuration: { 'auto.offset.reset': 'earliest' } })
  try {
    await consumer.subscribe([{ topic, createTopic: true, numPartitions: 1, replicas: 1 }])
    const producer = kafka.createProducer({ configuration: {} })
    do {
      const sent = await producer.send({ topic, messages: [{ payload: Buffer.from('by librdkafka') }] })
      if (sent[0]?.error) throw new Error(sent[0].error.message)
      await pause()
    } while (more())
    for (;;) {
      const [message] = await consumer.recvBatch(1, 1000)
      if (message) return message.payload.toString()
    }
  } finally {
    await consumer.disconnect()
  }
}

const PACKAGE = 'org.apache.kafka.common.security'

const ourSasl = (sasl: Password | Bearer): Record<string, string> =>
  sasl.mechanism === 'OAUTHBEARER'
    ? {
        'sasl.mechanism': sasl.mechanism,
        'sasl.jaas.config': `${PACKAGE}.oauthbearer.OAuthBearerLoginModule required;`,
        'sasl.login.callback.handler.class': `${PACKAGE}.oauthbearer.OAuthBearerLoginCallbackHandler`,
        'sasl.oauthbearer.token.endpoint.url': sasl.endpoint,
        ...(!sasl.endpoint.startsWith('file:') && {
          'sasl.oauthbearer.client.credentials.client.id': sasl.clientId,
          'sasl.oauthbearer.client.credentials.client.secret': sasl.clientSecret,
        }),
      }
    : {
        'sasl.mechanism': sasl.mechanism,
        'sasl.jaas.config': `${PACKAGE}.${sasl.mechanism === 'PLAIN' ? 'plain.Plain' : 'scram.Scram'}LoginModule required username="${sasl.user}" password="${sasl.password}";`,
      }

export const viaTributary: RoundTrip = async (login, topic, more = once) => {
  const { address, tls, sasl } = login
  const settings = {
    'security.protocol': protocolOf(login),
    ...(tls && {
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': tls.caFile,
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': tls.certFile,
    }),
    ...(sasl && ourSasl(sasl)),
  }
  const system = realSystem('silent')
  const allowed = { 'org.apache.kafka.sasl.oauthbearer.allowed.urls': sasl?.mechanism === 'OAUTHBEARER' ? sasl.endpoint : '' }
  const security = clientSecurity(settings, system, allowed)
  const client = createClient({ bootstrapServers: address, clientId: 'tributary', security }, system)
  try {
    await client.admin.createTopics([{ name: topic, partitions: 1, replicationFactor: 1 }])
    do {
      await client.producer().send([{ topic, key: null, value: Buffer.from('by tributary') }])
      await pause()
    } while (more())
    const consumer = client.consumer()
    consumer.assign([{ topic, partition: 0, offset: 'earliest' }])
    const batch = await until(async () => (await consumer.poll(200))[0], 'the record')
    return batch!.records[0]!.value!.toString()
  } finally {
    await client.close()
  }
}

export const roundTrips = [
  ['kafkajs', viaKafkajs],
  ['platformatic', viaPlatformatic],
  ['librdkafka', viaLibrdkafka],
  ['tributary', viaTributary],
] as const
