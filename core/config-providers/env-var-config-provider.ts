/**
 * EnvVarConfigProvider: `${env:NAME}` is an environment variable of the process. `allowlist.pattern` says which variables may be read; it
 * must match the whole name.
 */
import { ConfigProviderError, defineConfigProvider } from '../config-references/config-provider.ts'

const ALLOWLIST_PATTERN = 'allowlist.pattern'

function patternOf(text: string): RegExp {
  try {
    return new RegExp(`^(?:${text})$`)
  } catch (cause) {
    throw new ConfigProviderError(`${ALLOWLIST_PATTERN}: "${text}" is not a regular expression`, { cause })
  }
}

export default defineConfigProvider({
  class: 'org.apache.kafka.common.config.provider.EnvVarConfigProvider',
  async configure(params, { environment, logger }) {
    const allowlist = params[ALLOWLIST_PATTERN]
    if (allowlist === undefined) logger.info({}, "No pattern for environment variables provided. Using default pattern '(.*)'.")
    const pattern = patternOf(allowlist ?? '.*')
    return {
      async get(path, keys) {
        if (path !== '') throw new ConfigProviderError(`Path is not supported for EnvVarConfigProvider, invalid value '${path}'`)
        const found = new Map<string, string>()
        for (const key of keys) {
          const value = Object.hasOwn(environment, key) && pattern.test(key) ? environment[key] : undefined
          if (value !== undefined) found.set(key, value)
        }
        return found
      },
    }
  },
})
