/**
 * A client of one cluster: hands out producers, consumers, group members, raw access and the admin calls, which share its metadata and
 * its connections. Closing it closes them all, within a bounded time, and leaves no timer and no socket.
 */
import { AdminClient } from './admin.ts'
import { GroupConsumer } from './consumer/consumer.ts'
import { ClassicGroupMember } from './group-member.ts'
import { BatchingProducer } from './producer/producer.ts'
import { Raw } from './raw-batches.ts'
import { connectTcp } from './transport/connection.ts'
import type { Transport } from './transport/connection-pool.ts'
import { type ClientSystem, RequestRouter } from './transport/request-router.ts'
import type { Client, ClientSettings } from './types.ts'

export function createClient(settings: ClientSettings, system: ClientSystem, doors: Transport = { connect: connectTcp }): Client {
  const network = new RequestRouter(settings, system, doors)
  const parts = new Set<{ close(): Promise<void> }>()
  /** A part that closes by itself is let go of. */
  const keep = <T extends { close(): Promise<void> }>(part: T): T => {
    const close = part.close.bind(part)
    part.close = () => close().finally(() => parts.delete(part))
    parts.add(part)
    return part
  }
  let closing: Promise<void> | null = null
  return {
    get clusterId() {
      return network.metadata.clusterId !== null
        ? Promise.resolve(network.metadata.clusterId)
        : network.metadata.refresh([]).then(() => network.metadata.clusterId)
    },
    send: (target, api, request, options) => network.send(target, api, request, options),
    topic: (name, options) => network.metadata.topic(name, options),
    topics: () => network.metadata.topics(),
    producer: (given = {}) => keep(new BatchingProducer(network, given)),
    consumer: (given = {}) => keep(new GroupConsumer(network, given)),
    group: (given) => keep(new ClassicGroupMember(network, given)),
    admin: new AdminClient(network),
    raw: (given = {}) => keep(new Raw(network, given.allocate)),
    close() {
      closing ??= (async () => {
        const results = await Promise.allSettled([...parts].map((part) => part.close()))
        for (const result of results)
          if (result.status === 'rejected') system.logger.warn({ err: result.reason }, 'closing a part of the client failed')
        network.close()
      })()
      return closing
    },
  }
}
