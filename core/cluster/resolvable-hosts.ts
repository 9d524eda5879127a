/**
 * Which names of hosts have an address now. All names of one request share a limit of time; those that it does not reach have none.
 */
import type { System } from '../system/index.ts'
import { within } from '../system/within.ts'

export const LOOKUP_LIMIT_MS = 10_000

export async function resolvableHosts(
  names: Iterable<string>,
  { hostNames, clock }: Pick<System, 'hostNames' | 'clock'>,
): Promise<ReadonlySet<string>> {
  const resolvable = new Set<string>()
  const deadline = clock.monotonic() + LOOKUP_LIMIT_MS
  for (const name of names) {
    const remainingMs = deadline - clock.monotonic()
    if (remainingMs <= 0) break
    const lookup = hostNames.address(name).then((address) => {
      if (address !== null) resolvable.add(name)
    })
    if (!(await within(clock, remainingMs, lookup))) break
  }
  // A copy: a late answer changes nothing.
  return new Set(resolvable)
}
