/**
 * A client of one cluster: creates producers, consumers, group members, raw access and the admin client, which share its metadata and its
 * connections. Closing it closes them all within a bounded time, and leaves no timer and no socket.
 */
import { AdminClient } from './admin.ts'
import { GroupConsumer } from './consumer/consumer.ts'
import { ClassicGroupMember } from './group/group-member.ts'
import { BatchingProducer } from './producer/producer.ts'
import { TransactionalBatchingProducer } from './producer/transactional-producer.ts'
import { Raw } from './raw-batches.ts'
import type { Transport } from './transport/connection-pool.ts'
import { type ClientSystem, RequestRouter } from './transport/request-router.ts'
import { secureTransport } from './transport/secure-transport.ts'
import type { Client, ClientSettings, Producer, ProducerSettings, TransactionalProducer, TransactionalProducerSettings } from './types.ts'

/** @param transport in place of that of the security settings, for tests and simulations. */
export function createClient(
  settings: ClientSettings,
  system: ClientSystem,
  transport: Transport = secureTransport(settings.security ?? null, system),
): Client {
  const router = new RequestRouter(settings, system, transport)
  const parts = new Set<{ close(): Promise<void> }>()
  /** The client closes the part, unless the user has closed it before. */
  const closeWithClient = <T extends { close(): Promise<void> }>(part: T): T => {
    const close = part.close.bind(part)
    part.close = () => close().finally(() => parts.delete(part))
    parts.add(part)
    return part
  }
  function producer(producerSettings: TransactionalProducerSettings): TransactionalProducer
  function producer(producerSettings?: ProducerSettings): Producer
  function producer(producerSettings: ProducerSettings | TransactionalProducerSettings = {}): Producer {
    const transactional = 'transactionalId' in producerSettings && producerSettings.transactionalId !== undefined
    return closeWithClient(
      transactional ? new TransactionalBatchingProducer(router, producerSettings) : new BatchingProducer(router, producerSettings),
    )
  }
  let closing: Promise<void> | null = null
  return {
    get clusterId() {
      return router.metadata.clusterId !== null
        ? Promise.resolve(router.metadata.clusterId)
        : router.metadata.refresh([]).then(() => router.metadata.clusterId)
    },
    send: (target, api, request, options) => router.send(target, api, request, options),
    topic: (name, options) => router.metadata.topic(name, options),
    topics: () => router.metadata.topics(),
    producer,
    consumer: (consumerSettings = {}) => closeWithClient(new GroupConsumer(router, consumerSettings)),
    group: (memberSettings) => closeWithClient(new ClassicGroupMember(router, memberSettings)),
    admin: new AdminClient(router),
    raw: ({ allocate } = {}) => closeWithClient(new Raw(router, allocate)),
    close() {
      closing ??= (async () => {
        const results = await Promise.allSettled([...parts].map((part) => part.close()))
        for (const result of results)
          if (result.status === 'rejected')
            system.logger.warn({ err: result.reason }, 'a producer, consumer or group member of the client could not be closed')
        router.close()
        settings.security?.close()
      })()
      return closing
    },
  }
}
