/**
 * /connector-plugins: lists the plugins of this worker and their settings, and validates configs.
 * Messages name settings, never their values: a value may be a secret.
 */
import { ConnectError } from '../../connect/types.ts'
import { defineResource } from '../resource.ts'
import { configPatch, errorResponse, flag, flagSchema, type RequestConfig, requestConfig } from '../schemas.ts'

interface Plugin {
  Params: { plugin: string }
}

const tags = ['Plugins']
const pluginParams = {
  type: 'object',
  properties: { plugin: { type: 'string', description: 'The class name of the plugin, or its alias' } },
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
  order: 5,
  doc: 'The plugins of this worker, their settings, and validation of configs',
  needs: 'worker',
  register(app, { worker }) {
    app.get<{ Querystring: { connectorsOnly?: string } }>(
      '/connector-plugins',
      {
        schema: {
          tags,
          summary: 'List the connector plugins; all plugins with connectorsOnly=false',
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

    app.get<Plugin & { Querystring: { version?: string } }>(
      '/connector-plugins/:plugin/config',
      {
        schema: {
          tags,
          summary: 'List the settings of a plugin',
          params: pluginParams,
          querystring: {
            type: 'object',
            properties: { version: { type: 'string', default: 'latest', description: 'The version, or a range of versions as [1.0,2.0)' } },
          },
          response: { 200: { description: 'The settings', type: 'array', items: keyInfo }, 400: errorResponse, 404: errorResponse },
        },
      },
      async ({ params, query }) => worker.pluginConfig(params.plugin, query.version),
    )

    app.put<Plugin & { Body: RequestConfig }>(
      '/connector-plugins/:plugin/config/validate',
      {
        config: { numbersAsText: true },
        schema: {
          tags,
          summary: 'Validate a connector config; the response lists the errors of each setting',
          params: pluginParams,
          body: requestConfig,
          response: {
            200: {
              description: 'The number of errors, and each setting with its value and its errors',
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
            400: errorResponse,
          },
        },
      },
      async ({ params, body }) => {
        // Forms send null for an empty field.
        const entries = Object.entries(configPatch(body)).filter((entry): entry is [string, string] => entry[1] !== null)
        const config = Object.fromEntries(entries)
        const type = config['connector.class']
        if (type === undefined) {
          throw new ConnectError(400, `Connector config ${settingNames(config)} contains no connector type: set connector.class.`)
        }
        return worker.validate(params.plugin, config)
      },
    )
  },
})

/** Only the names: values may be secrets. */
const settingNames = (config: Readonly<Record<string, string>>) => `{${Object.keys(config).join(', ')}}`
