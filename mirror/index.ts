/**
 * The mirror room's door.
 */
export { type MirrorService, startMirrors } from './service.ts'
export { MirrorSettingsError } from './settings.ts'
export * from './types.ts'
