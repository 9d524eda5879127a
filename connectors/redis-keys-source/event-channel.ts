/** The channels of keyspace events: `__keyspace@<database>__:<key>`. Pure. */
const prefixOf = (database: number): string => `__keyspace@${database}__:`

export const eventPattern = (keys: string, database: number): string => prefixOf(database) + keys

export const keyOfChannel = (channel: Buffer, database: number): Buffer => channel.subarray(prefixOf(database).length)
