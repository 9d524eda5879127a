/**
 * What a thread does with a module of plugins whose contract is checked: it loads the module and its fixtures, and runs the checks one
 * after the other. Before each it says which, so that its owner knows where a plugin that computes for ever was.
 */
import { type ContractFixtures, contractReport } from '../../contract/index.ts'
import type { CheckedPlugin, ContractRequest } from './thread-messages.ts'

const hasFixtures = (value: unknown): value is ContractFixtures => typeof value === 'object' && value !== null

export async function checkInThread(
  { module, fixtures: file }: ContractRequest,
  before: (plugin: string, check: string) => void,
): Promise<readonly CheckedPlugin[]> {
  const loaded = (await import(module)) as { default?: unknown; fixtures?: unknown }
  const fixtures = file === null ? (loaded.fixtures ?? {}) : ((await import(file)) as { default?: unknown }).default
  if (!hasFixtures(fixtures))
    throw new Error(
      `${file ?? module} has no fixtures: ${file === null ? 'export `fixtures`' : 'default-export'} an object of them by class`,
    )
  const reports = await contractReport(loaded.default, fixtures, before)
  return reports.map(({ failed, ...report }) => ({
    ...report,
    failed: failed.map(({ check, error }) => ({ check, message: error.message, stack: error.stack ?? null })),
  }))
}
