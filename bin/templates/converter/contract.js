/** For the checks of the contract, by class. Without `values`, the checks use texts; `schema` is theirs, where the converter needs one. */
export default {
  'org.example.MyPluginConverter': { config: { digits: 'base64' } },
}
