/**
 * The public interface of the broker, for `bin` and `api`.
 */

export { type RunningBroker, startBroker } from './broker.ts'
export { ListenError } from './network/socket-server.ts'
export { javaSystemProperties } from './security/sasl/java-system-properties.ts'
export { type BrokerSettings, readBrokerSettings, SettingsError } from './settings.ts'
