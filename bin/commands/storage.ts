/**
 * `tributary storage`: kafka-storage for the folders of one node, with its subcommands, flags and words. What it says of feature levels are
 * those of Apache Kafka.
 */
import { readBrokerSettings } from '../../core/index.ts'
import { featureDependencies, formatStorage, storageInfo, versionMapping } from '../../core/storage/index.ts'
import { type Arguments, readArguments, readPropertiesFile } from '../arguments.ts'
import { defineCommand } from '../command.ts'
import { resolveReferences } from '../references.ts'
import { wrongUsage } from '../user-error.ts'

const known = {
  options: ['config', 'cluster-id', 'release-version', 'initial-controllers'],
  lists: ['feature', 'add-scram'],
  flags: ['ignore-formatted', 'standalone', 'no-initial-controllers'],
  short: {
    c: 'config',
    t: 'cluster-id',
    g: 'ignore-formatted',
    r: 'release-version',
    f: 'feature',
    s: 'standalone',
    S: 'add-scram',
    I: 'initial-controllers',
    N: 'no-initial-controllers',
  },
  files: 0,
} as const

export default defineCommand({
  summary: 'Format the log directories of a node, or tell what is in them, as kafka-storage does',
  help: `Usage: tributary storage format --config FILE --cluster-id ID [option]...
       tributary storage info --config FILE
       tributary storage random-uuid
       tributary storage version-mapping [--release-version V]
       tributary storage feature-dependencies --feature NAME=LEVEL...

A broker formats its folders itself at its first start; format them before to choose the cluster id, the feature levels or the
first SCRAM users. Folders are formatted as kafka-storage does: Apache Kafka opens them too. version-mapping prints the feature
levels that Apache Kafka gives a new cluster of a release, feature-dependencies what a level needs.

  -c, --config FILE            the server.properties of the node
  -t, --cluster-id ID          the id of the cluster, for example one of random-uuid
  -g, --ignore-formatted       skips directories that are formatted already
  -r, --release-version V      the release of Apache Kafka whose feature levels are set, for example 4.1
  -f, --feature NAME=LEVEL     the level of a feature; may be repeated
  -S, --add-scram CREDENTIAL   a SCRAM user, 'SCRAM-SHA-256=[name=alice,password=alice-secret]'; may be repeated
  -s, --standalone             a dynamic quorum of this node; needed where controller.quorum.voters is not set
  -I, --initial-controllers V  the same with a directory id: id@host:port:directoryId of this node
  -N, --no-initial-controllers refused: Tributary is its own controller`,
  endsByItself: true,
  async run({ args, system, print }) {
    const [subcommand, ...rest] = args
    if (subcommand === 'random-uuid') {
      readArguments('storage', rest, { files: 0 })
      print(system.random.uuid())
      return 0
    }
    if (subcommand === 'version-mapping') {
      const { options } = readArguments('storage', rest, { options: ['release-version'], short: { r: 'release-version' }, files: 0 })
      for (const line of versionMapping(options['release-version'])) print(line)
      return 0
    }
    if (subcommand === 'feature-dependencies') {
      const { lists } = readArguments('storage', rest, { lists: ['feature'], short: { f: 'feature' }, files: 0 })
      if (!lists.feature?.length) throw wrongUsage('storage feature-dependencies needs --feature.', 'storage')
      for (const line of lists.feature.flatMap(featureDependencies)) print(line)
      return 0
    }
    if (subcommand !== 'format' && subcommand !== 'info')
      throw wrongUsage(
        `storage needs format, info, random-uuid, version-mapping or feature-dependencies${subcommand === undefined ? '' : `, not "${subcommand}"`}.`,
        'storage',
      )
    const parsed = readArguments('storage', rest, known)
    const settings = readBrokerSettings(await resolveReferences(await readPropertiesFile(required(parsed, 'config')), system))
    if (subcommand === 'info') {
      const { lines, hasProblems } = storageInfo(settings, system.disk)
      for (const line of lines) print(line)
      return hasProblems ? 1 : 0
    }
    const { options, lists, flags } = parsed
    const format = {
      clusterId: required(parsed, 'cluster-id'),
      ignoreFormatted: flags.has('ignore-formatted'),
      releaseVersion: options['release-version'],
      features: lists.feature ?? [],
      scram: lists['add-scram'] ?? [],
      standalone: flags.has('standalone'),
      noInitialControllers: flags.has('no-initial-controllers'),
      initialControllers: options['initial-controllers'],
    }
    await formatStorage(settings, format, system, print)
    return 0
  },
})

function required({ options }: Arguments, name: string): string {
  const value = options[name]
  if (value === undefined) throw wrongUsage(`storage needs --${name}.`, 'storage')
  return value
}
