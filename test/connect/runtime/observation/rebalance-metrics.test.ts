/** Goal: the metrics of rebalances say how long they take and what the group is. Method: a clock that is set by hand. */
import { expect, test } from 'vitest'
import { RebalanceMetrics } from '../../../../connect/runtime/observation/rebalance-metrics.ts'
import { Metrics } from '../../../../core/system/metrics.ts'
import { DEFAULT_WINDOWS } from '../../../../core/system/windowed-stat.ts'
import { handClock } from '../../../hand-clock.ts'

test('a rebalance lasts from the first revocation to the assignment', async () => {
  const registry = new Metrics()
  const clock = handClock()
  const about = { leaderUrl: () => 'http://a:8083/', generation: () => 4, protocol: 'SESSIONED' }
  const metrics = new RebalanceMetrics(registry, clock.clock, DEFAULT_WINDOWS, about)
  expect(metrics.numbers().time_since_last_rebalance_ms).toBe(Number.POSITIVE_INFINITY)
  metrics.started()
  expect(metrics.numbers().rebalancing).toBe(1)
  clock.advance(30)
  metrics.started()
  clock.advance(10)
  metrics.completed()
  clock.advance(5)
  expect(metrics.numbers()).toEqual({
    epoch: 4,
    rebalancing: 0,
    rebalance_avg_time_ms: 40,
    rebalance_max_time_ms: 40,
    time_since_last_rebalance_ms: 5,
  })
  const text = await registry.text()
  expect(text).toContain('kafka_connect_connect_worker_rebalance_metrics_leader_name{leader_name="http://a:8083/"} 1')
  expect(text).toContain('kafka_connect_connect_worker_rebalance_metrics_connect_protocol{connect_protocol="SESSIONED"} 1')
})
