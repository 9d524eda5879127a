/**
 * librdkafka for tests, through kafka-crab-js. Its native part is an optional package, which npm leaves out where npm runs on an older
 * Node: the error says how to get it.
 */
export async function librdkafka(): Promise<typeof import('kafka-crab-js')> {
  try {
    return await import('kafka-crab-js')
  } catch (error) {
    const { platform, arch } = process
    throw new Error(
      `the native part of kafka-crab-js is missing for ${platform} ${arch}: npm leaves it out where it runs on a Node below 24. ` +
        'Get it with `PATH="$PWD/node_modules/.bin:$PATH" npm install --no-save kafka-crab-js@5`',
      { cause: error },
    )
  }
}
