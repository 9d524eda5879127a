/**
 * The mirror room's door.
 */
export { mirrorConnectors } from './connector.ts'
export { type MirrorService, startMirrors } from './service.ts'
export { MirrorSettingsError } from './settings.ts'
export * from './types.ts'
