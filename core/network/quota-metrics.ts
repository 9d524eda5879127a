/**
 * Client quotas on /metrics, with Kafka's names of types and metrics: what each quota entity uses, and the mean of its throttle times. They
 * are read when they are scraped.
 */
import type { ClientQuotas } from '../quotas/client-quotas.ts'
import type { QuotaSensor } from '../quotas/quota-sensors.ts'
import type { Metrics } from '../system/metrics.ts'
import type { RequestThrottle } from './request-throttle.ts'

interface Reading {
  readonly type: string
  readonly sensor: QuotaSensor<unknown>
  readonly value: number
}

const LABELS = ['type', 'user', 'client_id']

export function registerQuotaMetrics(metrics: Metrics, quotas: ClientQuotas, throttle: RequestThrottle): void {
  const { produce, fetch, request, mutation, exemptRequestTime } = quotas
  const gauge = (name: string, help: string, read: () => Iterable<Reading>) =>
    metrics.gauge({ name, help, labels: LABELS }, (target) => {
      target.reset()
      for (const { type, sensor, value } of read()) target.set({ type, user: sensor.entity.user, client_id: sensor.entity.clientId }, value)
    })
  function* rates(type: string, { sensors }: typeof produce): Iterable<Reading> {
    for (const sensor of sensors.all()) yield { type, sensor, value: sensor.usage.rate(quotas.now()) }
  }
  gauge('tributary_quota_byte_rate', 'Bytes in a second, by quota entity', function* () {
    yield* rates('Produce', produce)
    yield* rates('Fetch', fetch)
  })
  gauge('tributary_quota_request_time', 'Percent of a thread that requests take, by quota entity', () => rates('Request', request))
  gauge('tributary_quota_mutation_rate', 'Partitions created and deleted in a second, by quota entity', function* () {
    for (const sensor of mutation.sensors.all()) yield { type: 'ControllerMutation', sensor, value: sensor.usage.rate.rate(quotas.now()) }
  })
  gauge('tributary_quota_tokens', 'Partitions that may be created and deleted at once, by quota entity', function* () {
    for (const sensor of mutation.sensors.all()) {
      const { limit, usage } = sensor
      if (Number.isFinite(limit)) yield { type: 'ControllerMutation', sensor, value: usage.bucket.tokens(limit, quotas.now()) }
    }
  })
  const types = { Produce: produce, Fetch: fetch, Request: request, ControllerMutation: mutation }
  gauge('tributary_quota_throttle_time', 'Mean of the throttle times in ms, by quota entity', function* () {
    for (const [type, { sensors }] of Object.entries(types))
      for (const sensor of sensors.all()) yield { type, sensor, value: sensor.throttleTimes.mean(quotas.now()) }
  })
  const total = (name: string, help: string, value: () => number) => metrics.gauge({ name, help }, (target) => target.set(value()))
  total('tributary_quota_exempt_request_time', 'Percent of a thread that requests without a quota take', () =>
    exemptRequestTime.rate(quotas.now()),
  )
  total('tributary_quota_throttled_connections', 'Connections that are throttled now', () => throttle.throttledConnections)
}
