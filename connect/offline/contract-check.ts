/**
 * Checks whether the plugins at a path keep the contract of their kinds, in a thread of its own for each package or module: a plugin that
 * computes for ever, or ends its process, is a finding like any other.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { System } from '../../core/system/index.ts'
import { type PluginLocation, pluginLocations } from '../plugins/plugin-path.ts'
import { PluginThread } from '../runtime/isolation/plugin-thread.ts'
import type { CheckedPlugin } from '../runtime/isolation/thread-messages.ts'

const UNRESPONSIVE_MS = 10_000
const MAX_HEAP_MB = 512
/** Beside the package.json of a package, or its module's export `fixtures`. */
const fixtureFiles = ['contract.js', 'contract.mjs', 'contract.cjs', 'contract.ts', 'contract.mts']

/** What the checks say of one package or module. */
export interface ContractResult {
  readonly path: string
  readonly plugins: readonly CheckedPlugin[]
  /** Why its plugins, or the rest of the checks, could not be run; null where they were. */
  readonly problem: string | null
}

/** `path` is a module, a package, or a folder of them. */
export async function checkContract(path: string, system: System, signal?: AbortSignal): Promise<readonly ContractResult[]> {
  const results: ContractResult[] = []
  for (const location of await pluginLocations(system.disk, path)) {
    if (signal?.aborted) break
    results.push(await checkOne(location, system, signal))
  }
  return results
}

async function checkOne({ path, module, problem }: PluginLocation, system: System, signal?: AbortSignal): Promise<ContractResult> {
  if (module === null) return { path, plugins: [], problem }
  const file = fixtureFiles.map((name) => join(path, name)).find((each) => system.disk.exists(each))
  const fixtures = file === undefined ? null : pathToFileURL(file).href
  let where = 'while the module was loaded'
  const thread = new PluginThread(
    { purpose: 'contract', request: { module, fixtures } },
    {
      system,
      what: 'the check',
      unresponsiveMs: UNRESPONSIVE_MS,
      maxHeapMb: MAX_HEAP_MB,
      onMessage: (message) => {
        if (message.type === 'check') where = `in the check "${message.check}" of ${message.plugin}`
      },
    },
  )
  const end = () => void thread.end()
  signal?.addEventListener('abort', end, { once: true })
  try {
    return { path, plugins: (await thread.result) as readonly CheckedPlugin[], problem: null }
  } catch (error) {
    return { path, plugins: [], problem: `${(error as Error).message} (${where})` }
  } finally {
    signal?.removeEventListener('abort', end)
    await thread.end()
  }
}
