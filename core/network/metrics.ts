/**
 * What the network room shows on /metrics. Counted as plain numbers on the hot path, read when somebody looks.
 */
import type { BrokerServices } from '../broker-services.ts'
import type { Metrics } from '../system/metrics.ts'
import type { SocketServer } from './socket-server.ts'

export function registerBrokerMetrics(metrics: Metrics, network: SocketServer, broker: BrokerServices): void {
  const show = (name: string, help: string, value: () => number) => metrics.gauge({ name, help }, (gauge) => gauge.set(value()))
  show('tributary_broker_connections', 'Open connections', () => network.connections)
  show('tributary_broker_requests_under_way', 'Requests that are not answered yet', () => network.requestsUnderWay)
  show('tributary_broker_fetches_waiting', 'Fetches that wait for records', () => broker.fetchPurgatory.size)
  show('tributary_broker_unsent_bytes', 'Bytes of answers that clients have not taken yet', () => network.counters.unsentBytes)
  const count = (name: string, help: string, value: () => number) => metrics.counterOf({ name, help }, (stands) => stands(value()))
  count('tributary_broker_received_bytes_total', 'Bytes received from clients', () => network.counters.bytesIn)
  count('tributary_broker_sent_bytes_total', 'Bytes sent to clients', () => network.counters.bytesOut)
  count(
    'tributary_broker_connections_closed_for_errors_total',
    'Connections closed because of what they sent',
    () => network.counters.closedForErrors,
  )
  metrics.counterOf({ name: 'tributary_broker_requests_total', help: 'Requests received, by API', labels: ['api'] }, (stands) => {
    for (const api of broker.apis) stands(network.counters.requests.get(api.key) ?? 0, { api: api.name })
  })
  metrics.gauge(
    { name: 'tributary_broker_partition_log_end_offset', help: 'End offset of each partition', labels: ['topic', 'partition'] },
    (gauge) => {
      gauge.reset()
      for (const log of broker.logs.all()) gauge.set({ topic: log.topic, partition: String(log.partition) }, log.logEndOffset)
    },
  )
}
