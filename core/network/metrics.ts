/**
 * The broker's metrics on /metrics, those of the log cleaner included. Counted as plain numbers on the hot path, and read when they are
 * scraped.
 */
import type { BrokerServices } from '../broker-services.ts'
import type { Metrics } from '../system/metrics.ts'
import type { SocketServer } from './socket-server.ts'

export function registerBrokerMetrics(metrics: Metrics, server: SocketServer, broker: BrokerServices): void {
  const gauge = (name: string, help: string, value: () => number) => metrics.gauge({ name, help }, (target) => target.set(value()))
  gauge('tributary_broker_connections', 'Open connections', () => server.connections)
  gauge('tributary_broker_requests_under_way', 'Requests in flight', () => server.requestsInFlight)
  gauge('tributary_broker_fetches_waiting', 'Fetches that wait for records', () => broker.fetchPurgatory.size)
  gauge('tributary_broker_unsent_bytes', 'Bytes of responses that are not sent yet', () => server.counters.unsentBytes)
  const { transactions } = broker
  gauge('tributary_broker_transactional_ids', 'Transactional ids in memory', () => transactions.counters.transactionalIds)
  gauge('tributary_broker_transactions_ongoing', 'Transactions that are not decided', () => transactions.counters.ongoing)
  gauge('tributary_broker_transaction_markers_pending', 'Markers to be written', () => transactions.counters.pendingMarkers)
  const counter = (name: string, help: string, value: () => number) => metrics.counterOf({ name, help }, (set) => set(value()))
  counter('tributary_broker_received_bytes_total', 'Bytes received from clients', () => server.counters.bytesIn)
  counter('tributary_broker_sent_bytes_total', 'Bytes sent to clients', () => server.counters.bytesOut)
  counter(
    'tributary_broker_connections_closed_for_errors_total',
    'Connections closed because of what they sent',
    () => server.counters.closedForErrors,
  )
  counter('tributary_broker_logins_total', 'Logins by SASL, renewals included', () => server.counters.loginsSucceeded)
  counter('tributary_broker_logins_failed_total', 'Logins by SASL that failed', () => server.counters.loginsFailed)
  counter('tributary_broker_tls_handshakes_failed_total', 'TLS handshakes that failed', () => server.counters.tlsHandshakesFailed)
  counter(
    'tributary_broker_transactions_timed_out_total',
    'Transactions aborted because of their timeout',
    () => transactions.counters.timedOut,
  )
  registerListenerMetrics(metrics, server)
  gauge(
    'tributary_broker_connection_accept_rate',
    'New connections per second that max.connection.creation.rate limits',
    () => server.acceptRate,
  )
  counter(
    'tributary_broker_connections_closed_for_limits_total',
    'Connections closed because max.connections was exceeded',
    () => server.closedForLimits,
  )
  registerCleanerMetrics(gauge, counter, broker)
  metrics.counterOf({ name: 'tributary_broker_requests_total', help: 'Requests received, by API', labels: ['api'] }, (set) => {
    for (const api of broker.apis) set(server.counters.requests.get(api.key) ?? 0, { api: api.name })
  })
  metrics.gauge(
    { name: 'tributary_broker_partition_log_end_offset', help: 'End offset of each partition', labels: ['topic', 'partition'] },
    (target) => {
      target.reset()
      for (const log of broker.logs.all()) target.set({ topic: log.topic, partition: String(log.partition) }, log.logEndOffset)
    },
  )
}

function registerListenerMetrics(metrics: Metrics, server: SocketServer): void {
  type Figures = ReturnType<SocketServer['listenerFigures']> extends Iterable<infer F> ? F : never
  const labels = ['listener']
  const gauge = (name: string, help: string, value: (figures: Figures) => number) =>
    metrics.gauge({ name: `tributary_listener_${name}`, help, labels }, (target) => {
      for (const figures of server.listenerFigures()) target.set({ listener: figures.listener }, value(figures))
    })
  const counter = (name: string, help: string, value: (figures: Figures) => number) =>
    metrics.counterOf({ name: `tributary_listener_${name}`, help, labels }, (set) => {
      for (const figures of server.listenerFigures()) set(value(figures), { listener: figures.listener })
    })
  gauge('connection_count', 'Open connections of a listener', ({ connections }) => connections)
  gauge('connection_accept_rate', 'New connections per second of a listener', ({ acceptRate }) => acceptRate)
  gauge('connections_waiting', 'Clients that wait to be accepted', ({ waiting }) => waiting)
  counter('connections_rejected_total', 'Clients closed at once: max.connections.per.ip, or too many wait', ({ rejected }) => rejected)
  counter('acceptor_blocked_seconds_total', 'Time in which no client could be accepted', ({ blockedMs }) => blockedMs / 1000)
  counter('connection_accept_throttled_total', 'Clients that waited for max.connection.creation.rate', ({ throttled }) => throttled)
  counter('connection_accept_throttle_time_seconds_total', 'Time that they waited', ({ throttleMs }) => throttleMs / 1000)
  counter('ip_connection_accept_throttled_total', 'Clients closed for connection_creation_rate of their address', (of) => of.ipThrottled)
  counter('ip_connection_accept_throttle_time_seconds_total', 'Time until they were closed', ({ ipThrottleMs }) => ipThrottleMs / 1000)
}

type Register = (name: string, help: string, value: () => number) => unknown

function registerCleanerMetrics(gauge: Register, counter: Register, { logs }: BrokerServices): void {
  counter('tributary_log_cleaner_runs_total', 'Cleanings of compacted logs', () => logs.cleaner.runs)
  counter('tributary_log_cleaner_read_bytes_total', 'Bytes that cleanings read', () => logs.cleaner.bytesRead)
  counter('tributary_log_cleaner_written_bytes_total', 'Bytes that cleanings wrote', () => logs.cleaner.bytesWritten)
  counter('tributary_log_cleaner_dead_threads_total', 'Cleaning threads that died', () => logs.cleaner.deadThreads)
  gauge('tributary_log_cleaner_last_run_seconds', 'Duration of the last cleaning', () => logs.cleaner.lastRunSeconds)
  gauge('tributary_log_cleaner_max_dirty_percent', 'Dirty share of the filthiest log', () => logs.cleaner.maxDirtyRatio * 100)
  gauge(
    'tributary_log_cleaner_max_compaction_delay_seconds',
    'By how much max.compaction.lag.ms is exceeded',
    () => logs.cleaner.maxCompactionDelayMs / 1000,
  )
  gauge(
    'tributary_log_cleaner_buffer_utilization_percent',
    'Share of the key table that the last cleaning used',
    () => logs.cleaner.mapUtilization * 100,
  )
  gauge(
    'tributary_log_cleaner_uncleanable_partitions',
    'Partitions that are not cleaned after an error',
    () => logs.cleaner.uncleanable.length,
  )
}
