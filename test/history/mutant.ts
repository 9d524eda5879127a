/**
 * A broker with a mistake: one text of a source file is replaced as the process loads it, and the file stays as it is. The start fails when
 * the text is not there exactly once, so that a mutant never turns into the broker itself.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

export interface Replacement {
  /** From the root of the project. */
  readonly file: string
  readonly text: string
  readonly by: string
}

const root = join(import.meta.dirname, '../..')
const hook = pathToFileURL(join(import.meta.dirname, 'mutant-hook.ts')).href

/** What a process prints when it has loaded the replaced text of a file. */
export const mutationOf = (file: string): string => `mutated ${file}`

/** The environment that makes a Node process a mutant. */
export const mutantEnvironment = (replacements: readonly Replacement[]): Record<string, string> => ({
  NODE_OPTIONS: `--import=${hook}`,
  TRIBUTARY_TEST_MUTANT: JSON.stringify(
    replacements.map(({ file, text, by }) => ({ url: pathToFileURL(join(root, file)).href, file, text, by })),
  ),
})
