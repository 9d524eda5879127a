/**
 * The door of the broker engine: what `bin`, `api` and tests may use of it.
 */
export { type RunningBroker, startBroker } from './broker.ts'
export { ListenError } from './network/socket-server.ts'
export { type BrokerSettings, readBrokerSettings, SettingsError } from './settings.ts'
