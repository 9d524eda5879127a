export interface BrokerSettings {
  readonly nodeId: number
}
