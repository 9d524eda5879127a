/**
 * Errors of the database about a query that is masked: Postgres quotes parts of it, so only the SQLSTATE is told.
 */
import type { QuerySourceConfig } from './settings.ts'

const SQLSTATE = /^[0-9A-Z]{5}$/

/** The error, or one without the query's text where that is masked. */
export function withoutMaskedQuery(config: QuerySourceConfig, error: Error): Error {
  const code = String((error.cause as { code?: unknown } | undefined)?.code ?? '')
  if (!config['query.masked'] || !SQLSTATE.test(code)) return error
  return new Error(
    `The masked query fails at the database with SQLSTATE ${code}. What Postgres says is left out, because it quotes the query.`,
  )
}
