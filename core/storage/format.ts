/**
 * Formats the log directories of a new node as `kafka-storage format` does: meta.properties, the first records of the cluster, and for a
 * dynamic quorum its first voter. What one node cannot be is refused with a sentence. Files are replaced as a whole (Invariant 8), and
 * meta.properties comes last: a directory without it is not formatted.
 */
import { join } from 'node:path'
import { METADATA_VERSION, metadataVersionName } from '../cluster/features.ts'
import { metadataFolder } from '../cluster/metadata-log.ts'
import { encodeSnapshotFile } from '../cluster/snapshot-file.ts'
import { FIRST_VOTERS, OWNER_ONLY, snapshotName } from '../cluster/snapshots.ts'
import { checkStaticVoters, ownVoter, quorumControls } from '../cluster/voters.ts'
import { formatProperties } from '../log/checkpoint.ts'
import type { BrokerSettings } from '../settings.ts'
import { createFolder } from '../system/disk.ts'
import type { System } from '../system/index.ts'
import type { NewMetadataRecord } from '../wire/metadata-records.ts'
import { bootstrapFeatures } from './bootstrap-features.ts'
import { logDirectories, META_FILE, metadataDirectory, metaProperties } from './log-directories.ts'
import { scramRecord } from './scram-credential.ts'

/** Bytes of a salt that no argument gives. */
const SALT_BYTES = 20

export interface FormatOptions {
  readonly clusterId: string
  readonly ignoreFormatted?: boolean
  readonly releaseVersion?: string | undefined
  /** `name=level` each. */
  readonly features?: readonly string[]
  readonly scram?: readonly string[]
  readonly standalone?: boolean
  readonly noInitialControllers?: boolean
  /** `id@host:port:directoryId`. */
  readonly initialControllers?: string | undefined
}

/** Throws a sentence; nothing is written then. */
export async function formatStorage(
  settings: BrokerSettings,
  options: FormatOptions,
  system: System,
  print: (line: string) => void,
): Promise<void> {
  const { disk, random } = system
  const directoryId = voterDirectory(settings, options)
  const isDynamic = directoryId !== null
  const { levels, kraftVersion } = bootstrapFeatures(options.releaseVersion, options.features ?? [])
  if (kraftVersion === 0 && isDynamic)
    throw new Error('kraft.version=0 needs the voters of controller.quorum.voters: remove --standalone and set them')
  if (kraftVersion === 1 && !isDynamic)
    throw new Error('kraft.version=1 needs a first voter: use --standalone without controller.quorum.voters')
  const scram = (options.scram ?? []).map((argument) => scramRecord(argument, () => random.bytes(SALT_BYTES)))
  const directories = unformatted(settings, options, disk)
  if (directories.length === 0) {
    print('All of the log directories are already formatted.')
    return
  }
  const metadataVersion = levels.get(METADATA_VERSION)!
  const features = [...levels].map(([name, featureLevel]): NewMetadataRecord => ({ type: 'FeatureLevelRecord', name, featureLevel }))
  const now = system.clock.now()
  const snapshot = { epoch: 0, timestamp: now, metadataVersion }
  const bootstrap = encodeSnapshotFile({ ...snapshot, lastContainedLogTimestamp: 0, controls: [], records: [...features, ...scram] })
  for (const path of directories) {
    const isMetadata = path === metadataDirectory(settings)
    const id = isMetadata && directoryId ? directoryId : random.uuid()
    const kind = !isMetadata ? 'data' : isDynamic ? 'dynamic metadata voter' : 'metadata'
    print(`Formatting ${kind} directory ${path} with ${METADATA_VERSION} ${metadataVersionName(metadataVersion)}.`)
    await createFolder(disk, path)
    await disk.replaceFile(join(path, 'bootstrap.checkpoint'), bootstrap, OWNER_ONLY)
    if (isMetadata && isDynamic) {
      const controls = quorumControls(ownVoter(settings, id))
      const folder = metadataFolder(path)
      await createFolder(disk, folder)
      const voters = encodeSnapshotFile({ ...snapshot, lastContainedLogTimestamp: now, controls, records: [] })
      await disk.replaceFile(join(folder, snapshotName(FIRST_VOTERS)), voters, OWNER_ONLY)
    }
    const properties = { version: '1', 'node.id': String(settings.nodeId), 'directory.id': id, 'cluster.id': options.clusterId }
    await disk.replaceFile(join(path, META_FILE), formatProperties(new Map(Object.entries(properties))))
  }
}

/** The directory id of the only voter of a dynamic quorum; empty for a new one, null for a static quorum. */
function voterDirectory(settings: BrokerSettings, options: FormatOptions): string | null {
  const { standalone = false, noInitialControllers = false, initialControllers } = options
  const chosen = [standalone, noInitialControllers, initialControllers !== undefined].filter(Boolean).length
  if (chosen > 1) throw new Error('Use only one of --standalone, --initial-controllers and --no-initial-controllers.')
  checkStaticVoters(settings)
  const hasVoters = settings.values['controller.quorum.voters'].length > 0
  if (noInitialControllers)
    throw new Error(
      '--no-initial-controllers is for a node that joins a quorum of others. Tributary is its own controller: use --standalone',
    )
  if (hasVoters && chosen > 0)
    throw new Error(
      'You cannot specify controller.quorum.voters and format the node with --initial-controllers or --standalone. If you want to use dynamic ' +
        'quorum, please remove controller.quorum.voters and specify controller.quorum.bootstrap.servers instead.',
    )
  if (hasVoters) return null
  if (chosen === 0)
    throw new Error(
      'Because controller.quorum.voters is not set on this controller, you must specify one of the following: --standalone, ' +
        '--initial-controllers, or --no-initial-controllers.',
    )
  return initialControllers === undefined ? '' : namedDirectory(initialControllers, settings.nodeId)
}

function namedDirectory(initialControllers: string, nodeId: number): string {
  const voters = initialControllers.split(',')
  const [, id, directory = ''] = /^(\d+)@.+:\d+:([\w-]{22})$/.exec(voters[0]!.trim()) ?? []
  if (voters.length === 1 && Number(id) === nodeId) return directory
  throw new Error(
    `--initial-controllers ${initialControllers}: Tributary runs as the only voter, name this node alone (${nodeId}@host:port:directoryId), ` +
      'or use --standalone',
  )
}

function unformatted(settings: BrokerSettings, { clusterId, ignoreFormatted }: FormatOptions, disk: System['disk']): string[] {
  return logDirectories(settings).filter((directory) => {
    const properties = metaProperties(disk, directory)
    if (properties === null) return true
    const found = properties.get('cluster.id')
    if (found !== undefined && found !== clusterId)
      throw new Error(`Invalid cluster.id in: ${join(directory, META_FILE)}. Expected ${clusterId}, but read ${found}`)
    const node = properties.get('node.id')
    if (node !== undefined && Number(node) !== settings.nodeId)
      throw new Error(`Invalid node.id in: ${join(directory, META_FILE)}. Expected ${settings.nodeId}, but read ${node}`)
    if (!ignoreFormatted)
      throw new Error(
        `Log directory ${directory} is already formatted. Use --ignore-formatted to ignore this directory and format the others.`,
      )
    return false
  })
}
