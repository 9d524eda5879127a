/**
 * The mirror room's door.
 */
export { mirrorConnectors } from './connector.ts'
export { type MirrorService, startMirrors } from './service.ts'
export { MirrorSettingsError } from './settings/mm2-properties.ts'
export * from './types.ts'
