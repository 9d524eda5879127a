/**
 * The metrics of the authorizer: how often it has allowed and denied what a client asked for, how many entries there are, and what the
 * audit log had no room for.
 */
import type { Metrics } from '../../system/metrics.ts'

export interface AuthorizerCounters {
  /** Questions whose answer a client notices: not those that only describe what is allowed. */
  readonly allowed: number
  readonly denied: number
  readonly entries: number
  readonly linesLeftOut: number
}

export function registerAuthorizerMetrics(metrics: Metrics, authorizer: { readonly counters: AuthorizerCounters }): void {
  const counter = (name: string, help: string, value: () => number) => metrics.counterOf({ name, help }, (set) => set(value()))
  counter('tributary_broker_authorizations_allowed_total', 'Operations on a resource that were allowed', () => authorizer.counters.allowed)
  counter('tributary_broker_authorizations_denied_total', 'Operations on a resource that were denied', () => authorizer.counters.denied)
  counter(
    'tributary_broker_audit_lines_left_out_total',
    'Decisions that the audit log had no room for',
    () => authorizer.counters.linesLeftOut,
  )
  const entries = { name: 'tributary_broker_access_control_entries', help: 'Access control list entries' }
  metrics.gauge(entries, (target) => target.set(authorizer.counters.entries))
}
