/** Errors that mean that a cluster does not accept a client, or that its certificate is not trusted: only the user can resolve them. */
import { AuthenticationError } from '../core/client/index.ts'

/** How deep the causes of an error are searched. */
const MAX_CAUSES = 8

/** The AuthenticationError that is, or has caused, `error`; null where there is none. */
export function authenticationFailure(error: unknown): AuthenticationError | null {
  let current = error
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth++) {
    if (current instanceof AuthenticationError) return current
    current = current.cause
  }
  return null
}
