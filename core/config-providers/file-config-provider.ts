/**
 * FileConfigProvider: `${file:/path/to/secrets.properties:key}` is the value of a key in a .properties file. The file is read at each
 * resolution.
 */
import { ALLOWED_PATHS, AllowedPaths } from '../config-references/allowed-paths.ts'
import { ConfigProviderError, defineConfigProvider, MAX_SECRET_FILE_BYTES } from '../config-references/config-provider.ts'
import { parseProperties } from '../system/java-properties.ts'

/** Strict: as in Java, a file that is not UTF-8 cannot be read. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The reason why a text is no .properties file quotes it: it is left out, because the text is secret. */
function propertiesOf(bytes: Buffer): Record<string, string> {
  try {
    return parseProperties(utf8.decode(bytes))
  } catch {
    throw new Error('it is not a .properties file in UTF-8')
  }
}

export default defineConfigProvider({
  class: 'org.apache.kafka.common.config.provider.FileConfigProvider',
  async configure(params, { disk, logger }) {
    const paths = await AllowedPaths.parse(params[ALLOWED_PATHS], disk)
    return {
      async get(path, keys) {
        const found = new Map<string, string>()
        if (path === '') return found
        const file = paths.parseUntrustedPath(path)
        if (file === null) {
          logger.warn({ path }, `The path ${path} is not allowed to be accessed`)
          return found
        }
        let properties: Record<string, string>
        try {
          properties = propertiesOf(await disk.readRegularFile(file, MAX_SECRET_FILE_BYTES))
        } catch (cause) {
          throw new ConfigProviderError(`Could not read properties from file ${path}`, { cause })
        }
        for (const key of keys) if (Object.hasOwn(properties, key)) found.set(key, properties[key]!)
        return found
      },
    }
  },
})
