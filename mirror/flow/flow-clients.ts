/**
 * The clients of a flow, named after it and its side, so that brokers show whose connections they are. Consumer, producer and admin client
 * of a side are one client where their settings are the same.
 */
import { type Client, type ClientSecurity, clientSecurity, createClient } from '../../core/client/index.ts'
import type { SystemProperties } from '../../core/security/sasl/types.ts'
import type { System } from '../../core/system/index.ts'
import { type ClientConfig, type ClientKind, clientKinds, isSameClient, type Side } from '../settings/client-settings.ts'
import type { FlowSettings } from '../settings/mm2-properties.ts'
import { clientByKind } from './client-by-kind.ts'

/** Clients of a side that have the same settings. */
interface SharedClient {
  config: ClientConfig
  kinds: ClientKind[]
}

function sharedClients({ clients }: FlowSettings[Side]): SharedClient[] {
  const shared: SharedClient[] = []
  for (const kind of clientKinds) {
    const same = shared.find(({ config }) => isSameClient(config, clients[kind]))
    if (same) same.kinds.push(kind)
    else shared.push({ config: clients[kind], kinds: [kind] })
  }
  return shared
}

/** Closes what it has created before an error. */
function securities(shared: readonly SharedClient[], system: System, properties: SystemProperties): ClientSecurity[] {
  const created: ClientSecurity[] = []
  for (const { config } of shared) {
    try {
      created.push(clientSecurity(config.security(), system, properties))
    } catch (error) {
      for (const security of created) security.close()
      throw config.refused(error as Error)
    }
  }
  return created
}

/** Throws MirrorSettingsError where the security of a client is not usable. It connects to nothing. */
export function checkClients(settings: FlowSettings, side: Side, system: System, properties: SystemProperties): void {
  for (const security of securities(sharedClients(settings[side]), system, properties)) security.close()
}

/** `role` is part of the client id. */
export function createSideClient(settings: FlowSettings, side: Side, role: string, system: System, properties: SystemProperties): Client {
  const { config } = settings[side]
  const shared = sharedClients(settings[side])
  const security = securities(shared, system, properties)
  const byKind = {} as Record<ClientKind, Client>
  for (const [index, { config: client, kinds }] of shared.entries()) {
    const name = shared.length === 1 ? role : `${role}-${kinds.join('-')}`
    const created = createClient(
      {
        bootstrapServers: client.bootstrapServers,
        clientId: `${client.clientId ? `${client.clientId}|` : ''}${name}`,
        requestTimeoutMs: config['request.timeout.ms'],
        metadataMaxAgeMs: settings.config['metadata.max.age.ms'],
        security: security[index]!,
      },
      system,
    )
    for (const kind of kinds) byKind[kind] = created
  }
  return clientByKind(byKind, side === 'source' ? 'consumer' : 'producer')
}

/** Throws MirrorSettingsError where a store or a login module is not usable (any more). */
export function createFlowClients(settings: FlowSettings, system: System, properties: SystemProperties): Record<Side, Client> {
  const create = (side: Side) => createSideClient(settings, side, `${settings.name}|${side}`, system, properties)
  const source = create('source')
  try {
    return { source, target: create('target') }
  } catch (error) {
    void source.close()
    throw error
  }
}
