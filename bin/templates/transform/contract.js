/** For the checks of the contract: settings with which the transform changes some of the sample records. By class. */
export default {
  'org.example.MyPluginTransformation': {
    configs: [{ 'max.length': '2' }, { field: 'string', 'max.length': '2' }],
    // What becomes of a record with a null value: pass, change, drop or fail.
    tombstones: 'pass',
  },
}
