/** The version of this package, from its package.json: what the worker, its plugins and the clients report. */
import packageJson from '../../package.json' with { type: 'json' }

export const version: string = packageJson.version
