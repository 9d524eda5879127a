/**
 * `super.users`: principals that may do everything, separated by semicolons since names of certificates have commas. Pure.
 */
export const superUsersOf = (value: string): ReadonlySet<string> =>
  new Set(
    value
      .split(';')
      .map((principal) => principal.trim())
      .filter((principal) => principal !== ''),
  )

/** Kafka's message for one that is no principal, or null. */
export function superUsersProblem(value: string): string | null {
  for (const principal of superUsersOf(value))
    if (!principal.includes(':')) return `expected a string in format principalType:principalName but got ${principal}`
  return null
}
