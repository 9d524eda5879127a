/**
 * One client of a cluster, made of a consumer, a producer and an admin client that may have different credentials, as MirrorMaker 2 uses
 * them: the consumer reads records, the producer writes them, the admin client does the rest. A client that serves for all is returned as
 * it is.
 */
import type { Client } from '../../core/client/index.ts'
import type { ClientKind } from '../settings/client-settings.ts'

/** @param leaders whose metadata tells the leaders of topics: the consumer's at a source, the producer's at a target. */
export function clientByKind(clients: Readonly<Record<ClientKind, Client>>, leaders: 'consumer' | 'producer'): Client {
  const { consumer, producer, admin } = clients
  const all = new Set([consumer, producer, admin])
  if (all.size === 1) return admin
  return {
    get clusterId() {
      return admin.clusterId
    },
    send: (...given) => admin.send(...given),
    topic: (...given) => clients[leaders].topic(...given),
    topics: () => admin.topics(),
    producer: producer.producer,
    consumer: (settings) => consumer.consumer(settings),
    group: (settings) => consumer.group(settings),
    admin: admin.admin,
    raw(options) {
      const reader = consumer.raw(options)
      const writer = producer.raw(options)
      return {
        fetch: (...given) => reader.fetch(...given),
        produce: (...given) => writer.produce(...given),
        initProducerId: () => writer.initProducerId(),
        async close() {
          await Promise.all([reader.close(), writer.close()])
        },
      }
    },
    async close() {
      await Promise.all([...all].map((client) => client.close()))
    },
  }
}
