/**
 * Reads the files of a folder one after the other, and looks for further ones when all are read.
 */
import { defineSource, InvalidSetting, type SourceBatch, type SourceContext, sleep } from '../../connect/sdk/index.ts'
import { validatePositions } from './position.ts'
import { check, type DirectoryConfig, settings } from './settings.ts'

/** A large folder is not listed all the time: the next look waits for this many times what the last one has taken. */
const REST_FACTOR = 4

export const directorySource = defineSource({
  class: 'tributary.file.DirectorySourceConnector',
  aliases: ['DirectorySource', 'DirectorySourceConnector'],
  settings,
  check,
  tasks: (_config, maxTasks) => Array.from({ length: maxTasks }, () => ({ 'task.count': String(maxTasks) })),
  checkPositions: (_config, positions) => validatePositions(positions),
  // A record is at one place of a file that does not change.
  exactlyOnceSupport: () => 'supported',

  async *read(context: SourceContext<DirectoryConfig>): AsyncGenerator<SourceBatch, void, void> {
    const { config, signal } = context
    const [wrong] = check(config)
    if (wrong) throw new InvalidSetting(wrong.setting, String(config[wrong.setting as keyof DirectoryConfig]), wrong.why)
    // Every worker loads this connector, but only those that use it load what reads files.
    const { FolderReading } = await import('./folder-reading.ts')
    const reading = new FolderReading(context)
    while (!signal.aborted) {
      yield* reading.readNew()
      if (!signal.aborted) await sleep(Math.max(config['empty.poll.wait.ms'], REST_FACTOR * reading.listingMs), signal)
    }
  },
})
