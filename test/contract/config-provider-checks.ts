/**
 * What every configuration provider keeps: it gives the values that were asked for and exist, and no others; it reads anew each time; its
 * errors are ConfigExceptions and say no value.
 */
import { expect } from 'vitest'
import type { Checks } from '../../connect/contract/index.ts'
import type { ConfigProvider } from '../../core/config-references/config-provider.ts'

export interface ConfigProviderSubject {
  readonly open: () => Promise<ConfigProvider>
  readonly path: string
  /** A path that cannot be read. */
  readonly unreadable: string
  /** Writes values where the path is. */
  readonly write: (values: Readonly<Record<string, string>>) => void | Promise<void>
}

const SECRET = 'the-secret-value'
const keys = (...names: string[]): ReadonlySet<string> => new Set(names)

export const configProviderChecks: Checks<ConfigProviderSubject> = {
  'gives the values that were asked for and exist': async ({ open, path, write }) => {
    await write({ CONTRACT_A: SECRET, CONTRACT_B: 'other' })
    const provider = await open()
    expect(Object.fromEntries(await provider.get(path, keys('CONTRACT_A', 'CONTRACT_NONE', 'constructor')))).toEqual({ CONTRACT_A: SECRET })
    expect((await provider.get(path, keys())).size).toBe(0)
  },
  'reads anew each time': async ({ open, path, write }) => {
    await write({ CONTRACT_A: 'before' })
    const provider = await open()
    expect((await provider.get(path, keys('CONTRACT_A'))).get('CONTRACT_A')).toBe('before')
    await write({ CONTRACT_A: 'after' })
    expect((await provider.get(path, keys('CONTRACT_A'))).get('CONTRACT_A')).toBe('after')
  },
  'a path that cannot be read gives nothing, or a ConfigException without a value': async ({ open, unreadable, write }) => {
    await write({ CONTRACT_A: SECRET })
    const provider = await open()
    const outcome = await provider.get(unreadable, keys('CONTRACT_A')).catch((error: unknown) => error as Error)
    if (!(outcome instanceof Error)) return expect([...outcome.values()]).toEqual([])
    expect(outcome.name).toBe('ConfigException')
    expect(outcome.message).not.toContain(SECRET)
  },
}
