/** /connector-plugins: what can be run here, its settings, and whether a config fits them. */
import { ConnectError } from '../../connect/types.ts'
import { defineResource } from '../resource.ts'
import { configPatch, errorAnswer, flag, flagSchema, type GivenConfig, givenConfig } from '../schemas.ts'

interface Plugin {
  Params: { plugin: string }
}

const tags = ['Plugins']
const pluginParams = {
  type: 'object',
  properties: { plugin: { type: 'string', description: 'A full class name or an alias of it' } },
  required: ['plugin'],
} as const
const keyInfo = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    type: { type: 'string' },
    required: { type: 'boolean' },
    default_value: { type: ['string', 'null'] },
    importance: { type: 'string', enum: ['HIGH', 'MEDIUM', 'LOW'] },
    documentation: { type: 'string' },
    group: { type: ['string', 'null'] },
    order_in_group: { type: 'integer' },
    width: { type: 'string' },
    display_name: { type: 'string' },
    dependents: { type: 'array', items: { type: 'string' } },
  },
} as const

export default defineResource({
  tag: 'Plugins',
  place: 5,
  doc: 'What can be run here, and its settings',
  needs: 'worker',
  register(app, { worker }) {
    app.get<{ Querystring: { connectorsOnly?: string } }>(
      '/connector-plugins',
      {
        schema: {
          tags,
          summary: 'The connectors that can be run here, or with ?connectorsOnly=false all plugins',
          querystring: {
            type: 'object',
            properties: { connectorsOnly: flagSchema('Leave out converters, transforms and predicates', true) },
          },
          response: {
            200: {
              description: 'The plugins',
              type: 'array',
              items: {
                type: 'object',
                properties: { class: { type: 'string' }, type: { type: 'string' }, version: { type: 'string' } },
              },
            },
          },
        },
      },
      async ({ query }) => worker.plugins(query.connectorsOnly === undefined || flag(query.connectorsOnly)),
    )

    app.get<Plugin>(
      '/connector-plugins/:plugin/config',
      {
        schema: {
          tags,
          summary: 'The settings of a plugin',
          params: pluginParams,
          response: { 200: { description: 'The settings', type: 'array', items: keyInfo }, 400: errorAnswer, 404: errorAnswer },
        },
      },
      async ({ params }) => worker.pluginConfig(params.plugin),
    )

    app.put<Plugin & { Body: GivenConfig }>(
      '/connector-plugins/:plugin/config/validate',
      {
        config: { spelledNumbers: true },
        schema: {
          tags,
          summary: 'Check a config: 200 with the errors of each setting, even where there are some',
          params: pluginParams,
          body: givenConfig,
          response: {
            200: {
              description: 'Each setting with its value and what is wrong with it',
              type: 'object',
              properties: {
                name: { type: 'string' },
                error_count: { type: 'integer' },
                groups: { type: 'array', items: { type: 'string' } },
                configs: {
                  type: 'array',
                  items: {
                    type: 'object',
                    properties: {
                      definition: keyInfo,
                      value: {
                        type: 'object',
                        properties: {
                          name: { type: 'string' },
                          value: { type: ['string', 'null'] },
                          recommended_values: { type: 'array', items: { type: 'string' } },
                          errors: { type: 'array', items: { type: 'string' } },
                          visible: { type: 'boolean' },
                        },
                      },
                    },
                  },
                },
              },
            },
            400: errorAnswer,
          },
        },
      },
      async ({ params, body }) => {
        // a setting of null is one that is not given: a form sends its empty fields so
        const given = Object.entries(configPatch(body)).filter((entry): entry is [string, string] => entry[1] !== null)
        const config = Object.fromEntries(given)
        const type = config['connector.class']
        if (type === undefined) {
          throw new ConnectError(400, `Connector config ${shown(config)} contains no connector type: set connector.class.`)
        }
        return worker.validate(params.plugin, config)
      },
    )
  },
})

/** The names alone: the values may be secrets. */
const shown = (config: Readonly<Record<string, string>>) => `{${Object.keys(config).join(', ')}}`
