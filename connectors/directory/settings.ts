/**
 * The settings of the directory source. Those that Spool Dir's connectors have too have their names: input.path, input.file.pattern,
 * finished.path, error.path, halt.on.error, cleanup.policy, file.minimum.age.ms, empty.poll.wait.ms.
 */
import { resolve } from 'node:path'
import { type ConfigOf, type SettingProblem, setting } from '../../connect/sdk/index.ts'
import { patternProblem } from '../../connect/sdk/java-pattern.ts'
import { readerSettings } from '../file-readers/settings.ts'

const atLeast = (least: number) => (value: number) => (value < least ? `Value must be at least ${least}` : undefined)

export const settings = {
  'input.path': setting.string({
    doc: 'The folder whose files are read. It must exist.',
    importance: 'HIGH',
    check: (path) => (path === '' ? 'String must be non-empty' : undefined),
  }),
  'input.file.pattern': setting.string({
    doc: 'A regular expression that the whole name of a file must match; with input.path.walk.recursively, its path within the folder',
    default: '.*',
    importance: 'HIGH',
    check: patternProblem,
  }),
  'input.path.walk.recursively': setting.boolean({ doc: 'Whether the folders within the folder are read too', default: false }),
  topic: setting.string({
    doc: 'The topic to publish data to',
    importance: 'HIGH',
    check: (topic) => (topic === '' ? 'String must be non-empty' : undefined),
  }),
  format: setting.oneOf(['lines', 'json', 'csv', 'avro', 'parquet'], {
    doc:
      "What the files are: 'lines' of text, 'json' with one value a line, 'csv' whose first line names the columns, 'avro' object container " +
      "files, or 'parquet'",
    default: 'lines',
    importance: 'HIGH',
  }),
  order: setting.oneOf(['name', 'modified'], {
    doc: 'The order of files that are there at the same time: by their names, or by when they were changed last',
    default: 'name',
  }),
  ...readerSettings,
  'file.minimum.age.ms': setting.long({
    doc: 'How long a file must be unchanged before it is read, for writers that do not rename their files when they are complete',
    default: 0,
    check: atLeast(0),
  }),
  'empty.poll.wait.ms': setting.long({
    doc: 'The time between two looks into the folder while there is nothing to read',
    default: 500,
    importance: 'LOW',
    check: atLeast(1),
  }),
  'cleanup.policy': setting.oneOf(['NONE', 'DELETE', 'MOVE'], {
    doc: "What happens to a file whose records are in Kafka: 'NONE' leaves it, 'DELETE' removes it, 'MOVE' moves it to finished.path",
    default: 'NONE',
  }),
  'finished.path': setting.string({ doc: 'The folder for finished files, with cleanup.policy=MOVE', default: null }),
  'error.path': setting.string({ doc: 'The folder for files that cannot be read, with halt.on.error=false', default: null }),
  'halt.on.error': setting.boolean({
    doc: 'Whether a file that cannot be read fails the task; else it is moved to error.path, and the next file is read',
    default: true,
  }),
  'task.count': setting.int({
    doc: 'The number of tasks, which divide the files among them. The connector sets it.',
    default: 1,
    importance: 'LOW',
    visible: false,
  }),
}

export type DirectoryConfig = ConfigOf<typeof settings>

/** Checks that concern several settings. */
export function check(config: DirectoryConfig): SettingProblem[] {
  const problems: SettingProblem[] = []
  const input = resolve(config['input.path'])
  const needs = (name: 'finished.path' | 'error.path', needed: boolean, why: string) => {
    const path = config[name]
    if (needed && path === null) problems.push({ setting: name, why: `${why} needs it` })
    // What is moved there must not be read again.
    else if (
      path !== null &&
      `${resolve(path)}/`.startsWith(`${input}/`) &&
      (resolve(path) === input || config['input.path.walk.recursively'])
    )
      problems.push({ setting: name, why: 'It must not be in the folder that is read' })
  }
  needs('finished.path', config['cleanup.policy'] === 'MOVE', 'cleanup.policy=MOVE')
  needs('error.path', !config['halt.on.error'], 'halt.on.error=false')
  if (config.format === 'parquet' && config.compression !== 'auto' && config.compression !== 'none')
    problems.push({
      setting: 'compression',
      why: 'A Parquet file is compressed inside, and cannot be read where it is compressed as a whole',
    })
  return problems
}
