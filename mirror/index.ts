/**
 * The public part of the mirror: starting the mirrors of a process, and the mirror's connectors.
 */
export { mirrorConnectors } from './connector.ts'
export { type MirrorService, startMirrors } from './service.ts'
export { MirrorSettingsError } from './settings/mm2-properties.ts'
export * from './types.ts'
