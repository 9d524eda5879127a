/**
 * Errors of the database about a query that is masked: Postgres quotes parts of it, so only the SQLSTATE is told.
 */
import { isSqlState } from '../postgres-driver/sql-state.ts'
import type { QuerySourceConfig } from './settings.ts'

/** The error, or one without the query's text where that is masked. */
export function withoutMaskedQuery(config: QuerySourceConfig, error: Error): Error {
  const { code } = (error.cause ?? {}) as { code?: string }
  if (!config['query.masked'] || !isSqlState(code)) return error
  return new Error(
    `The masked query fails at the database with SQLSTATE ${code}. What Postgres says is left out, because it quotes the query.`,
  )
}
