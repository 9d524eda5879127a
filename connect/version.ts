/**
 * The version that the worker and its built-in plugins tell of themselves: the package's.
 */
import about from '../package.json' with { type: 'json' }

export const version: string = about.version
