/**
 * Goal: /metrics shows what each quota entity uses, under Kafka's names. Method: recorded values, and the text of a scrape.
 */
import { expect, test } from 'vitest'
import { registerQuotaMetrics } from '../../../core/network/quota-metrics.ts'
import { RequestThrottle } from '../../../core/network/request-throttle.ts'
import { ClientQuotas } from '../../../core/quotas/client-quotas.ts'
import { Metrics } from '../../../core/system/metrics.ts'
import { TestClock } from '../groups/memory-store.ts'

test('rates, tokens and throttle times of the clients that were measured', async () => {
  const keys = ['producer_byte_rate', 'consumer_byte_rate', 'request_percentage', 'controller_mutation_rate']
  const entity = [{ entityType: 'user', entityName: null }]
  const source = {
    clientQuotas: () => [{ entity, quotas: Object.fromEntries(keys.map((key) => [key, 10])) }],
    onClientQuotasChanged: () => () => {},
  }
  const window = { samples: 11, sampleMs: 1000 }
  const quotas = new ClientQuotas(source, { rates: window, mutations: window }, new TestClock())
  const metrics = new Metrics()
  registerQuotaMetrics(metrics, quotas, new RequestThrottle(quotas))
  const client = { user: 'alice', clientId: 'app' }
  quotas.produce.record(client, 500, 0)
  quotas.fetch.record(client, 1000, 0)
  quotas.request.record(client, 25, 0)
  quotas.request.throttled(client, 300, 0)
  quotas.mutations({ peer: { principal: 'User:alice' }, clientId: 'app' }, true).record(60)
  quotas.exemptRequestTime.record(60, 0)
  const text = await metrics.text()
  const labels = (type: string) => `{type="${type}",user="alice",client_id=""}`
  for (const line of [
    `tributary_quota_byte_rate${labels('Produce')} 50`,
    `tributary_quota_byte_rate${labels('Fetch')} 100`,
    `tributary_quota_request_time${labels('Request')} 2.5`,
    `tributary_quota_mutation_rate${labels('ControllerMutation')} 2`,
    `tributary_quota_tokens${labels('ControllerMutation')} 50`,
    `tributary_quota_throttle_time${labels('Request')} 300`,
    `tributary_quota_throttle_time${labels('Produce')} 0`,
    'tributary_quota_exempt_request_time 2',
    'tributary_quota_throttled_connections 0',
  ])
    expect(text.split('\n')).toContain(line)
  quotas.close()
})
