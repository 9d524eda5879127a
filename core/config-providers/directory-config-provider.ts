/**
 * DirectoryConfigProvider: `${dir:/path/to/folder:file}` is the content of a file in a folder, as orchestrators mount secrets. A line break
 * at the end of the file is part of the value, as in Kafka. The file is read at each resolution.
 */
import { join } from 'node:path'
import { ALLOWED_PATHS, AllowedPaths } from '../config-references/allowed-paths.ts'
import { ConfigProviderError, defineConfigProvider, MAX_SECRET_FILE_BYTES } from '../config-references/config-provider.ts'

/** The name of a file in the folder itself: a key must not lead out of it. */
const isName = (key: string): boolean => key !== '' && key !== '.' && key !== '..' && !/[/\0]/.test(key)

export default defineConfigProvider({
  class: 'org.apache.kafka.common.config.provider.DirectoryConfigProvider',
  async configure(params, { disk, logger }) {
    const paths = await AllowedPaths.parse(params[ALLOWED_PATHS], disk)
    return {
      async get(path, keys) {
        const found = new Map<string, string>()
        if (path === '') return found
        const folder = paths.parseUntrustedPath(path)
        if (folder === null) {
          logger.warn({ path }, `The path ${path} is not allowed to be accessed`)
          return found
        }
        let reading = folder
        try {
          if ((await disk.kindOf(folder)) !== 'folder') {
            logger.warn({ path }, `The path ${path} is not a directory`)
            return found
          }
          for (const key of keys) {
            reading = join(folder, key)
            if (!isName(key) || (await disk.kindOf(reading)) !== 'file') continue
            found.set(key, (await disk.readRegularFile(reading, MAX_SECRET_FILE_BYTES)).toString('utf8'))
          }
        } catch (cause) {
          throw new ConfigProviderError(reading === folder ? `Could not list directory ${folder}` : `Could not read file ${reading}`, {
            cause,
          })
        }
        return found
      },
    }
  },
})
