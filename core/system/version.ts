/** The version of this package, from its package.json: what the worker, its plugins and the clients report. */
import about from '../../package.json' with { type: 'json' }

export const version: string = about.version
