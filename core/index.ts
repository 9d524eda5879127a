/**
 * The public interface of the broker, for `bin` and `api`.
 */

export { type RunningBroker, startBroker } from './broker.ts'
export { featureDependencies, versionMapping } from './cluster/feature-levels.ts'
export { ListenError } from './network/socket-server.ts'
export { type BrokerSettings, readBrokerSettings, SettingsError } from './settings.ts'
export { type FormatOptions, formatStorage } from './storage/format.ts'
export { storageInfo } from './storage/log-directories.ts'
